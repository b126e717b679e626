//! Registration of clients, by an administrator or by themselves (RFC 7591).

use std::net::{Ipv4Addr, Ipv6Addr};

use fluent_uri::Uri;
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{AUTHORIZATION_CODE, GRANT_TYPES, hash, secret};
use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    model::{LIST_SEPARATOR, OauthClient, OauthClientAuth, OauthClientType, OauthRegistration},
    store,
};

const MOST_REDIRECT_URIS: usize = 10;
const LONGEST_NAME: usize = 1024;
const LONGEST_URI: usize = 2048;

/// Addresses that run in the page, or show another one inside.
const NEVER: [&str; 8] = ["about", "blob", "data", "file", "filesystem", "javascript", "vbscript", "view-source"];

/// A client that is to be.
#[derive(Debug, Deserialize)]
pub(crate) struct Registration {
    #[serde(default)]
    client_name: Option<String>,
    #[serde(default)]
    client_uri: Option<String>,
    #[serde(default)]
    logo_uri: Option<String>,
    #[serde(default)]
    redirect_uris: Option<Vec<String>>,
    #[serde(default)]
    client_type: Option<String>,
    #[serde(default)]
    token_endpoint_auth_method: Option<String>,
    #[serde(default)]
    grant_types: Option<Vec<String>>,
    #[serde(default)]
    response_types: Option<Vec<String>>,
}

/// What of a client is to be otherwise.
#[derive(Debug, Deserialize)]
pub(crate) struct Changes {
    #[serde(default)]
    client_name: Option<String>,
    #[serde(default)]
    client_uri: Option<String>,
    #[serde(default)]
    logo_uri: Option<String>,
    #[serde(default)]
    redirect_uris: Option<Vec<String>>,
    #[serde(default)]
    token_endpoint_auth_method: Option<String>,
    #[serde(default)]
    grant_types: Option<Vec<String>>,
}

/// A client, and its secret where that was just made: it is told once.
pub(crate) struct Registered {
    pub(crate) client: OauthClient,
    pub(crate) secret: Option<String>,
}

pub(crate) fn not_found() -> AuthError {
    AuthError::not_found(ErrorCode::OauthClientNotFound, "OAuth client not found")
}

pub(crate) async fn register(caller: &Caller, wanted: Registration, by: OauthRegistration) -> Result<Registered, AuthError> {
    let (client_type, auth) = kind(wanted.client_type.as_deref(), wanted.token_endpoint_auth_method.as_deref())?;
    if wanted.response_types.is_some_and(|types| types.iter().any(|name| name != "code")) {
        return Err(AuthError::validation("response_types must only contain 'code'"));
    }
    let secret = (client_type == OauthClientType::Confidential).then(secret);
    let now = OffsetDateTime::now_utc();
    let client = OauthClient {
        id: Uuid::new_v4(),
        secret_hash: secret.as_deref().map(hash),
        client_type,
        auth,
        registration: by,
        name: Some(name(wanted.client_name.unwrap_or_default())?),
        uri: page("client_uri", wanted.client_uri)?,
        logo_uri: page("logo_uri", wanted.logo_uri)?,
        redirect_uris: redirect_uris(wanted.redirect_uris.unwrap_or_default())?,
        grant_types: grant_types(wanted.grant_types.unwrap_or_default())?,
        created_at: now,
        updated_at: now,
    };
    store::oauth_clients::insert(&caller.db().await?, &client).await?;
    Ok(Registered { client, secret })
}

pub(crate) async fn find(caller: &Caller, id: Uuid) -> Result<OauthClient, AuthError> {
    store::oauth_clients::find(&caller.db().await?, id).await?.ok_or_else(not_found)
}

