//! API keys: which one a request presents, and the `Authorization` that its services see instead. Rules as in
//! gateway.md: a token of the user's own wins; otherwise the key stands for its role.

use axum::http::{HeaderMap, HeaderValue, Uri, header, uri::PathAndQuery};
use percent_encoding::percent_decode_str;
use project_context::{ApiKeys, PresentedKey};
use secrecy::ExposeSecret as _;

/// Why a request is not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyError {
    Missing,
    Invalid,
    SecretInBrowser,
}

const APIKEY: &str = "apikey";
/// What keys of the new format begin with.
const NEW_FORMAT: &str = "sb_";

/// Whose address somebody who asks for another is to be counted by.
const FORWARDED_FOR: &str = "sb-forwarded-for";

/// As [`authenticate`], and leaves no `Sb-Forwarded-For` but that of a secret key's: who has one is a server of the project's, and says
/// whom it asks for. Legacy `service_role` keys do not count (Supabase's documentation, "IP address forwarding").
pub(crate) fn admit(keys: &ApiKeys, headers: &mut HeaderMap, uri: &mut Uri) -> Result<(), KeyError> {
    let admitted = authenticate(keys, headers, uri);
    if admitted != Ok(PresentedKey::Secret) {
        headers.remove(FORWARDED_FOR);
    }
    admitted.map(|_| ())
}

/// Checks the request's API key and rewrites `Authorization` to the token that its services verify. The key is taken out of
/// the query, where it would be mistaken for a filter.
fn authenticate(keys: &ApiKeys, headers: &mut HeaderMap, uri: &mut Uri) -> Result<PresentedKey, KeyError> {
    let from_query = take_from_query(uri);
    let presented = match headers.get(APIKEY) {
        Some(value) => value.to_str().map_err(|_| KeyError::Invalid)?.to_owned(),
        None => from_query.ok_or(KeyError::Missing)?,
    };
    let key = keys.identify(&presented).ok_or(KeyError::Invalid)?;
    if key == PresentedKey::Secret && is_browser(headers) {
        return Err(KeyError::SecretInBrowser);
    }
    if let Some(token) = bearer(headers) {
        if !token.starts_with(NEW_FORMAT) {
            return if keys.is_disabled(token) { Err(KeyError::Invalid) } else { Ok(key) };
        }
        // A key is no token: it may stand there only as an echo of the `apikey`.
        if token != presented {
            return Err(KeyError::Invalid);
        }
    } else if headers.contains_key(header::AUTHORIZATION) {
        // Another scheme: the services say what they think of it.
        return Ok(key);
    }
    let token = format!("Bearer {}", keys.role_token(key).expose_secret());
    let mut value = HeaderValue::try_from(token).map_err(|_| KeyError::Invalid)?;
    value.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, value);
    Ok(key)
}

/// The token of a `Bearer` authorization.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
}

fn is_browser(headers: &HeaderMap) -> bool {
    headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).is_some_and(|agent| agent.starts_with("Mozilla/"))
}

