//! `auth.oauth_consents`

use uuid::Uuid;

use super::{Db, StoreError};
use crate::model::OauthConsent;

macro_rules! select {
    ($rest:literal) => {
        concat!("select client_id, scopes, granted_at from auth.oauth_consents ", $rest)
    };
}

/// What a user allows a client now.
///
/// # Errors
/// [`StoreError`]
pub async fn find(db: &Db, user_id: Uuid, client_id: Uuid) -> Result<Option<OauthConsent>, StoreError> {
    let sql = select!("where user_id = $1 and client_id = $2 and revoked_at is null");
    Ok(db.row(sql, &[&user_id, &client_id]).await?.as_ref().map(OauthConsent::from_row))
}

/// All that a user allows now, the newest first.
///
/// # Errors
/// [`StoreError`]
pub async fn of_user(db: &Db, user_id: Uuid) -> Result<Vec<OauthConsent>, StoreError> {
    let sql = select!("where user_id = $1 and revoked_at is null order by granted_at desc");
    Ok(db.rows(sql, &[&user_id]).await?.iter().map(OauthConsent::from_row).collect())
}

/// Has a user allow a client something, in the place of what was allowed before.
///
/// # Errors
/// [`StoreError`]
pub async fn grant(db: &Db, user_id: Uuid, client_id: Uuid, scopes: &str) -> Result<(), StoreError> {
    db.execute(
        "insert into auth.oauth_consents (id, user_id, client_id, scopes, granted_at) values ($1, $2, $3, $4, now()) \
         on conflict (user_id, client_id) do update set scopes = excluded.scopes, granted_at = now(), revoked_at = null",
        &[&Uuid::new_v4(), &user_id, &client_id, &scopes],
    )
    .await?;
    Ok(())
}

/// Has a user allow a client nothing any longer; whether there was something.
///
/// # Errors
/// [`StoreError`]
pub async fn revoke(db: &Db, user_id: Uuid, client_id: Uuid) -> Result<bool, StoreError> {
    let sql = "update auth.oauth_consents set revoked_at = now() where user_id = $1 and client_id = $2 and revoked_at is null";
    Ok(db.execute(sql, &[&user_id, &client_id]).await? > 0)
}

/// Has a user allow nobody anything any longer.
///
/// # Errors
/// [`StoreError`]
pub async fn revoke_all(db: &Db, user_id: Uuid) -> Result<(), StoreError> {
    db.execute("update auth.oauth_consents set revoked_at = now() where user_id = $1 and revoked_at is null", &[&user_id])
        .await?;
    Ok(())
}
