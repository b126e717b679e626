//! `_auth.messages`: the built-in mailbox.

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::{Row, types::Json};
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

/// Messages kept at most, and their bytes as the table has them, compressed; the oldest go, but never the newest.
const KEPT: i64 = 1000;
const KEPT_BYTES: i64 = 64 * 1024 * 1024;

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
    // Sizes are read without unpacking what they are of.
    db.execute(
        "with newest as (select id, row_number() over newest as number, \
             sum(pg_column_size(body) + pg_column_size(data)) over newest as bytes \
             from _auth.messages window newest as (order by created_at desc, id desc)) \
         delete from _auth.messages as kept using newest \
         where kept.id = newest.id and (number > $1 or number > 1 and bytes > $2)",
        &[&KEPT, &KEPT_BYTES],
    )
    .await?;
    Ok(())
}

/// One as the mailbox lists it.
#[derive(Debug, Serialize)]
pub struct MessageHead {
    pub id: Uuid,
    pub user_id: Option<Uuid>,
    pub channel: String,
    pub kind: String,
    pub recipient: String,
    pub subject: String,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// One in full.
#[derive(Debug, Serialize)]
pub struct Message {
    #[serde(flatten)]
    pub head: MessageHead,
    pub body: String,
    pub data: Value,
}

/// The newest, or those before one of them; of all recipients, or of one.
///
/// # Errors
/// [`StoreError`]
pub async fn page(db: &Db, recipient: Option<&str>, before: Option<Uuid>, limit: i64) -> Result<Vec<MessageHead>, StoreError> {
    let sql = "select id, user_id, channel, kind, recipient, subject, created_at from _auth.messages \
         where ($1::text is null or recipient = $1) \
         and ($2::uuid is null or (created_at, id) < (select created_at, id from _auth.messages where id = $2)) \
         order by created_at desc, id desc limit $3";
    Ok(db.rows(sql, &[&recipient, &before, &limit]).await?.iter().map(head).collect())
}

/// One, by id.
///
/// # Errors
/// [`StoreError`]
pub async fn find(db: &Db, id: Uuid) -> Result<Option<Message>, StoreError> {
    let sql = "select id, user_id, channel, kind, recipient, subject, created_at, body, data from _auth.messages where id = $1";
    Ok(db.row(sql, &[&id]).await?.map(|row| Message { head: head(&row), body: row.get(7), data: row.get(8) }))
}

/// Removes all of them.
///
/// # Errors
/// [`StoreError`]
pub async fn clear(db: &Db) -> Result<(), StoreError> {
    db.execute("delete from _auth.messages", &[]).await?;
    Ok(())
}

fn head(row: &Row) -> MessageHead {
    MessageHead {
        id: row.get(0),
        user_id: row.get(1),
        channel: row.get(2),
        kind: row.get(3),
        recipient: row.get(4),
        subject: row.get(5),
        created_at: row.get(6),
    }
}
