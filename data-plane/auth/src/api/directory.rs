//! `/_admin`, which is ours: users and audit log page by page, and what GoTrue's `/admin` has no path for. For the same roles.

use axum::{
    Json as Answer,
    extract::{Path, Query, rejection::QueryRejection},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::admin_users::id_of_path;
use crate::{
    caller::Admin,
    error::AuthError,
    flow::{
        directory::{self, DirectoryPage, Entry, Look, Match},
        linking,
    },
    store::{
        audit::{self, Chosen, Who},
        directory::{Order, Place, Position, Show, Sort},
    },
};

/// Rows of a page where nothing else is asked for, and at most.
const PAGE: usize = 50;
const LONGEST_PAGE: usize = 200;

/// What is empty is not said.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    show: String,
    search: String,
    r#match: String,
    sort: String,
    after: String,
    before: String,
    limit: Option<usize>,
}

fn filled(text: String) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn page_size(limit: Option<usize>) -> usize {
    limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE)
}

impl TryFrom<Wanted> for Look {
    type Error = AuthError;

    fn try_from(wanted: Wanted) -> Result<Self, AuthError> {
        let unknown = |name: &str, text: &str| AuthError::validation(format!("{name} can't be {text:?}"));
        let show = match (wanted.show.as_str(), wanted.show.strip_prefix("provider:")) {
            (_, Some(provider)) => Show::Provider(provider.to_owned()),
            ("" | "all", None) => Show::All,
            ("confirmed", None) => Show::Confirmed,
            ("waiting", None) => Show::Waiting,
            ("anonymous", None) => Show::Anonymous,
            ("banned", None) => Show::Banned,
            ("sso", None) => Show::Sso,
            (show, None) => return Err(unknown("show", show)),
        };
        let (sort, descending) = match wanted.sort.as_str() {
            "" | "newest" => (Sort::Created, true),
            "oldest" => (Sort::Created, false),
            "last_sign_in" => (Sort::LastSignIn, true),
            "first_sign_in" => (Sort::LastSignIn, false),
            "email" => (Sort::Email, false),
            "email_desc" => (Sort::Email, true),
            sort => return Err(unknown("sort", sort)),
        };
        let place = |cursor: &str| Place::parse(cursor, sort).ok_or_else(|| unknown("a cursor of this order", cursor));
        Ok(Self {
            show,
            search: filled(wanted.search),
            matching: match wanted.r#match.as_str() {
                "" => None,
                "beginning" => Some(Match::Beginning),
                "anywhere" => Some(Match::Anywhere),
                other => return Err(unknown("match", other)),
            },
            order: Order { sort, descending },
            position: match (wanted.after.as_str(), wanted.before.as_str()) {
                ("", "") => Position::Beginning,
                (after, "") => Position::After(place(after)?),
                ("", before) => Position::Before(place(before)?),
                _ => return Err(AuthError::validation("A page is after a cursor or before one")),
            },
            limit: page_size(wanted.limit),
        })
    }
}

pub(crate) async fn users(
    admin: Admin,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Answer<DirectoryPage>, AuthError> {
    let Query(wanted) = wanted.map_err(|_| AuthError::validation("limit must be a number"))?;
    Ok(Answer(directory::look(&admin.caller, wanted.try_into()?).await?))
}

pub(crate) async fn user(admin: Admin, Path(user_id): Path<String>) -> Result<Answer<Entry>, AuthError> {
    Ok(Answer(directory::entry(&admin.caller, id_of_path(&user_id, "user_id")?).await?))
}

pub(crate) async fn end_sessions(admin: Admin, Path(user_id): Path<String>) -> Result<Answer<Value>, AuthError> {
    directory::end_sessions(&admin, id_of_path(&user_id, "user_id")?, None).await?;
    Ok(Answer(json!({})))
}

pub(crate) async fn end_session(
    admin: Admin,
    Path((user_id, session_id)): Path<(String, String)>,
) -> Result<Answer<Value>, AuthError> {
    let session_id = id_of_path(&session_id, "session_id")?;
    directory::end_sessions(&admin, id_of_path(&user_id, "user_id")?, Some(session_id)).await?;
    Ok(Answer(json!({})))
}

pub(crate) async fn unlink(
    admin: Admin,
    Path((user_id, identity_id)): Path<(String, String)>,
) -> Result<Answer<Value>, AuthError> {
    let identity_id = id_of_path(&identity_id, "identity_id")?;
    linking::unlink_by_admin(&admin, id_of_path(&user_id, "user_id")?, identity_id).await?;
    Ok(Answer(json!({})))
}

/// What is empty is not said.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Entries {
    action: String,
    who: String,
    before: String,
    limit: Option<usize>,
}

/// The newest entries first. `next` is where to look on, `looked_at` how many were looked at for those that are chosen.
pub(crate) async fn audit(admin: Admin, wanted: Result<Query<Entries>, QueryRejection>) -> Result<Answer<Value>, AuthError> {
    let Query(wanted) = wanted.map_err(|_| AuthError::validation("limit must be a number"))?;
    let place = match wanted.before.as_str() {
        "" => None,
        cursor => Some(audit_place(cursor).ok_or_else(|| AuthError::validation("before must be a page's next"))?),
    };
    let chosen = Chosen { action: filled(wanted.action), who: filled(wanted.who).map(|who| Who::of(&who)) };
    let limit = i64::try_from(page_size(wanted.limit)).unwrap_or(i64::MAX);
    let db = admin.caller.db().await?;
    let (entries, next) = audit::before(&db, &chosen, place, limit).await?;
    Ok(Answer(json!({ "entries": entries, "next": next.map(audit_cursor), "looked_at": audit::LOOKED_AT })))
}

fn audit_cursor((at, id): audit::Place) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}{}", id.simple(), at.unix_timestamp_nanos() / 1000))
}

fn audit_place(cursor: &str) -> Option<audit::Place> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (id, micros) = text.split_at_checked(32)?;
    let nanos = micros.parse::<i128>().ok()?.checked_mul(1000)?;
    Some((OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?, Uuid::try_parse(id).ok()?))
}