/// Removes `apikey=…` from the query and answers its value.
fn take_from_query(uri: &mut Uri) -> Option<String> {
    let query = uri.query()?;
    let is_key = |pair: &&str| pair.split_once('=').is_some_and(|(name, _)| name == APIKEY);
    let value = query.split('&').find(is_key)?.split_once('=')?.1;
    let value = percent_decode_str(value).decode_utf8().ok()?.into_owned();
    let rest: Vec<_> = query.split('&').filter(|pair| !is_key(pair)).collect();
    let rewritten = if rest.is_empty() { uri.path().to_owned() } else { format!("{}?{}", uri.path(), rest.join("&")) };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(rewritten).ok()?);
    *uri = Uri::from_parts(parts).ok()?;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> ApiKeys {
        ApiKeys::new("a.non.jwt".into(), "ser.vice.jwt".into(), vec!["sb_publishable_x".into()], vec!["sb_secret_x".into()])
    }

    fn check(headers: &[(&str, &str)], uri: &str) -> Result<(String, String), KeyError> {
        check_by(&keys(), headers, uri)
    }

    fn check_by(keys: &ApiKeys, headers: &[(&str, &str)], uri: &str) -> Result<(String, String), KeyError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        let mut uri: Uri = uri.parse().unwrap();
        authenticate(keys, &mut map, &mut uri)?;
        let authorization = map[header::AUTHORIZATION].to_str().unwrap().to_owned();
        Ok((authorization, uri.to_string()))
    }

    #[test]
    fn keys_become_the_token_of_their_role() {
        for (key, token) in [
            ("a.non.jwt", "a.non.jwt"),
            ("ser.vice.jwt", "ser.vice.jwt"),
            ("sb_publishable_x", "a.non.jwt"),
            ("sb_secret_x", "ser.vice.jwt"),
        ] {
            let expected = Ok((format!("Bearer {token}"), "/t".to_owned()));
            assert_eq!(check(&[("apikey", key)], "/t"), expected, "{key}");
            let echoed = format!("Bearer {key}");
            assert_eq!(check(&[("apikey", key), ("authorization", &echoed)], "/t"), expected, "{key} echoed");
        }
    }

    #[test]
    fn a_token_of_the_users_own_wins() {
        let headers = [("apikey", "sb_publishable_x"), ("authorization", "Bearer us.er.jwt")];
        assert_eq!(check(&headers, "/t").unwrap().0, "Bearer us.er.jwt");
    }

    #[test]
    fn the_key_may_stand_in_the_query_and_is_taken_out() {
        assert_eq!(check(&[], "/t?a=eq.1&apikey=a.non.jwt&b=2").unwrap().1, "/t?a=eq.1&b=2");
        assert_eq!(check(&[], "/t?apikey=a.non.jwt").unwrap().1, "/t");
        assert_eq!(check(&[], "/t?apikey=a%2Enon%2ejwt").unwrap().1, "/t");
    }

    #[test]
    fn only_a_secret_key_asks_for_another() {
        let kept = |key: Option<&str>, authorization: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.append(FORWARDED_FOR, HeaderValue::from_static("192.0.2.1"));
            headers.append(FORWARDED_FOR, HeaderValue::from_static("192.0.2.2"));
            for (name, value) in [(APIKEY, key), ("authorization", authorization)] {
                if let Some(value) = value {
                    headers.insert(name, value.parse().unwrap());
                }
            }
            _ = admit(&keys(), &mut headers, &mut Uri::from_static("/auth/v1/verify"));
            headers.contains_key(FORWARDED_FOR)
        };
        assert!(kept(Some("sb_secret_x"), None));
        assert!(kept(Some("sb_secret_x"), Some("Bearer us.er.jwt")));
        for key in [None, Some("sb_publishable_x"), Some("a.non.jwt"), Some("ser.vice.jwt"), Some("sb_secret_y")] {
            assert!(
                !kept(key, None) && !kept(key, Some("Bearer ser.vice.jwt")) && !kept(key, Some("Bearer sb_secret_x")),
                "{key:?}"
            );
        }
    }

    #[test]
    fn refuses_what_is_not_a_key_of_this_project() {
        assert_eq!(check(&[], "/t"), Err(KeyError::Missing));
        assert_eq!(check(&[("apikey", "")], "/t"), Err(KeyError::Invalid));
        assert_eq!(check(&[("apikey", "oth.er.jwt")], "/t"), Err(KeyError::Invalid));
        assert_eq!(check(&[("apikey", "a.non.jwt"), ("authorization", "Bearer sb_secret_x")], "/t"), Err(KeyError::Invalid));
        let keys = keys().without_legacy("an.other.one".into(), "yet.an.other".into());
        for headers in
            [&[("apikey", "a.non.jwt")][..], &[("apikey", "sb_publishable_x"), ("authorization", "Bearer ser.vice.jwt")]]
        {
            assert_eq!(check_by(&keys, headers, "/t"), Err(KeyError::Invalid), "a legacy key that is disabled");
        }
        let browser = [("apikey", "sb_secret_x"), ("user-agent", "Mozilla/5.0")];
        assert_eq!(check(&browser, "/t"), Err(KeyError::SecretInBrowser));
    }
}
