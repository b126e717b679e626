//! `auth.identities`

use time::OffsetDateTime;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{Db, StoreError};
use crate::model::Identity;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at, email ",
            "from auth.identities ",
            $rest
        )
    };
}

/// A user's, the oldest first.
///
/// # Errors
/// [`StoreError`]
pub async fn of_user(db: &Db, user_id: Uuid) -> Result<Vec<Identity>, StoreError> {
    let rows = db.rows(select!("where user_id = $1 order by created_at, id"), &[&user_id]).await?;
    Ok(rows.iter().map(Identity::from_row).collect())
}

/// Of several users.
///
/// # Errors
/// [`StoreError`]
pub async fn of_users(db: &Db, user_ids: &[Uuid]) -> Result<Vec<Identity>, StoreError> {
    let rows = db.rows(select!("where user_id = any($1) order by created_at, id"), &[&user_ids]).await?;
    Ok(rows.iter().map(Identity::from_row).collect())
}

/// Whose identity with a provider that is.
///
/// # Errors
/// [`StoreError`]
pub async fn find(db: &Db, provider: &str, provider_id: &str) -> Result<Option<Identity>, StoreError> {
    let sql = select!("where provider = $1 and provider_id = $2");
    Ok(db.row(sql, &[&provider, &provider_id]).await?.as_ref().map(Identity::from_row))
}

/// As [`find`], by one of several ways to write its id; the oldest.
///
/// # Errors
/// [`StoreError`]
pub async fn find_one_of(db: &Db, provider: &str, provider_ids: &[String]) -> Result<Option<Identity>, StoreError> {
    let sql = select!("where provider = $1 and provider_id = any($2) order by created_at, id limit 1");
    Ok(db.row(sql, &[&provider, &provider_ids]).await?.as_ref().map(Identity::from_row))
}

/// All with one of the addresses, whoever's.
///
/// # Errors
/// [`StoreError`]
pub async fn with_emails(db: &Db, emails: &[String]) -> Result<Vec<Identity>, StoreError> {
    let rows = db.rows(select!("where email = any($1)"), &[&emails]).await?;
    Ok(rows.iter().map(Identity::from_row).collect())
}

/// Stores a new one.
///
/// # Errors
/// [`StoreError`]; a unique violation where it is another's.
pub async fn insert(db: &Db, identity: &Identity) -> Result<(), StoreError> {
    db.execute(
        "insert into auth.identities (id, provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            &identity.id,
            &identity.provider_id,
            &identity.user_id,
            &Json(&identity.identity_data),
            &identity.provider,
            &identity.last_sign_in_at,
            &identity.created_at,
            &identity.updated_at,
        ],
    )
    .await?;
    Ok(())
}

/// Stores what has changed: data, provider's id and last sign-in.
///
/// # Errors
/// [`StoreError`]
pub async fn update(db: &Db, identity: &mut Identity) -> Result<(), StoreError> {
    identity.updated_at = Some(OffsetDateTime::now_utc());
    identity.email = identity.identity_data.get("email").and_then(|email| email.as_str()).map(str::to_lowercase);
    db.execute(
        "update auth.identities set identity_data = $2, provider_id = $3, last_sign_in_at = $4, updated_at = $5 where id = $1",
        &[&identity.id, &Json(&identity.identity_data), &identity.provider_id, &identity.last_sign_in_at, &identity.updated_at],
    )
    .await?;
    Ok(())
}

/// Removes one.
///
/// # Errors
/// [`StoreError`]
pub async fn delete(db: &Db, id: Uuid) -> Result<(), StoreError> {
    db.execute("delete from auth.identities where id = $1", &[&id]).await?;
    Ok(())
}

/// Removes all of a user's.
///
/// # Errors
/// [`StoreError`]
pub async fn delete_of_user(db: &Db, user_id: Uuid) -> Result<(), StoreError> {
    db.execute("delete from auth.identities where user_id = $1", &[&user_id]).await?;
    Ok(())
}