pub(crate) async fn update(caller: &Caller, id: Uuid, changes: Changes) -> Result<OauthClient, AuthError> {
    let Changes { client_name, client_uri, logo_uri, redirect_uris: uris, token_endpoint_auth_method, grant_types: types } =
        changes;
    if [&client_name, &client_uri, &logo_uri, &token_endpoint_auth_method].iter().all(|text| text.is_none())
        && uris.is_none()
        && types.is_none()
    {
        return Err(AuthError::validation("No fields provided for update"));
    }
    let tx = caller.begin().await?;
    let outcome = async {
        let mut client = store::oauth_clients::find_for_update(&tx, id).await?.ok_or_else(not_found)?;
        if let Some(text) = client_name {
            client.name = Some(name(text)?);
        }
        if client_uri.is_some() {
            client.uri = page("client_uri", client_uri)?;
        }
        if logo_uri.is_some() {
            client.logo_uri = page("logo_uri", logo_uri)?;
        }
        if let Some(uris) = uris {
            client.redirect_uris = redirect_uris(uris)?;
        }
        if let Some(types) = types {
            client.grant_types = grant_types(types)?;
        }
        if token_endpoint_auth_method.is_some() {
            client.auth = kind(Some(client.client_type.as_str()), token_endpoint_auth_method.as_deref())?.1;
        }
        client.updated_at = OffsetDateTime::now_utc();
        store::oauth_clients::update(&tx, &client).await?;
        Ok(client)
    }
    .await;
    tx.end(outcome).await
}

pub(crate) async fn delete(caller: &Caller, id: Uuid) -> Result<(), AuthError> {
    let tx = caller.begin().await?;
    let outcome = async {
        store::oauth_clients::find_for_update(&tx, id).await?.ok_or_else(not_found)?;
        Ok(store::oauth_clients::delete(&tx, id).await?)
    }
    .await;
    tx.end(outcome).await
}

/// Another secret in the place of the one before.
pub(crate) async fn regenerate_secret(caller: &Caller, id: Uuid) -> Result<Registered, AuthError> {
    let tx = caller.begin().await?;
    let outcome = async {
        let mut client = store::oauth_clients::find_for_update(&tx, id).await?.ok_or_else(not_found)?;
        if client.is_public() {
            return Err(AuthError::validation("Cannot regenerate secret for public client"));
        }
        let secret = secret();
        client.secret_hash = Some(hash(&secret));
        client.updated_at = OffsetDateTime::now_utc();
        store::oauth_clients::update(&tx, &client).await?;
        Ok(Registered { client, secret: Some(secret) })
    }
    .await;
    tx.end(outcome).await
}

/// Type and way to authenticate, each from the other where one is not given.
fn kind(client_type: Option<&str>, method: Option<&str>) -> Result<(OauthClientType, OauthClientAuth), AuthError> {
    let method = match method.filter(|method| !method.is_empty()) {
        None => None,
        Some(name) => Some(OauthClientAuth::parse(name).ok_or_else(|| {
            AuthError::validation("token_endpoint_auth_method must be 'none', 'client_secret_basic' or 'client_secret_post'")
        })?),
    };
    let client_type = match (client_type.filter(|name| !name.is_empty()), method) {
        (Some("public"), _) | (None, Some(OauthClientAuth::None)) => OauthClientType::Public,
        (Some("confidential"), _) | (None, _) => OauthClientType::Confidential,
        (Some(_), _) => return Err(AuthError::validation("client_type must be 'public' or 'confidential'")),
    };
    let method = method.unwrap_or(match client_type {
        OauthClientType::Public => OauthClientAuth::None,
        OauthClientType::Confidential => OauthClientAuth::Basic,
    });
    if (method == OauthClientAuth::None) != (client_type == OauthClientType::Public) {
        let (method, client_type) = (method.as_str(), client_type.as_str());
        return Err(AuthError::validation(format!(
            "token_endpoint_auth_method '{method}' is not valid for a {client_type} client"
        )));
    }
    Ok((client_type, method))
}

fn name(name: String) -> Result<String, AuthError> {
    match name.trim().chars().count() {
        0 => Err(AuthError::validation("client_name is required")),
        length if length > LONGEST_NAME => {
            Err(AuthError::validation(format!("client_name must be at most {LONGEST_NAME} characters")))
        }
        _ => Ok(name),
    }
}

/// An address that users are shown.
fn page(member: &str, address: Option<String>) -> Result<Option<String>, AuthError> {
    let Some(address) = address.filter(|address| !address.is_empty()) else { return Ok(None) };
    let is_web = Uri::parse(address.as_str())
        .is_ok_and(|uri| matches!(uri.scheme().as_str(), "http" | "https") && uri.authority().is_some());
    if address.len() > LONGEST_URI || !is_web {
        return Err(AuthError::validation(format!("{member} must be a valid http or https URL")));
    }
    Ok(Some(address))
}

