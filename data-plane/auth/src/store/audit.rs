//! `auth.audit_log_entries`

use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{Db, StoreError};

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

/// One page, the newest first, and how many there are; only those that have the text in one of some members.
///
/// # Errors
/// [`StoreError`]
pub async fn page(db: &Db, members: &[&str], text: &str, limit: i64, offset: i64) -> Result<(Vec<AuditEntry>, i64), StoreError> {
    let pattern = format!("%{}%", text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_"));
    let total = "select count(*) from auth.audit_log_entries a where $2 = '%%' or \
                 exists (select from unnest($1::text[]) m where a.payload ->> m ilike $2)";
    let total = db.row(total, &[&members, &pattern]).await?.map_or(0, |row| row.get(0));
    let sql = "select id, payload, created_at, ip_address from auth.audit_log_entries a where $2 = '%%' or \
               exists (select from unnest($1::text[]) m where a.payload ->> m ilike $2) \
               order by created_at desc, id limit $3 offset $4";
    let rows = db.rows(sql, &[&members, &pattern, &limit, &offset]).await?;
    let entries = rows
        .iter()
        .map(|row| AuditEntry { id: row.get(0), payload: row.get(1), created_at: row.get(2), ip_address: row.get(3) })
        .collect();
    Ok((entries, total))
}
