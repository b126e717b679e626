//! `/admin/messages`, which is ours: the built-in mailbox, an example of a mail and a test, for who administers the project.

use axum::{
    Json,
    extract::{Path, Query, rejection::QueryRejection},
};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::json;
use crate::{
    caller::Admin,
    error::{AuthError, ErrorCode},
    flow::{
        address,
        example::{self, Example},
    },
    settings::MailKind,
    store::messages::{self, Message},
};

/// Messages on a page where nothing else is asked for, and at most.
const PAGE: i64 = 50;
const LONGEST_PAGE: i64 = 200;

#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    recipient: Option<String>,
    /// Id of the last message of the page before.
    before: Option<Uuid>,
    limit: Option<i64>,
}

/// The newest first, without their bodies.
pub(crate) async fn list(admin: Admin, wanted: Result<Query<Wanted>, QueryRejection>) -> Result<Json<Value>, AuthError> {
    let Query(wanted) = wanted.map_err(|_| AuthError::validation("before must be a message's id, and limit a number"))?;
    let recipient = wanted.recipient.as_deref().filter(|recipient| !recipient.is_empty());
    let limit = wanted.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
    let db = admin.caller.db().await?;
    Ok(Json(json!({ "messages": messages::page(&db, recipient, wanted.before, limit).await? })))
}

pub(crate) async fn get(admin: Admin, Path(id): Path<String>) -> Result<Json<Message>, AuthError> {
    let missing = || AuthError::not_found(ErrorCode::ValidationFailed, "There is no such message");
    let id: Uuid = id.parse().map_err(|_| missing())?;
    let db = admin.caller.db().await?;
    messages::find(&db, id).await?.map(Json).ok_or_else(missing)
}

#[derive(Debug, Deserialize)]
pub(crate) struct Templates {
    /// As in settings: `magic_link`.
    kind: String,
    subject: Option<String>,
    content: Option<String>,
}

/// A mail of a kind, filled with an example; what is wrong with its templates is part of the answer.
pub(crate) async fn preview(admin: Admin, json::Json(given): json::Json<Templates>) -> Result<Json<Example>, AuthError> {
    let kind = MailKind::ALL.into_iter().find(|kind| kind.name() == given.kind);
    let kind = kind.ok_or_else(|| AuthError::validation("kind must be one of the mails that there are"))?;
    example::example(&admin.caller, kind, given.subject.as_deref(), given.content.as_deref()).map(Json)
}

#[derive(Debug, Deserialize)]
pub(crate) struct Recipient {
    #[serde(default)]
    email: String,
}

/// Sends a mail that says that mails arrive.
pub(crate) async fn test(admin: Admin, json::Json(to): json::Json<Recipient>) -> Result<Json<Value>, AuthError> {
    let is_sent = example::test(&admin.caller, address::email(&to.email)?).await?;
    Ok(Json(json!({ "delivered_by": if is_sent { "smtp" } else { "mailbox" } })))
}

pub(crate) async fn clear(admin: Admin) -> Result<Json<Value>, AuthError> {
    let db = admin.caller.db().await?;
    messages::clear(&db).await?;
    Ok(Json(json!({})))
}
