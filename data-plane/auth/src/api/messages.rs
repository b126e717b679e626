//! `/admin/messages`, which is ours: the built-in mailbox, for who administers the project.

use axum::{
    Json,
    extract::{Path, Query, rejection::QueryRejection},
};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    caller::Admin,
    error::{AuthError, ErrorCode},
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

pub(crate) async fn clear(admin: Admin) -> Result<Json<Value>, AuthError> {
    let db = admin.caller.db().await?;
    messages::clear(&db).await?;
    Ok(Json(json!({})))
}
