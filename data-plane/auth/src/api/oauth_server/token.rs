//! `POST /oauth/token` (RFC 6749, section 3.2): a form, errors in its own shape.

use axum::{
    Form, Json as Answer,
    extract::{FromRequest as _, Request},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{
    HeaderMap,
    header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, PRAGMA},
};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::{
    api::json::Json,
    caller::Caller,
    error::AuthError,
    flow::oauth_server::{
        AUTHORIZATION_CODE, REFRESH_TOKEN,
        token::{self, Credentials, Exchange, invalid_client},
    },
    limits::Limited,
};

#[derive(Debug, Deserialize)]
struct Body {
    grant_type: Option<String>,
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
    refresh_token: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

pub(super) async fn post(caller: Caller, request: Request) -> Result<Response, AuthError> {
    let issued = answer(&caller, request).await.map_err(AuthError::for_token_endpoint)?;
    Ok(([(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")], Answer(issued)).into_response())
}

async fn answer(caller: &Caller, request: Request) -> Result<token::Issued, AuthError> {
    caller.limit_by_address(Limited::TokenRefresh, caller.live.settings.rate_limits.token_refresh).await?;
    let headers = request.headers().clone();
    let body = body(&headers, request).await?;
    let given = |text: &Option<String>, name: &str| {
        let text = text.clone().filter(|text| !text.is_empty());
        text.ok_or_else(|| AuthError::oauth("invalid_request", format!("{name} is required")))
    };
    let grant_type = given(&body.grant_type, "grant_type")?;
    let client = token::authenticate(caller, credentials(&headers, &body)?).await?;
    match grant_type.as_str() {
        AUTHORIZATION_CODE => {
            let exchange = Exchange {
                code: given(&body.code, "code")?,
                redirect_uri: given(&body.redirect_uri, "redirect_uri")?,
                code_verifier: given(&body.code_verifier, "code_verifier")?,
            };
            token::exchange(caller, &client, &exchange).await
        }
        REFRESH_TOKEN => token::refresh(caller, &client, &given(&body.refresh_token, "refresh_token")?).await,
        _ => Err(AuthError::oauth("unsupported_grant_type", "grant_type must be authorization_code or refresh_token")),
    }
}

/// JSON, too, as upstream takes it.
async fn body(headers: &HeaderMap, request: Request) -> Result<Body, AuthError> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let outcome = if kind.starts_with("application/json") {
        Json::from_request(request, &()).await.map(|Json(body)| body).map_err(|error| error.to_string())
    } else {
        Form::from_request(request, &()).await.map(|Form(body)| body).map_err(|error| error.body_text())
    };
    outcome.map_err(|why| AuthError::oauth("invalid_request", why))
}

/// From the header or from the body, not from both.
fn credentials(headers: &HeaderMap, body: &Body) -> Result<Credentials, AuthError> {
    let in_body = body.client_secret.clone().filter(|secret| !secret.is_empty());
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.split_once(' '));
    // Another scheme is none of the client's: an API key, for the gateway.
    let Some((_, encoded)) = header.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic")) else {
        let client_id = body.client_id.clone().filter(|id| !id.is_empty());
        let client_id = client_id.ok_or_else(|| AuthError::oauth("invalid_request", "client_id is required"))?;
        return Ok(Credentials { client_id, secret: in_body });
    };
    let (client_id, secret) = basic(encoded.trim()).ok_or_else(invalid_client)?;
    if in_body.is_some() || body.client_id.as_ref().is_some_and(|id| !id.is_empty() && *id != client_id) {
        return Err(AuthError::oauth("invalid_request", "client credentials must be given in one way only"));
    }
    Ok(Credentials { client_id, secret: Some(secret) })
}

/// Name and secret are each escaped as a form's values (RFC 6749, section 2.3.1).
fn basic(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decoded = |text: &str| Some(percent_decode_str(&text.replace('+', " ")).decode_utf8().ok()?.into_owned());
    Some((decoded(id)?, decoded(secret)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_escaped() {
        let known = |text: &str| basic(&STANDARD.encode(text));
        assert_eq!(known("an+id:a%3Ab"), Some(("an id".to_owned(), "a:b".to_owned())));
        assert_eq!(known("id:a:b"), Some(("id".to_owned(), "a:b".to_owned())));
        assert_eq!(known("id"), None);
        assert_eq!(basic("*"), None);
    }
}
