//! Everything here that reads what somebody else wrote, as functions of bytes: for the fuzz targets in `fuzz/`, which look for
//! bytes that make them panic, and for the test below, which tries some in every run.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::IgnoredAny;
use serde_json::json;

use crate::{
    error::RestError,
    program,
    request::{Accept, ApiRequest, Applicable, Explain, Preferences, QueryString, applied},
    role_claim::RoleClaim,
};

/// A query string as it came.
pub fn query_string(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for calls_function in [false, true] {
        blames_the_client(QueryString::parse(&text, calls_function).map(drop));
    }
}

/// The value of `select`.
pub fn select(bytes: &[u8]) {
    query_string(format!("select={}", encoded(bytes)).as_bytes());
}

/// A filter's value and its name, a tree of conditions, and an order.
pub fn filter(bytes: &[u8]) {
    let text = encoded(bytes);
    for parameter in [format!("a={text}"), format!("{text}=eq.1"), format!("or={text}"), format!("order={text}")] {
        query_string(parameter.as_bytes());
    }
}

/// The header `Prefer`, and what is answered to it.
pub fn prefer(bytes: &[u8]) {
    let Some(headers) = one(HeaderName::from_static("prefer"), bytes) else { return };
    let all = Applicable { resolution: true, missing: true, returning: true, max_affected: true, end: true };
    if let Some(applied) = applied(&Preferences::parse(&headers), all) {
        assert!(HeaderValue::from_str(&applied).is_ok(), "can't be answered: {applied:?}");
    }
}

/// The header `Range`, and the parameters that say the same.
pub fn range(bytes: &[u8]) {
    let text = encoded(bytes);
    let target = format!("/t?limit={text}&offset={text}");
    if let Some(headers) = one(header::RANGE, bytes) {
        for target in ["/t?limit=3&offset=2", target.as_str()] {
            blames_the_client(asked("GET", target, headers.clone(), Bytes::new()).map(drop));
        }
    }
}

/// The header `Accept`.
pub fn accept(bytes: &[u8]) {
    let Some(headers) = one(header::ACCEPT, bytes) else { return };
    let accept = Accept::parse(&headers);
    let nothing: Option<()> = accept.choose(|_| None);
    assert!(nothing.is_none());
    drop(accept.shown());
    if let Some(explain) = Explain::parse(&headers) {
        let content_type = explain.content_type("application/json");
        assert!(HeaderValue::from_str(&content_type).is_ok(), "can't be answered: {content_type:?}");
    }
}

/// A body, whose first byte tells how it is written.
pub fn payload(bytes: &[u8]) {
    const TYPES: [&str; 4] = ["application/json", "application/x-www-form-urlencoded", "text/csv", "text/plain"];
    let Some((first, body)) = bytes.split_first() else { return };
    let content_type = TYPES[usize::from(*first) % TYPES.len()];
    let Some(headers) = one(header::CONTENT_TYPE, content_type.as_bytes()) else { return };
    let request = asked("POST", "/t", headers, Bytes::copy_from_slice(body));
    let payload = request.and_then(|request| request.payload());
    if let Ok(payload) = &payload {
        assert!(serde_json::from_str::<IgnoredAny>(&payload.json).is_ok(), "is no JSON: {:?}", payload.json);
    }
    blames_the_client(payload.map(drop));
}

/// The setting that tells where a token's role is, and its use.
pub fn role_claim(bytes: &[u8]) {
    let claims = json!({"role": "a", "roles": ["a", {"b": [1, "c"]}], "a": {"b": {"c": null}}});
    if let Ok(path) = String::from_utf8_lossy(bytes).parse::<RoleClaim>() {
        let _ = path.find(&claims);
    }
}

/// A configuration file.
pub fn configuration(bytes: &[u8]) {
    program::read_file(&String::from_utf8_lossy(bytes));
}

fn encoded(bytes: &[u8]) -> String {
    utf8_percent_encode(&String::from_utf8_lossy(bytes), NON_ALPHANUMERIC).to_string()
}

/// The only header; none if HTTP can't carry it.
fn one(name: HeaderName, bytes: &[u8]) -> Option<HeaderMap> {
    Some(HeaderMap::from_iter([(name, HeaderValue::from_bytes(bytes).ok()?)]))
}

fn asked(method: &str, target: &str, headers: HeaderMap, body: Bytes) -> Result<ApiRequest, RestError> {
    // An address may be too long for HTTP, and is none of ours then.
    let Ok(request) = Request::builder().method(method).uri(target).body(()) else { return Err(RestError::Path) };
    let (mut parts, ()) = request.into_parts();
    parts.headers = headers;
    ApiRequest::parse(&parts, body)
}

fn blames_the_client(result: Result<(), RestError>) {
    if let Err(error) = result {
        assert!(error.status().is_client_error(), "{error:?}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample};

    use super::*;

    const ENTRIES: [fn(&[u8]); 9] = [query_string, select, filter, prefer, range, accept, payload, role_claim, configuration];

    /// Words and signs that mean something to one of them.
    const WORDS: [&str; 64] = [
        "select",
        "order",
        "limit",
        "and",
        "or",
        "not.",
        "eq.",
        "in.",
        "is.",
        "fts(",
        "any",
        "a",
        "b",
        "1",
        "-1",
        "0",
        "99999999999999999999",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "'",
        "\\",
        "\\u",
        "%",
        "%00",
        "%22",
        "&",
        "=",
        ",",
        ".",
        ":",
        "::",
        "->",
        "->>",
        "...",
        "!",
        "*",
        "@",
        "?",
        "$",
        "$(",
        "$$",
        "#",
        "\n",
        "\r\n",
        "\0",
        " ",
        ";",
        "q=",
        "0.5",
        "count=exact",
        "timezone=",
        "application/vnd.pgrst.plan",
        "text/csv",
        "items=",
        "-",
        "é",
        "\u{2028}",
        "\u{10ffff}",
        "null",
    ];

    proptest! {
        #[test]
        fn never_panics(bytes in vec(any::<u8>(), 0..100)) {
            ENTRIES.iter().for_each(|entry| entry(&bytes));
        }

        #[test]
        fn never_panics_on_words_that_mean_something(words in vec(sample::select(&WORDS[..]), 0..40)) {
            let text = words.concat();
            ENTRIES.iter().for_each(|entry| entry(text.as_bytes()));
        }
    }
}
