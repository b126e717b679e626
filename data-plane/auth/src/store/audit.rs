//! `auth.audit_log_entries`

use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{
    Db, StoreError,
    listing::{self, Listing, Range},
};

/// One entry as the administrators' API shows it.
#[derive(Debug, serde::Serialize)]
pub struct AuditEntry {
    pub id: Uuid,
    pub payload: Value,
    #[serde(serialize_with = "crate::model::timestamp::option")]
    pub created_at: Option<OffsetDateTime>,
    pub ip_address: String,
}

/// Notes what somebody did.
///
/// # Errors
/// [`StoreError`]
pub async fn insert(db: &Db, payload: &Value, ip_address: &str) -> Result<(), StoreError> {
    db.execute(
        "insert into auth.audit_log_entries (instance_id, id, payload, created_at, ip_address) \
         values ('00000000-0000-0000-0000-000000000000', $1, $2, now(), $3)",
        &[&Uuid::new_v4(), &Json(payload), &ip_address],
    )
    .await?;
    Ok(())
}

/// One page, the newest first: of all, or of those that have a text in one of some members.
///
/// # Errors
/// [`StoreError`]
pub async fn page(db: &Db, filter: Option<(&[&str], &str)>, range: Range) -> Result<Listing<AuditEntry>, StoreError> {
    let size = listing::size!("auth.audit_log_entries");
    let ids = match filter {
        None => {
            let sql = "select id, null::bigint from auth.audit_log_entries order by created_at desc, id desc limit $1 offset $2";
            listing::ids(db, sql, &[], range, size).await?
        }
        Some((members, text)) => {
            let sql = "with found as materialized (select id, created_at from auth.audit_log_entries as entry \
                       where exists (select from unnest($3::text[]) as member where entry.payload ->> member ilike $4)) \
                       select id, (select count(*) from found) from found order by created_at desc, id desc limit $1 offset $2";
            listing::ids(db, sql, &[&members, &super::containing(text)], range, size).await?
        }
    };
    let sql = "select id, payload, created_at, ip_address from auth.audit_log_entries where id = any($1) \
               order by array_position($1, id)";
    let rows = db.rows(sql, &[&ids.rows]).await?;
    let entries = rows
        .iter()
        .map(|row| AuditEntry { id: row.get(0), payload: row.get(1), created_at: row.get(2), ip_address: row.get(3) })
        .collect();
    Ok(ids.with(entries))
}
