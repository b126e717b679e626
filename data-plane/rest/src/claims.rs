//! The claims stage: from the `Authorization` header to the role the request runs as.

use std::{borrow::Cow, sync::Arc};

use http::{HeaderMap, header::AUTHORIZATION};
use project_context::{Claims, JwtError, Verifier};
use serde_json::json;

use crate::{error::RestError, schema::Config};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) role: String,
    /// The claims as JSON, the role among them: `request.jwt.claims`.
    pub(crate) claims: Arc<str>,
    /// Whether the role is not the anonymous one; a refusal is then 403, and not 401.
    pub(crate) authenticated: bool,
}

/// The claims of the request's token, if it has one, once that is found good.
pub(crate) fn verify(verifier: Option<&Verifier>, headers: &HeaderMap) -> Result<Option<Claims>, RestError> {
    let Some(token) = token(headers)? else { return Ok(None) };
    Ok(Some(verifier.ok_or(RestError::NoJwtSecret)?.verify(token)?))
}

pub(crate) fn identify(claims: Option<&Claims>, config: &Config) -> Result<Identity, RestError> {
    let claimed = claims.and_then(|claims| config.jwt_role_claim.find(claims.as_json()));
    let role = claimed.or(config.anon_role.as_deref().map(Cow::Borrowed)).ok_or(RestError::AnonymousDisabled)?.into_owned();
    if role.contains('\0') {
        return Err(RestError::Jwt(JwtError::Undecodable));
    }
    let authenticated = config.anon_role.as_ref() != Some(&role);
    // PostgreSQL's text has no U+0000, not even escaped where the JSON is read as jsonb: that stays the policy's affair.
    let claims = claims.map_or_else(|| Arc::from(json!({ "role": role }).to_string()), |claims| claims.with_role(&role));
    Ok(Identity { role, claims, authenticated })
}

/// The bearer token. The gateway passes a legacy key on as the whole value, without a scheme.
fn token(headers: &HeaderMap) -> Result<Option<&str>, RestError> {
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let value = value.to_str().map_err(|_| RestError::Jwt(JwtError::Undecodable))?.trim();
    Ok(match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Some(token.trim()),
        None if value.eq_ignore_ascii_case("bearer") => Some(""),
        None if value.split('.').count() == 3 => Some(value),
        Some(_) | None => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_token() {
        for (value, expected) in [
            ("Bearer a.b.c", Some("a.b.c")),
            ("bEaReR x", Some("x")),
            ("Bearer ", Some("")),
            ("Basic abc", None),
            ("a.b.c", Some("a.b.c")),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            assert_eq!(token(&headers).unwrap(), expected, "{value}");
        }
    }
}
