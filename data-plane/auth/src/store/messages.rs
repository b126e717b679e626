//! `_auth.messages`: the built-in mailbox.

use serde_json::Value;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{Db, StoreError};

/// A message that was kept instead of sent.
#[derive(Debug)]
pub struct KeptMessage<'a> {
    pub user_id: Option<Uuid>,
    /// `email` or `sms`
    pub channel: &'static str,
    /// Such as `confirmation`.
    pub kind: &'a str,
    pub recipient: &'a str,
    pub subject: &'a str,
    pub body: &'a str,
    /// What the body was made from: code, link.
    pub data: &'a Value,
}

/// Messages kept at most; the oldest go.
const KEPT: i64 = 1000;

/// Keeps one.
///
/// # Errors
/// [`StoreError`]
pub async fn insert(db: &Db, message: &KeptMessage<'_>) -> Result<(), StoreError> {
    db.execute(
        "insert into _auth.messages (id, user_id, channel, kind, recipient, subject, body, data) \
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            &Uuid::new_v4(),
            &message.user_id,
            &message.channel,
            &message.kind,
            &message.recipient,
            &message.subject,
            &message.body,
            &Json(message.data),
        ],
    )
    .await?;
    db.execute(
        "delete from _auth.messages where created_at < \
         (select created_at from _auth.messages order by created_at desc offset $1 limit 1)",
        &[&KEPT],
    )
    .await?;
    Ok(())
}
