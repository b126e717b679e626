//! `auth.custom_oauth_providers`

use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{Db, Parameter, StoreError};

/// A provider that an administrator has defined.
#[derive(Clone)]
pub struct CustomProvider {
    pub id: Uuid,
    /// `oauth2` or `oidc`
    pub provider_type: String,
    /// `custom:…`
    pub identifier: String,
    pub name: String,
    pub client_id: String,
    pub client_secret: String,
    pub acceptable_client_ids: Vec<String>,
    pub scopes: Vec<String>,
    pub pkce_enabled: bool,
    pub attribute_mapping: Value,
    pub authorization_params: Value,
    pub custom_claims_allowlist: Vec<String>,
    pub enabled: bool,
    pub email_optional: bool,
    pub issuer: Option<String>,
    pub discovery_url: Option<String>,
    pub skip_nonce_check: bool,
    pub authorization_url: Option<String>,
    pub token_url: Option<String>,
    pub userinfo_url: Option<String>,
    pub jwks_uri: Option<String>,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

impl std::fmt::Debug for CustomProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CustomProvider").field("identifier", &self.identifier).finish_non_exhaustive()
    }
}

impl CustomProvider {
    fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            provider_type: row.get("provider_type"),
            identifier: row.get("identifier"),
            name: row.get("name"),
            client_id: row.get("client_id"),
            client_secret: row.get("client_secret"),
            acceptable_client_ids: row.get("acceptable_client_ids"),
            scopes: row.get("scopes"),
            pkce_enabled: row.get("pkce_enabled"),
            attribute_mapping: row.get("attribute_mapping"),
            authorization_params: row.get("authorization_params"),
            custom_claims_allowlist: row.get("custom_claims_allowlist"),
            enabled: row.get("enabled"),
            email_optional: row.get("email_optional"),
            issuer: row.get("issuer"),
            discovery_url: row.get("discovery_url"),
            skip_nonce_check: row.get("skip_nonce_check"),
            authorization_url: row.get("authorization_url"),
            token_url: row.get("token_url"),
            userinfo_url: row.get("userinfo_url"),
            jwks_uri: row.get("jwks_uri"),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
        }
    }
}

/// As precise as the columns: what is answered at once is what is read later.
#[must_use]
pub fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_microsecond(now.microsecond()).unwrap_or(now)
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, provider_type, identifier, name, client_id, client_secret, acceptable_client_ids, scopes, pkce_enabled, ",
            "attribute_mapping, authorization_params, custom_claims_allowlist, enabled, email_optional, issuer, discovery_url, ",
            "skip_nonce_check, authorization_url, token_url, userinfo_url, jwks_uri, created_at, updated_at ",
            "from auth.custom_oauth_providers ",
            $rest
        )
    };
}

/// By identifier, with `custom:`.
///
/// # Errors
/// [`StoreError`]
pub async fn find(db: &Db, identifier: &str) -> Result<Option<CustomProvider>, StoreError> {
    Ok(db.row(select!("where identifier = $1"), &[&identifier]).await?.as_ref().map(CustomProvider::from_row))
}

/// The enabled one whose id tokens this issuer signs.
///
/// # Errors
/// [`StoreError`]
pub async fn find_by_issuer(db: &Db, issuer: &str) -> Result<Option<CustomProvider>, StoreError> {
    let sql = select!("where provider_type = 'oidc' and enabled and issuer = $1 order by created_at limit 1");
    Ok(db.row(sql, &[&issuer]).await?.as_ref().map(CustomProvider::from_row))
}

/// All, or those of one type, the oldest first.
///
/// # Errors
/// [`StoreError`]
pub async fn all(db: &Db, provider_type: Option<&str>) -> Result<Vec<CustomProvider>, StoreError> {
    let sql = select!("where $1::text is null or provider_type = $1 order by created_at, id");
    Ok(db.rows(sql, &[&provider_type]).await?.iter().map(CustomProvider::from_row).collect())
}

/// How many there are; no other is added until the transaction's end.
///
/// # Errors
/// [`StoreError`]
pub async fn count(db: &Db) -> Result<i64, StoreError> {
    db.execute("lock table auth.custom_oauth_providers in share row exclusive mode", &[]).await?;
    Ok(db.row("select count(*) from auth.custom_oauth_providers", &[]).await?.map_or(0, |row| row.get(0)))
}

/// A provider's columns, in the order of the statements.
macro_rules! values {
    ($provider:expr) => {
        [
            &$provider.id as Parameter<'_>,
            &$provider.provider_type,
            &$provider.identifier,
            &$provider.name,
            &$provider.client_id,
            &$provider.client_secret,
            &$provider.acceptable_client_ids,
            &$provider.scopes,
            &$provider.pkce_enabled,
            &$provider.attribute_mapping,
            &$provider.authorization_params,
            &$provider.custom_claims_allowlist,
            &$provider.enabled,
            &$provider.email_optional,
            &$provider.issuer,
            &$provider.discovery_url,
            &$provider.skip_nonce_check,
            &$provider.authorization_url,
            &$provider.token_url,
            &$provider.userinfo_url,
            &$provider.jwks_uri,
            &$provider.created_at,
            &$provider.updated_at,
        ]
    };
}

/// Stores a new one.
///
/// # Errors
/// [`StoreError`]; a unique violation where there is one of this identifier.
pub async fn insert(db: &Db, provider: &CustomProvider) -> Result<(), StoreError> {
    db.execute(
        "insert into auth.custom_oauth_providers (id, provider_type, identifier, name, client_id, client_secret, acceptable_client_ids, scopes, pkce_enabled, \
         attribute_mapping, authorization_params, custom_claims_allowlist, enabled, email_optional, issuer, \
         discovery_url, skip_nonce_check, authorization_url, token_url, userinfo_url, jwks_uri, created_at, updated_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)",
        &values!(provider),
    )
    .await?;
    Ok(())
}

/// Stores all but type and identifier, which stay.
///
/// # Errors
/// [`StoreError`]
pub async fn update(db: &Db, provider: &mut CustomProvider) -> Result<(), StoreError> {
    provider.updated_at = now();
    db.execute(
        "update auth.custom_oauth_providers set name = $4, client_id = $5, client_secret = $6, acceptable_client_ids = $7, scopes = $8, pkce_enabled = $9, \
         attribute_mapping = $10, authorization_params = $11, custom_claims_allowlist = $12, enabled = $13, \
         email_optional = $14, issuer = $15, discovery_url = $16, skip_nonce_check = $17, authorization_url = $18, \
         token_url = $19, userinfo_url = $20, jwks_uri = $21, created_at = $22, updated_at = $23 \
         where id = $1 and provider_type = $2 and identifier = $3",
        &values!(provider),
    )
    .await?;
    Ok(())
}

/// Removes one. Whether it was there.
///
/// # Errors
/// [`StoreError`]
pub async fn delete(db: &Db, identifier: &str) -> Result<bool, StoreError> {
    Ok(db.execute("delete from auth.custom_oauth_providers where identifier = $1", &[&identifier]).await? > 0)
}
