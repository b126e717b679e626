//! `auth.oauth_authorizations`. Of a code there is the hash only.

use uuid::Uuid;

use super::{Db, StoreError};
use crate::model::OauthAuthorization;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, authorization_id, client_id, user_id, redirect_uri, scope, state, resource, code_challenge, nonce, ",
            "status::text, created_at, expires_at, approved_at from auth.oauth_authorizations ",
            $rest
        )
    };
}

/// By what the consent page knows it by; nobody else decides on it until the transaction's end.
///
/// # Errors
/// [`StoreError`]
pub async fn find_for_update(db: &Db, authorization_id: &str) -> Result<Option<OauthAuthorization>, StoreError> {
    let row = db.row(select!("where authorization_id = $1 for update"), &[&authorization_id]).await?;
    Ok(row.as_ref().map(OauthAuthorization::from_row))
}

/// By the hash of its code; nobody else exchanges it until the transaction's end.
///
/// # Errors
/// [`StoreError`]
pub async fn find_by_code(db: &Db, code_hash: &str) -> Result<Option<OauthAuthorization>, StoreError> {
    let row = db.row(select!("where authorization_code = $1 and status = 'approved' for update"), &[&code_hash]).await?;
    Ok(row.as_ref().map(OauthAuthorization::from_row))
}

/// Stores a new one, on which nobody has decided.
///
/// # Errors
/// [`StoreError`]
pub async fn insert(db: &Db, authorization: &OauthAuthorization) -> Result<(), StoreError> {
    db.execute(
        "insert into auth.oauth_authorizations (id, authorization_id, client_id, redirect_uri, scope, state, resource, \
         code_challenge, code_challenge_method, nonce, created_at, expires_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, 's256', $9, $10, $11)",
        &[
            &authorization.id,
            &authorization.authorization_id,
            &authorization.client_id,
            &authorization.redirect_uri,
            &authorization.scope,
            &authorization.state,
            &authorization.resource,
            &authorization.code_challenge,
            &authorization.nonce,
            &authorization.created_at,
            &authorization.expires_at,
        ],
    )
    .await?;
    Ok(())
}

/// Has it be for one user only.
///
/// # Errors
/// [`StoreError`]
pub async fn set_user(db: &Db, id: Uuid, user_id: Uuid) -> Result<(), StoreError> {
    db.execute("update auth.oauth_authorizations set user_id = $2 where id = $1", &[&id, &user_id]).await?;
    Ok(())
}

/// Has it be approved, with the hash of its code.
///
/// # Errors
/// [`StoreError`]
pub async fn approve(db: &Db, id: Uuid, code_hash: &str) -> Result<(), StoreError> {
    db.execute(
        "update auth.oauth_authorizations set status = 'approved', authorization_code = $2, approved_at = now() where id = $1",
        &[&id, &code_hash],
    )
    .await?;
    Ok(())
}

/// Has it be denied.
///
/// # Errors
/// [`StoreError`]
pub async fn deny(db: &Db, id: Uuid) -> Result<(), StoreError> {
    db.execute("update auth.oauth_authorizations set status = 'denied' where id = $1", &[&id]).await?;
    Ok(())
}

/// Removes one: its code is used.
///
/// # Errors
/// [`StoreError`]
pub async fn delete(db: &Db, id: Uuid) -> Result<(), StoreError> {
    db.execute("delete from auth.oauth_authorizations where id = $1", &[&id]).await?;
    Ok(())
}

/// Removes those of a user's with a client: codes that are not exchanged yet, above all.
///
/// # Errors
/// [`StoreError`]
pub async fn delete_of_grant(db: &Db, user_id: Uuid, client_id: Uuid) -> Result<(), StoreError> {
    db.execute("delete from auth.oauth_authorizations where user_id = $1 and client_id = $2", &[&user_id, &client_id]).await?;
    Ok(())
}

/// Removes all of a user's.
///
/// # Errors
/// [`StoreError`]
pub async fn delete_of_user(db: &Db, user_id: Uuid) -> Result<(), StoreError> {
    db.execute("delete from auth.oauth_authorizations where user_id = $1", &[&user_id]).await?;
    Ok(())
}

/// Removes a bounded number of those that nobody can use since a day.
///
/// # Errors
/// [`StoreError`]
pub async fn delete_expired(db: &Db) -> Result<(), StoreError> {
    db.execute(
        "delete from auth.oauth_authorizations where id in (select id from auth.oauth_authorizations \
         where expires_at < now() - interval '1 day' limit 100 for update skip locked)",
        &[],
    )
    .await?;
    Ok(())
}
