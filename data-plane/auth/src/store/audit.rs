//! `auth.audit_log_entries`

use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::{Row, types::Json};
use uuid::Uuid;

use super::{
    Db, StoreError,
    listing::{self, Listing, Range},
    query::Query,
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
    Ok(ids.with(rows.iter().map(entry).collect()))
}

fn entry(row: &Row) -> AuditEntry {
    AuditEntry { id: row.get(0), payload: row.get(1), created_at: row.get(2), ip_address: row.get(3) }
}

/// Which entries.
#[derive(Debug, Default)]
pub struct Chosen {
    /// Of this action.
    pub action: Option<String>,
    pub who: Option<Who>,
}

/// Who did it, or whom it was done to.
#[derive(Debug)]
pub enum Who {
    /// The user with this id.
    Id(Uuid),
    /// Whose address, number or name matches this pattern.
    Like(String),
}

impl Who {
    /// An id, or a part of an address, number or name.
    #[must_use]
    pub fn of(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Like(super::containing(&text.to_lowercase())), Self::Id)
    }
}

/// An entry's place in time.
pub type Place = (OffsetDateTime, Uuid);

/// So many entries are looked at for a page at most: none of them is found by an index but by its time.
pub const LOOKED_AT: i64 = 50_000;

/// The newest that are chosen, before a place; and where to look on if there may be more.
///
/// # Errors
/// [`StoreError`]
pub async fn before(
    db: &Db,
    chosen: &Chosen,
    place: Option<Place>,
    limit: i64,
) -> Result<(Vec<AuditEntry>, Option<Place>), StoreError> {
    let one_more = limit.saturating_add(1);
    let is_whole = chosen.action.is_none() && chosen.who.is_none();
    let window = if is_whole { one_more } else { LOOKED_AT };
    let id = chosen.who.as_ref().map(|who| match who {
        Who::Id(id) => id.to_string(),
        Who::Like(_) => String::new(),
    });
    let looked_at = |select: &'static str| {
        let query = Query::of(select).and("from auth.audit_log_entries where created_at is not null", &[]);
        match &place {
            Some((at, id)) => query.and("and (created_at, id) < ($?, $?)", &[at, id]),
            None => query,
        }
    };
    let mut query = looked_at("select id, payload, created_at, ip_address from (select id, payload, created_at, ip_address")
        .and("order by created_at desc, id desc limit $?) as looked_at where true", &[&window]);
    if let Some(action) = &chosen.action {
        query = query.and("and payload ->> 'action' = $?", &[action]);
    }
    query = match (&chosen.who, &id) {
        (Some(Who::Id(_)), Some(id)) => {
            query.and("and (payload ->> 'actor_id' = $? or payload #>> '{traits,user_id}' = $?)", &[id, id])
        }
        (Some(Who::Like(pattern)), _) => query.and(
            "and (lower(payload ->> 'actor_username') like $? or lower(payload ->> 'actor_name') like $? \
             or lower(payload #>> '{traits,user_email}') like $? or payload #>> '{traits,user_phone}' like $?)",
            &[pattern, pattern, pattern, pattern],
        ),
        _ => query,
    };
    let rows = db.rows_of(&query.and("order by created_at desc, id desc limit $?", &[&one_more])).await?;
    let mut entries: Vec<_> = rows.iter().map(entry).collect();
    if i64::try_from(entries.len()).is_ok_and(|found| found == one_more) {
        entries.pop();
        let last = entries.last().and_then(|last| Some((last.created_at?, last.id)));
        return Ok((entries, last));
    }
    if is_whole {
        return Ok((entries, None));
    }
    let others = window - 1;
    let end = looked_at("select created_at, id").and("order by created_at desc, id desc limit 1 offset $?", &[&others]);
    let last = db.rows_of(&end).await?.first().map(|row| (row.get(0), row.get(1)));
    Ok((entries, last))
}
