//! `/admin/users`, and the second factors of each

use std::time::Duration;

use axum::{
    Json as Answer,
    extract::{Path, Query},
};
use http::{HeaderMap, Uri};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    json::{Json, object},
    page::{Page, Parameters},
};
use crate::{
    caller::Admin,
    error::{AuthError, ErrorCode},
    flow::{
        UserRecord, address,
        admin::{self, Attributes, NewPassword, NewUser},
        audience,
    },
    model::Factor,
    settings::environment::value::duration,
    store::users::Order,
};

pub(crate) async fn list(
    admin: Admin,
    uri: Uri,
    Query(parameters): Query<Parameters>,
) -> Result<(HeaderMap, Answer<Value>), AuthError> {
    let page = Page::of(&parameters)?;
    let given = |name: &str| parameters.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let order = given("sort").map_or(Ok(Order::NewestFirst), order)?;
    let listing = admin::list(&admin.caller, given("filter"), order, page.range()).await?;
    let headers = page.headers(&uri, &parameters, &listing);
    Ok((headers, Answer(json!({ "users": listing.rows, "aud": audience(&admin.caller) }))))
}

/// `created_at asc`
fn order(text: &str) -> Result<Order, AuthError> {
    let mut words = text.split_whitespace();
    let field = words.next().unwrap_or_default();
    if field != "created_at" {
        return Err(AuthError::validation(format!("Bad Sort Parameters: bad field for sort '{field}'")));
    }
    match words.next().unwrap_or("desc") {
        "desc" => Ok(Order::NewestFirst),
        "asc" => Ok(Order::OldestFirst),
        other => {
            let why = format!("bad direction for sort '{other}', only 'asc' and 'desc' allowed");
            Err(AuthError::validation(format!("Bad Sort Parameters: {why}")))
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Body {
    id: Option<String>,
    aud: Option<String>,
    role: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    password: Option<String>,
    password_hash: Option<String>,
    email_confirm: Option<bool>,
    phone_confirm: Option<bool>,
    user_metadata: Option<Value>,
    app_metadata: Option<Value>,
    ban_duration: Option<String>,
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

impl Body {
    fn attributes(self) -> Result<Attributes, AuthError> {
        Ok(Attributes {
            role: filled(self.role),
            email: filled(self.email).map(|email| address::email(&email)).transpose()?,
            phone: filled(self.phone).map(|phone| address::phone(&phone)).transpose()?,
            password: match (filled(self.password), filled(self.password_hash)) {
                (Some(_), Some(_)) => {
                    return Err(AuthError::validation("Only a password or a password hash should be provided"));
                }
                (Some(password), None) => Some(NewPassword::Plain(password)),
                (None, Some(hash)) => Some(NewPassword::Hash(hash)),
                (None, None) => None,
            },
            email_confirm: self.email_confirm.unwrap_or_default(),
            phone_confirm: self.phone_confirm.unwrap_or_default(),
            user_metadata: object(self.user_metadata)?,
            app_metadata: object(self.app_metadata)?,
            ban: filled(self.ban_duration).map(|text| ban(&text)).transpose()?,
        })
    }
}

/// A duration as Go has it, or `none`.
fn ban(text: &str) -> Result<Duration, AuthError> {
    /// Go's longest: about 292 years.
    const LONGEST: Duration = Duration::from_nanos(i64::MAX.unsigned_abs());
    if text == "none" {
        return Ok(Duration::ZERO);
    }
    // Go wants a unit where there is something to count.
    let has_unit = text == "0" || text.bytes().any(|byte| !byte.is_ascii_digit());
    duration(text)
        .filter(|duration| has_unit && *duration <= LONGEST)
        .ok_or_else(|| AuthError::validation(format!("invalid format for ban duration: time: invalid duration {text:?}")))
}

pub(crate) async fn create(admin: Admin, Json(mut body): Json<Body>) -> Result<Answer<UserRecord>, AuthError> {
    let id = filled(body.id.take()).map(|id| chosen_id(&id)).transpose()?;
    let aud = filled(body.aud.take());
    let attributes = body.attributes()?;
    if attributes.email.is_none() && attributes.phone.is_none() {
        return Err(AuthError::validation("Cannot create a user without either an email or phone"));
    }
    Ok(Answer(admin::create(&admin, NewUser { id, aud, attributes }).await?))
}

fn chosen_id(text: &str) -> Result<Uuid, AuthError> {
    match text.parse::<Uuid>() {
        Ok(id) if id.is_nil() => Err(AuthError::validation("ID cannot be a nil uuid")),
        Ok(id) => Ok(id),
        Err(_) => Err(AuthError::validation("ID must conform to the uuid v4 format")),
    }
}

pub(super) fn id_of_path(text: &str, name: &str) -> Result<Uuid, AuthError> {
    text.parse().map_err(|_| AuthError::not_found(ErrorCode::ValidationFailed, format!("{name} must be an UUID")))
}

pub(crate) async fn get(admin: Admin, Path(user_id): Path<String>) -> Result<Answer<UserRecord>, AuthError> {
    Ok(Answer(admin::get(&admin.caller, id_of_path(&user_id, "user_id")?).await?))
}

pub(crate) async fn update(
    admin: Admin,
    Path(user_id): Path<String>,
    Json(body): Json<Body>,
) -> Result<Answer<UserRecord>, AuthError> {
    let user_id = id_of_path(&user_id, "user_id")?;
    Ok(Answer(admin::update(&admin, user_id, body.attributes()?).await?))
}

#[derive(Debug, Deserialize)]
pub(crate) struct Delete {
    #[serde(default)]
    should_soft_delete: Option<bool>,
}

pub(crate) async fn delete(
    admin: Admin,
    Path(user_id): Path<String>,
    Json(body): Json<Delete>,
) -> Result<Answer<Value>, AuthError> {
    let softly = body.should_soft_delete.unwrap_or_default();
    admin::delete(&admin, id_of_path(&user_id, "user_id")?, softly).await?;
    Ok(Answer(json!({})))
}

pub(crate) async fn factors(admin: Admin, Path(user_id): Path<String>) -> Result<Answer<Vec<Factor>>, AuthError> {
    Ok(Answer(admin::factors(&admin.caller, id_of_path(&user_id, "user_id")?).await?))
}

#[derive(Debug, Deserialize)]
pub(crate) struct FactorBody {
    #[serde(default)]
    friendly_name: Option<String>,
    #[serde(default)]
    phone: Option<String>,
}

fn factor_of_path(user_id: &str, factor_id: &str) -> Result<(Uuid, Uuid), AuthError> {
    Ok((id_of_path(user_id, "user_id")?, id_of_path(factor_id, "factor_id")?))
}

pub(crate) async fn update_factor(
    admin: Admin,
    Path((user_id, factor_id)): Path<(String, String)>,
    Json(body): Json<FactorBody>,
) -> Result<Answer<Factor>, AuthError> {
    let (user_id, id) = factor_of_path(&user_id, &factor_id)?;
    let phone = filled(body.phone).map(|phone| address::phone(&phone)).transpose()?;
    Ok(Answer(admin::update_factor(&admin.caller, user_id, id, filled(body.friendly_name), phone).await?))
}

pub(crate) async fn delete_factor(
    admin: Admin,
    Path((user_id, factor_id)): Path<(String, String)>,
) -> Result<Answer<Factor>, AuthError> {
    let (user_id, id) = factor_of_path(&user_id, &factor_id)?;
    Ok(Answer(admin::delete_factor(&admin.caller, user_id, id).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bans_last_as_long_as_go_says() {
        assert_eq!(ban("24h").unwrap(), Duration::from_secs(86_400));
        assert_eq!(ban("1h30m").unwrap(), Duration::from_secs(5400));
        assert_eq!(ban("none").unwrap(), Duration::ZERO);
        assert_eq!(ban("0").unwrap(), Duration::ZERO);
        for wrong in ["10", "forever", "-1h", "1d", "99999999999h"] {
            assert!(ban(wrong).is_err(), "{wrong}");
        }
    }
}
