//! `auth.one_time_tokens`

use uuid::Uuid;

use super::{Db, StoreError};
use crate::model::{OneTimeToken, TokenKind};

/// Stores a token's hash in the place of the user's last one of its kind.
///
/// # Errors
/// [`StoreError`]; a unique violation where two users have the same hash.
pub async fn put(db: &Db, user_id: Uuid, kind: TokenKind, token_hash: &str, relates_to: &str) -> Result<(), StoreError> {
    clear(db, user_id, kind).await?;
    db.execute(
        "insert into auth.one_time_tokens (id, user_id, token_type, token_hash, relates_to) \
         values ($1, $2, $3::text::auth.one_time_token_type, $4, $5)",
        &[&Uuid::new_v4(), &user_id, &kind.as_str(), &token_hash, &relates_to.to_lowercase()],
    )
    .await?;
    Ok(())
}

/// Removes the user's of a kind.
///
/// # Errors
/// [`StoreError`]
pub async fn clear(db: &Db, user_id: Uuid, kind: TokenKind) -> Result<(), StoreError> {
    db.execute(
        "delete from auth.one_time_tokens where user_id = $1 and token_type = $2::text::auth.one_time_token_type",
        &[&user_id, &kind.as_str()],
    )
    .await?;
    Ok(())
}

/// Removes all of a user's.
///
/// # Errors
/// [`StoreError`]
pub async fn clear_all(db: &Db, user_id: Uuid) -> Result<(), StoreError> {
    db.execute("delete from auth.one_time_tokens where user_id = $1", &[&user_id]).await?;
    Ok(())
}

/// By what is stored of it, as a link has it.
///
/// # Errors
/// [`StoreError`]
pub async fn find(db: &Db, hash: &str, kind: TokenKind) -> Result<Option<OneTimeToken>, StoreError> {
    let sql = "select id, user_id, token_hash, relates_to, created_at from auth.one_time_tokens \
               where token_hash = $1 and token_type::text = $2 limit 1";
    Ok(db.row(sql, &[&hash, &kind.as_str()]).await?.as_ref().map(OneTimeToken::from_row))
}
