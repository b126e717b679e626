//! The project as an OAuth 2.1 server: others have their users sign in here. Clients, what users allow them, codes and tokens.
//!
//! Sources: RFC 6749, 7591, 7636, 8414, 8707, draft-ietf-oauth-v2-1; OpenID Connect Core 1.0; Supabase's documentation, "OAuth 2.1
//! Server".

pub(crate) mod authorize;
pub(crate) mod clients;
pub(crate) mod consent;
pub(crate) mod grants;
pub(crate) mod identity;
pub(crate) mod token;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::RngExt as _;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::model::OauthClient;

/// What can be asked for, in the order of discovery's document.
pub(crate) const SCOPES: [&str; 4] = ["openid", "profile", "email", "phone"];

/// What a client can do at the token endpoint.
pub(crate) const GRANT_TYPES: [&str; 2] = [AUTHORIZATION_CODE, REFRESH_TOKEN];
pub(crate) const AUTHORIZATION_CODE: &str = "authorization_code";
pub(crate) const REFRESH_TOKEN: &str = "refresh_token";

/// Where a browser goes back to the client: the members are of the query, empty ones are left out.
#[derive(Debug)]
pub(crate) struct Redirect {
    pub(crate) to: String,
    pub(crate) members: Vec<(&'static str, String)>,
}

impl Redirect {
    fn with_error(to: &str, error: &str, description: &str, state: Option<&str>) -> Self {
        let members = vec![
            ("error", error.to_owned()),
            ("error_description", description.to_owned()),
            ("state", state.unwrap_or_default().to_owned()),
        ];
        Self { to: to.to_owned(), members }
    }
}

/// What a user sees of a client.
#[derive(Debug, Serialize)]
pub(crate) struct ClientView {
    id: Uuid,
    name: String,
    uri: String,
    logo_uri: String,
}

impl From<OauthClient> for ClientView {
    fn from(client: OauthClient) -> Self {
        Self {
            id: client.id,
            name: client.name.unwrap_or_default(),
            uri: client.uri.unwrap_or_default(),
            logo_uri: client.logo_uri.unwrap_or_default(),
        }
    }
}

/// 256 bits in URL-safe base64: secrets of clients, and codes.
fn secret() -> String {
    URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 32]>())
}

/// What is stored of a secret. It is random and long, so that a fast hash will do.
fn hash(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret.as_bytes()))
}

fn has_scope(scopes: &str, scope: &str) -> bool {
    scopes.split(' ').any(|one| one == scope)
}
