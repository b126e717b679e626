//! What every answer has in its head, errors too, whoever made it.
//!
//! Source: PostgREST's documentation, "Observability" and "Vary Header".

use std::{fmt, time::Duration};

use axum::body::Body;
use daemon::UnknownLength;
use http::{HeaderName, HeaderValue, Method, Response, header, request::Parts};
use hyper::ext::ReasonPhrase;

use crate::schema::Config;

/// The product and version whose contract this is, as in the description of the service.
pub(crate) const SERVER: HeaderValue = HeaderValue::from_static("postgrest/16.2");

/// What an answer depends on besides its address.
const VARY: HeaderValue = HeaderValue::from_static("Accept, Prefer, Range");

/// Headers that say where the answer ends, which is not for a request to tell.
const FRAMING: [HeaderName; 3] = [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING];

/// The last word on an answer.
pub(crate) fn finish(response: &mut Response<Body>, config: &Config, request: &Parts) {
    if response.status().canonical_reason().is_none() && response.extensions().get::<ReasonPhrase>().is_none() {
        // The server would invent a name.
        response.extensions_mut().insert(ReasonPhrase::from_static(b""));
    }
    let headers = response.headers_mut();
    // What a function has said of these counts more.
    headers.entry(header::SERVER).or_insert(SERVER);
    headers.entry(header::VARY).or_insert(VARY);
    if let Some(name) = &config.server_trace_header
        && !FRAMING.contains(name)
        && let Some(value) = request.headers.get(name)
    {
        headers.insert(name.clone(), value.clone());
    }
    if request.method == Method::HEAD {
        headers.remove(header::CONTENT_LENGTH);
        *response.body_mut() = of_unknown_length();
        // For the routers around the service's own.
        response.extensions_mut().insert(UnknownLength);
    }
}

/// Says how long it took, if that is wanted.
pub(crate) fn tell_timings(response: &mut Response<Body>, config: &Config, timings: &Timings) {
    if config.server_timing_enabled
        && let Ok(value) = HeaderValue::try_from(timings.to_string())
    {
        response.headers_mut().insert("server-timing", value);
    }
}

/// Of an empty body the router would say that what GET answers is empty.
fn of_unknown_length() -> Body {
    Body::from_stream(futures::stream::empty::<Result<bytes::Bytes, std::convert::Infallible>>())
}

/// How long the stages of a request took, all attempts together.
#[derive(Debug, Default)]
pub(crate) struct Timings {
    pub(crate) jwt: Duration,
    pub(crate) parse: Duration,
    pub(crate) plan: Duration,
    pub(crate) transaction: Duration,
    pub(crate) response: Duration,
}

impl fmt::Display for Timings {
    /// As a `Server-Timing` header.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stages = [
            ("jwt", self.jwt),
            ("parse", self.parse),
            ("plan", self.plan),
            ("transaction", self.transaction),
            ("response", self.response),
        ];
        for (index, (stage, took)) in stages.into_iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{stage};dur={:.1}", took.as_secs_f64() * 1000.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_in_milliseconds() {
        let timings = Timings {
            jwt: Duration::from_micros(14_949),
            parse: Duration::from_millis(71),
            plan: Duration::ZERO,
            transaction: Duration::from_secs(2),
            response: Duration::from_nanos(50_001),
        };
        let shown = "jwt;dur=14.9, parse;dur=71.0, plan;dur=0.0, transaction;dur=2000.0, response;dur=0.1";
        assert_eq!(timings.to_string(), shown);
    }
}