fn redirect_uris(uris: Vec<String>) -> Result<Vec<String>, AuthError> {
    if uris.is_empty() {
        return Err(AuthError::validation("redirect_uris is required"));
    }
    if uris.len() > MOST_REDIRECT_URIS {
        return Err(AuthError::validation(format!("redirect_uris cannot exceed {MOST_REDIRECT_URIS} items")));
    }
    for uri in &uris {
        check_redirect_uri(uri).map_err(|why| AuthError::validation(format!("invalid redirect_uri '{uri}': {why}")))?;
    }
    Ok(uris)
}

/// Codes go only where nobody on the way reads them: by https, to this very machine, or to an application by a scheme of its own.
fn check_redirect_uri(given: &str) -> Result<(), &'static str> {
    if given.len() > LONGEST_URI {
        return Err("it is too long");
    }
    // The column separates its members so.
    if given.contains(LIST_SEPARATOR) {
        return Err("it must not contain a comma; write %2C");
    }
    let uri = Uri::parse(given).map_err(|_| "it is no absolute URI")?;
    if uri.fragment().is_some() {
        return Err("it must not have a fragment");
    }
    let scheme = uri.scheme().as_str().to_ascii_lowercase();
    if NEVER.contains(&scheme.as_str()) {
        return Err("its scheme is not allowed");
    }
    if scheme != "http" && scheme != "https" {
        return Ok(());
    }
    let authority = uri.authority().ok_or("it has no host")?;
    if authority.userinfo().is_some() {
        return Err("it must not have a name or password");
    }
    match authority.host() {
        "" => Err("it has no host"),
        host if scheme == "http" && !is_loopback(host) => Err("it must use https, unless it is for localhost"),
        _ => Ok(()),
    }
}

fn is_loopback(host: &str) -> bool {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || inner.is_some_and(|host| host.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback()))
}

fn grant_types(types: Vec<String>) -> Result<Vec<String>, AuthError> {
    if types.is_empty() {
        return Ok(GRANT_TYPES.map(ToOwned::to_owned).to_vec());
    }
    if types.iter().any(|name| !GRANT_TYPES.contains(&name.as_str())) {
        return Err(AuthError::validation("grant_types must only contain 'authorization_code' and/or 'refresh_token'"));
    }
    if !types.iter().any(|name| name == AUTHORIZATION_CODE) {
        return Err(AuthError::validation("grant_types must contain 'authorization_code'"));
    }
    Ok(types)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_go_only_where_nobody_reads_them() {
        for good in [
            "https://app.test/callback",
            "https://app.test:8443/callback?tenant=1",
            "http://localhost:3000/cb",
            "http://127.0.0.1/cb",
            "http://[::1]:9000/cb",
            "com.example.app:/callback",
            "cursor://anysphere.cursor-retrieval/oauth/callback",
        ] {
            assert_eq!(check_redirect_uri(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "/callback",
            "app.test/callback",
            "http://app.test/callback",
            "http://localhost.evil.test/cb",
            "http://127.0.0.1@evil.test/cb",
            "https://app.test/cb#fragment",
            "https:///cb",
            "https://app.test/a,https://evil.test/",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
        ] {
            assert!(check_redirect_uri(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn type_and_method_follow_from_each_other() {
        let known = |client_type, method| kind(client_type, method).map_err(|error| error.to_string());
        assert_eq!(known(None, None), Ok((OauthClientType::Confidential, OauthClientAuth::Basic)));
        assert_eq!(known(None, Some("none")), Ok((OauthClientType::Public, OauthClientAuth::None)));
        assert_eq!(known(Some("public"), None), Ok((OauthClientType::Public, OauthClientAuth::None)));
        assert_eq!(known(None, Some("client_secret_post")), Ok((OauthClientType::Confidential, OauthClientAuth::Post)));
        assert!(known(Some("public"), Some("client_secret_basic")).is_err());
        assert!(known(Some("confidential"), Some("none")).is_err());
        assert!(known(Some("secret"), None).is_err());
        assert!(known(None, Some("private_key_jwt")).is_err());
    }
}
