//! Browsers are sent on: with tokens or an error in the fragment, or with a code in the query.

use axum::response::{IntoResponse, Response};
use fluent_uri::Uri;
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, LOCATION},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{error::AuthError, flow::session::Tokens};

/// As Go escapes the values of a form; a space is `+`.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b' ');

/// Members of a query or a fragment; those without a value are left out.
pub(super) fn form(members: &[(&str, String)]) -> String {
    // Sorted, as Go writes them.
    let mut members: Vec<_> = members.iter().filter(|(_, value)| !value.is_empty()).collect();
    members.sort_by_key(|(name, _)| *name);
    let escaped = |text: &str| utf8_percent_encode(text, FORM).to_string().replace(' ', "+");
    members.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
}

/// 303 to an address.
pub(crate) fn see_other(to: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(to) else {
        return AuthError::internal("The address to go on to is none", "").into_response();
    };
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(LOCATION, location);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The same with 302, as the contract has it for sign-in by others.
pub(crate) fn found(mut response: Response) -> Response {
    if response.status() == StatusCode::SEE_OTHER {
        *response.status_mut() = StatusCode::FOUND;
    }
    response
}

/// With what another said in refusing, in query and fragment.
pub(crate) fn with_refusal(to: &str, kind: &str, description: &str) -> Response {
    let members = form(&[("error", kind.to_owned()), ("error_description", description.to_owned())]);
    see_other(&fragmented(&queried(to, &members), &format!("{members}&sb=")))
}

/// With tokens in the fragment.
pub(crate) fn with_tokens(to: &str, tokens: &Tokens, kind: &str) -> Response {
    let fragment = form(&[
        ("access_token", tokens.access_token.clone()),
        ("token_type", tokens.token_type.to_owned()),
        ("expires_in", tokens.expires_in.to_string()),
        ("expires_at", tokens.expires_at.to_string()),
        ("refresh_token", tokens.refresh_token.clone()),
        ("provider_token", tokens.provider_token.clone().unwrap_or_default()),
        ("provider_refresh_token", tokens.provider_refresh_token.clone().unwrap_or_default()),
        ("type", kind.to_owned()),
    ]);
    see_other(&fragmented(to, &format!("{fragment}&sb=")))
}

/// With a message in the fragment.
pub(crate) fn with_message(to: &str, message: &str, is_pkce: bool) -> Response {
    let members = form(&[("message", message.to_owned())]);
    let url = if is_pkce { queried(to, &members) } else { to.to_owned() };
    see_other(&fragmented(&url, &format!("{members}&sb=")))
}

/// With a code in the query, for who began the flow.
pub(crate) fn with_code(to: &str, code: &str) -> Response {
    see_other(&queried(to, &form(&[("code", code.to_owned())])))
}

/// The address with members in its query.
pub(crate) fn with_members(to: &str, members: &[(&str, String)]) -> String {
    queried(to, &form(members))
}

/// With an error, in the fragment and, where a flow by PKCE was meant, in the query.
pub(crate) fn with_error(to: &str, error: &AuthError, is_pkce: bool) -> Response {
    let kind = match error.status().as_u16() {
        500.. => "server_error",
        403 | 401 => "access_denied",
        _ => "invalid_request",
    };
    let members = form(&[
        ("error", kind.to_owned()),
        ("error_code", error.code().map(|code| code.as_str().to_owned()).unwrap_or_default()),
        ("error_description", error.message().to_owned()),
    ]);
    let url = if is_pkce { queried(to, &members) } else { to.to_owned() };
    see_other(&fragmented(&url, &format!("{members}&sb=")))
}

fn fragmented(to: &str, fragment: &str) -> String {
    format!("{}#{fragment}", to.split('#').next().unwrap_or_default())
}

fn queried(to: &str, members: &str) -> String {
    let (url, fragment) = to.split_once('#').map_or((to, None), |(url, fragment)| (url, Some(fragment)));
    let separator = match Uri::parse(url).ok().and_then(|uri| uri.query().map(|query| query.as_str().is_empty())) {
        None => "?",
        Some(true) => "",
        Some(false) => "&",
    };
    format!("{url}{separator}{members}{}", fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_fragments_are_kept_apart() {
        assert_eq!(queried("https://a.test/b", "code=1"), "https://a.test/b?code=1");
        assert_eq!(queried("https://a.test/b?c=d#e", "code=1"), "https://a.test/b?c=d&code=1#e");
        assert_eq!(fragmented("https://a.test/#old", "x=1"), "https://a.test/#x=1");
        assert_eq!(form(&[("b", "x y".to_owned()), ("a", "1&2".to_owned()), ("c", String::new())]), "a=1%262&b=x+y");
    }
}
