//! `auth.oauth_clients`

use uuid::Uuid;

use super::{Db, StoreError};
use crate::model::{LIST_SEPARATOR, OauthClient};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, client_secret_hash, registration_type::text, redirect_uris, grant_types, client_name, client_uri, logo_uri, ",
            "client_type::text, token_endpoint_auth_method, created_at, updated_at from auth.oauth_clients ",
            $rest
        )
    };
}

/// By id; not those that were removed.
///
/// # Errors
/// [`StoreError`]
pub async fn find(db: &Db, id: Uuid) -> Result<Option<OauthClient>, StoreError> {
    Ok(db.row(select!("where id = $1 and deleted_at is null"), &[&id]).await?.as_ref().map(OauthClient::from_row))
}

/// As [`find`], and nobody else changes it until the transaction's end.
///
/// # Errors
/// [`StoreError`]
pub async fn find_for_update(db: &Db, id: Uuid) -> Result<Option<OauthClient>, StoreError> {
    let row = db.row(select!("where id = $1 and deleted_at is null for update"), &[&id]).await?;
    Ok(row.as_ref().map(OauthClient::from_row))
}

/// How many there are.
///
/// # Errors
/// [`StoreError`]
pub async fn count(db: &Db) -> Result<i64, StoreError> {
    let row = db.row("select count(*) from auth.oauth_clients where deleted_at is null", &[]).await?;
    Ok(row.map_or(0, |row| row.get(0)))
}

/// Some of them, the newest first.
///
/// # Errors
/// [`StoreError`]
pub async fn page(db: &Db, limit: i64, offset: i64) -> Result<Vec<OauthClient>, StoreError> {
    let sql = select!("where deleted_at is null order by created_at desc, id limit $1 offset $2");
    Ok(db.rows(sql, &[&limit, &offset]).await?.iter().map(OauthClient::from_row).collect())
}

/// Stores a new one.
///
/// # Errors
/// [`StoreError`]
pub async fn insert(db: &Db, client: &OauthClient) -> Result<(), StoreError> {
    db.execute(
        "insert into auth.oauth_clients (id, client_secret_hash, registration_type, redirect_uris, grant_types, client_name, \
         client_uri, logo_uri, client_type, token_endpoint_auth_method, created_at, updated_at) values ($1, $2, \
         $3::text::auth.oauth_registration_type, $4, $5, $6, $7, $8, $9::text::auth.oauth_client_type, $10, $11, $12)",
        &[
            &client.id,
            &client.secret_hash,
            &client.registration.as_str(),
            &client.redirect_uris.join(LIST_SEPARATOR),
            &client.grant_types.join(LIST_SEPARATOR),
            &client.name,
            &client.uri,
            &client.logo_uri,
            &client.client_type.as_str(),
            &client.auth.as_str(),
            &client.created_at,
            &client.updated_at,
        ],
    )
    .await?;
    Ok(())
}

/// Stores what may change: all but type and registration.
///
/// # Errors
/// [`StoreError`]
pub async fn update(db: &Db, client: &OauthClient) -> Result<(), StoreError> {
    db.execute(
        "update auth.oauth_clients set client_secret_hash = $2, redirect_uris = $3, grant_types = $4, client_name = $5, \
         client_uri = $6, logo_uri = $7, token_endpoint_auth_method = $8, updated_at = $9 where id = $1",
        &[
            &client.id,
            &client.secret_hash,
            &client.redirect_uris.join(LIST_SEPARATOR),
            &client.grant_types.join(LIST_SEPARATOR),
            &client.name,
            &client.uri,
            &client.logo_uri,
            &client.auth.as_str(),
            &client.updated_at,
        ],
    )
    .await?;
    Ok(())
}

/// Removes one with all that it has of its users: their sessions with it, consents, and codes. The row stays, as upstream keeps it.
///
/// # Errors
/// [`StoreError`]
pub async fn delete(db: &Db, id: Uuid) -> Result<(), StoreError> {
    db.execute("delete from auth.sessions where oauth_client_id = $1", &[&id]).await?;
    db.execute("delete from auth.oauth_authorizations where client_id = $1", &[&id]).await?;
    db.execute("delete from auth.oauth_consents where client_id = $1", &[&id]).await?;
    db.execute("update auth.oauth_clients set deleted_at = now(), updated_at = now() where id = $1", &[&id]).await?;
    Ok(())
}
