//! What browsers ask before they let a page of another origin use the service, and what they are told with each answer.
//!
//! Source: PostgREST's documentation, "CORS".

use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderValue, Method, header};

use crate::headers::SERVER;

const METHODS: [&str; 7] = ["GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "HEAD"];

/// Headers that a request may have besides those that are asked for, which stand between the two.
const FIRST_ALLOWED: &str = "Authorization";
const LAST_ALLOWED: [&str; 3] = ["Accept", "Accept-Language", "Content-Language"];

/// Headers that scripts of other origins may read.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, Transfer-Encoding, Range-Unit",
);

/// How long the answer to a preflight holds, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("86400");

/// Pages of one origin, which may use the service.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    /// Whatever it is.
    Any,
    /// One of those that are listed, with what the browser knows of its user.
    Listed(HeaderValue),
}

impl Allowed {
    /// Nothing if the request comes from no other origin, or from one that is not listed.
    pub(super) fn of(request: &HeaderMap, listed: Option<&[HeaderValue]>) -> Option<Self> {
        let origin = request.get(header::ORIGIN)?;
        match listed {
            None => Some(Self::Any),
            Some(listed) => listed.contains(origin).then(|| Self::Listed(origin.clone())),
        }
    }

    /// The answer, if the request only asks whether another one may be made.
    pub(super) fn preflight(&self, method: &Method, request: &HeaderMap) -> Option<Response> {
        let wanted = request.get(header::ACCESS_CONTROL_REQUEST_METHOD).filter(|_| method == Method::OPTIONS)?;
        if !METHODS.iter().any(|method| wanted == method) {
            return None;
        }
        let asked = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS).and_then(|asked| asked.to_str().ok()).unwrap_or_default();
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        self.tell(headers);
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, value(&METHODS.join(", "))?);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, value(&allowed_headers(asked))?);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        headers.insert(header::SERVER, SERVER);
        Some(response)
    }

    /// Lets a page read an answer.
    pub(super) fn expose(&self, headers: &mut HeaderMap) {
        self.tell(headers);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }

    fn tell(&self, headers: &mut HeaderMap) {
        match self {
            Self::Any => {
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
            Self::Listed(origin) => {
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
                // Others get another answer.
                headers.append(header::VARY, HeaderValue::from_static("Origin"));
            }
        }
    }
}

fn value(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(text).ok()
}

/// Each once, however it is written.
fn allowed_headers(asked: &str) -> String {
    let mut names = vec![FIRST_ALLOWED];
    for name in asked.split(',').map(str::trim).filter(|name| !name.is_empty()).chain(LAST_ALLOWED) {
        if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            names.push(name);
        }
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stands_between_what_is_always_allowed() {
        for (asked, allowed) in [
            ("Content-Type", "Authorization, Content-Type, Accept, Accept-Language, Content-Language"),
            ("", "Authorization, Accept, Accept-Language, Content-Language"),
            (
                "apikey,authorization, ,accept ,X-Client-Info",
                "Authorization, apikey, accept, X-Client-Info, Accept-Language, Content-Language",
            ),
        ] {
            assert_eq!(allowed_headers(asked), allowed, "{asked}");
        }
    }

    #[test]
    fn origins_are_allowed_if_they_are_listed_or_nothing_is() {
        let from = |origin: &'static str| HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static(origin))]);
        let listed = [HeaderValue::from_static("http://a"), HeaderValue::from_static("http://b")];
        assert_eq!(Allowed::of(&from("http://x"), None), Some(Allowed::Any));
        assert_eq!(Allowed::of(&from("http://b"), Some(&listed)), Some(Allowed::Listed(listed[1].clone())));
        assert_eq!(Allowed::of(&from("http://x"), Some(&listed)), None);
        assert_eq!(Allowed::of(&HeaderMap::new(), None), None, "a request that no page has made");
    }
}
