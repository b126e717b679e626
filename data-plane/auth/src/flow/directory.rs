//! Looking through users, and what GoTrue's administrators can't do: a user's sessions, and identities taken off.

use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{UserRecord, admin, audit, audit::Action, no_such_user};
use crate::{
    caller::{Admin, Caller},
    error::{AuthError, ErrorCode},
    model::{Passkey, Session, timestamp},
    store::{
        self,
        directory::{self, Order, Position, Search, Show, Total, Wanted},
    },
};

/// Sessions of a user that are shown at most.
const SESSIONS: i64 = 100;

/// From so many bytes of users on, not all of them are read for a search that nobody has asked to be so thorough: about 50,000.
const MANY: i64 = 32 * 1024 * 1024;

/// How thorough a search is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    Beginning,
    Anywhere,
}

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) show: Show,
    pub(crate) search: Option<String>,
    /// By the number of users, where it is not said.
    pub(crate) matching: Option<Match>,
    pub(crate) order: Order,
    pub(crate) position: Position,
    pub(crate) limit: usize,
}

/// One page of the directory.
#[derive(Debug, Serialize)]
pub(crate) struct DirectoryPage {
    users: Vec<UserRecord>,
    /// Cursors.
    previous: Option<String>,
    next: Option<String>,
    /// Null where counting would read all users once more.
    total: Option<Counted>,
    /// How it was searched.
    #[serde(rename = "match")]
    matching: Option<&'static str>,
    /// By which anybody can sign in.
    providers: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Counted {
    count: i64,
    kind: &'static str,
}

pub(crate) async fn look(caller: &Caller, look: Look) -> Result<DirectoryPage, AuthError> {
    let db = caller.db().await?;
    let matching = match (&look.search, look.matching) {
        (None, _) => None,
        (Some(_), Some(said)) => Some(said),
        (Some(_), None) if directory::size(&db).await? > MANY => Some(Match::Beginning),
        (Some(_), None) => Some(Match::Anywhere),
    };
    let search = match look.search.zip(matching) {
        None => None,
        Some((text, Match::Beginning)) => Some(directory::narrowed(&db, Search::beginning(&text), &look.show).await?),
        Some((text, Match::Anywhere)) => Some(Search::anywhere(&text)),
    };
    let is_whole = look.position == Position::Beginning;
    let wanted = Wanted { show: look.show, search, order: look.order, position: look.position, limit: look.limit };
    let page = directory::page(&db, &wanted).await?;
    let total = match matching {
        // Nothing is before this page, nor after it.
        _ if is_whole && page.next.is_none() => Some(Total::Exact(i64::try_from(page.ids.len()).unwrap_or(i64::MAX))),
        Some(Match::Anywhere) => None,
        Some(Match::Beginning) | None => Some(directory::total(&db, &wanted).await?),
    };
    Ok(DirectoryPage {
        users: admin::records(&db, store::users::in_order(&db, &page.ids).await?).await?,
        previous: page.previous.map(|place| place.cursor()),
        next: page.next.map(|place| place.cursor()),
        total: total.map(|total| match total {
            Total::Exact(count) => Counted { count, kind: "exact" },
            Total::About(count) => Counted { count, kind: "estimate" },
            Total::MoreThan(count) => Counted { count, kind: "more_than" },
        }),
        matching: matching.map(|matching| match matching {
            Match::Beginning => "beginning",
            Match::Anywhere => "anywhere",
        }),
        providers: directory::providers(&db).await?,
    })
}

/// Everything of one user.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    user: UserRecord,
    has_password: bool,
    is_sso_user: bool,
    /// The newest first.
    sessions: Vec<SessionView>,
    /// There are more of them than are shown.
    more_sessions: bool,
    passkeys: Vec<Passkey>,
}

#[derive(Debug, Serialize)]
struct SessionView {
    id: Uuid,
    #[serde(serialize_with = "timestamp::serialize")]
    created_at: OffsetDateTime,
    #[serde(serialize_with = "timestamp::option")]
    refreshed_at: Option<OffsetDateTime>,
    #[serde(serialize_with = "timestamp::option")]
    not_after: Option<OffsetDateTime>,
    aal: &'static str,
    /// How the user showed who it is, such as `password`.
    methods: Vec<String>,
    user_agent: Option<String>,
    ip: Option<String>,
    /// The client of the OAuth server that has it.
    oauth_client_id: Option<Uuid>,
}

impl SessionView {
    fn of(session: Session, methods: &[(Uuid, Vec<String>)]) -> Self {
        let methods = methods.iter().find(|(id, _)| *id == session.id).map(|(_, methods)| methods.clone());
        Self {
            id: session.id,
            created_at: session.created_at,
            refreshed_at: session.refreshed_at,
            not_after: session.not_after,
            aal: session.aal.as_str(),
            methods: methods.unwrap_or_default(),
            user_agent: session.user_agent.filter(|agent| !agent.is_empty()),
            ip: session.ip.map(|ip| ip.to_string()),
            oauth_client_id: session.oauth_client_id,
        }
    }
}

pub(crate) async fn entry(caller: &Caller, id: Uuid) -> Result<Entry, AuthError> {
    let db = caller.db().await?;
    let user = store::users::find(&db, id).await?.ok_or_else(no_such_user)?;
    let mut sessions = store::sessions::newest_of_user(&db, id, SESSIONS + 1).await?;
    let more_sessions = i64::try_from(sessions.len()).is_ok_and(|found| found > SESSIONS);
    if more_sessions {
        sessions.pop();
    }
    let ids: Vec<_> = sessions.iter().map(|session| session.id).collect();
    let methods = store::sessions::methods(&db, &ids).await?;
    Ok(Entry {
        has_password: user.encrypted_password.as_deref().is_some_and(|hash| !hash.is_empty()),
        is_sso_user: user.is_sso_user,
        sessions: sessions.into_iter().map(|session| SessionView::of(session, &methods)).collect(),
        more_sessions,
        passkeys: store::passkeys::of_user(&db, id).await?,
        user: UserRecord::load(&db, user).await?,
    })
}

/// Ends one session of a user's, or all. Access tokens that are out stay good where nobody asks Auth, until they expire.
pub(crate) async fn end_sessions(admin: &Admin, user_id: Uuid, session_id: Option<Uuid>) -> Result<(), AuthError> {
    let tx = admin.caller.begin().await?;
    let outcome = async {
        let user = super::lock(&tx, user_id).await?;
        let mut traits = admin::traits(&user);
        match session_id {
            None => super::end_sessions(&tx, user_id, None).await?,
            Some(id) => {
                let session = store::sessions::find_for_update(&tx, id).await?;
                session.filter(|session| session.user_id == user_id).ok_or_else(no_such_session)?;
                store::sessions::delete(&tx, id).await?;
                traits["session_id"] = json!(id);
            }
        }
        audit::note_of_admin(&admin.caller, &tx, &admin.claims.role, Action::Logout, traits).await?;
        Ok(())
    }
    .await;
    tx.end(outcome).await
}

fn no_such_session() -> AuthError {
    AuthError::not_found(ErrorCode::SessionNotFound, "The user has no such session")
}
