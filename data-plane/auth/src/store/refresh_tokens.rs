//! `auth.refresh_tokens`

use uuid::Uuid;

use super::{Db, StoreError};
use crate::model::RefreshToken;

macro_rules! select {
    ($rest:literal) => {
        concat!("select id, token, user_id, revoked, parent, session_id, updated_at from auth.refresh_tokens ", $rest)
    };
}

/// By token, and nobody else uses it until the transaction's end.
///
/// # Errors
/// [`StoreError`]
pub async fn find_for_update(db: &Db, token: &str) -> Result<Option<RefreshToken>, StoreError> {
    Ok(db.row(select!("where token = $1 for update"), &[&token]).await?.as_ref().map(RefreshToken::from_row))
}

/// The one of a session that was not used yet.
///
/// # Errors
/// [`StoreError`]
pub async fn active_of_session(db: &Db, session_id: Uuid) -> Result<Option<RefreshToken>, StoreError> {
    let sql = select!("where session_id = $1 and revoked = false order by id desc limit 1");
    Ok(db.row(sql, &[&session_id]).await?.as_ref().map(RefreshToken::from_row))
}

/// The id of a session's last one, used or not.
///
/// # Errors
/// [`StoreError`]
pub async fn newest_of_session(db: &Db, session_id: Uuid) -> Result<Option<i64>, StoreError> {
    let sql = "select max(id) from auth.refresh_tokens where session_id = $1";
    Ok(db.row(sql, &[&session_id]).await?.and_then(|row| row.get(0)))
}

/// Stores a new one of a session, in the place of its parent.
///
/// # Errors
/// [`StoreError`]
pub async fn insert(db: &Db, token: &str, user_id: Uuid, session_id: Uuid, parent: Option<&str>) -> Result<(), StoreError> {
    db.execute(
        "insert into auth.refresh_tokens (instance_id, token, user_id, revoked, parent, session_id, created_at, updated_at) \
         values ('00000000-0000-0000-0000-000000000000', $1, $2::uuid::text, false, $3, $4, now(), now())",
        &[&token, &user_id, &parent, &session_id],
    )
    .await?;
    Ok(())
}

/// Has it be used.
///
/// # Errors
/// [`StoreError`]
pub async fn revoke(db: &Db, id: i64) -> Result<(), StoreError> {
    db.execute("update auth.refresh_tokens set revoked = true, updated_at = now() where id = $1", &[&id]).await?;
    Ok(())
}

/// Has all of a session be used: somebody tried one twice.
///
/// # Errors
/// [`StoreError`]
pub async fn revoke_of_session(db: &Db, session_id: Uuid) -> Result<(), StoreError> {
    db.execute(
        "update auth.refresh_tokens set revoked = true, updated_at = now() where session_id = $1 and revoked = false",
        &[&session_id],
    )
    .await?;
    Ok(())
}
