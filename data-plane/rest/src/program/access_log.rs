//! Which requests the log shows, and how: a line each on stdout, as the Apache HTTP Server writes it in its combined format.
//!
//! Source: PostgREST's documentation, "Observability" and `log-level`.

use std::{
    fmt,
    io::{Write as _, stdout},
    net::{IpAddr, SocketAddr},
};

use axum::{
    body::{Body, HttpBody as _},
    extract::ConnectInfo,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header};
use time::OffsetDateTime;

use crate::service::Noted;

/// How much the log says. Each level says what those before it say, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// The start, and when the database comes back.
    Crit,
    /// Requests that failed by the service's fault.
    Error,
    /// Requests that failed.
    Warn,
    /// Every request.
    Info,
    Debug,
}

impl Level {
    pub(super) fn parse(word: &str) -> Option<Self> {
        match word {
            "crit" => Some(Self::Crit),
            "error" => Some(Self::Error),
            "warn" => Some(Self::Warn),
            "info" => Some(Self::Info),
            "debug" => Some(Self::Debug),
            _ => None,
        }
    }

    /// For what the program itself says. A request that failed by the service's fault is a warning there.
    pub(super) fn filter(self) -> &'static str {
        match self {
            Self::Crit => "error",
            Self::Error | Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }

    fn shows(self, status: StatusCode) -> bool {
        match self {
            Self::Crit => false,
            Self::Error => status.is_server_error(),
            Self::Warn => status.is_client_error() || status.is_server_error(),
            Self::Info | Self::Debug => true,
        }
    }
}

/// What a line says of a request.
#[derive(Debug)]
pub(super) struct Asked {
    /// Nobody's on a socket of this machine.
    peer: Option<IpAddr>,
    method: Method,
    uri: Uri,
    version: Version,
    referer: Option<HeaderValue>,
    agent: Option<HeaderValue>,
}

impl Asked {
    pub(super) fn of(request: &Request<Body>) -> Self {
        let header = |name: HeaderName| request.headers().get(name).cloned();
        Self {
            peer: request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_canonical()),
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            referer: header(header::REFERER),
            agent: header(header::USER_AGENT),
        }
    }

    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    /// Writes the request down with its statements, if the level has it so.
    pub(super) fn write(&self, level: Level, response: &Response<Body>, noted: &Noted) {
        if !level.shows(response.status()) {
            return;
        }
        for query in &noted.queries {
            tracing::info!(target: "query", "{query}");
        }
        let line = self.line(OffsetDateTime::now_utc(), response, noted.role.as_deref());
        // Nobody is left to tell that it can't be written.
        let _ = stdout().lock().write_all(line.as_bytes());
    }

    fn line(&self, now: OffsetDateTime, response: &Response<Body>, role: Option<&str>) -> String {
        let Self { peer, method, uri, version, referer, agent } = self;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        format!(
            "{} - {} [{}] \"{method} {} {version:?}\" {} {} \"{}\" \"{}\"\n",
            OrDash(*peer),
            OrDash(role.map(Escaped)),
            Time(now),
            Escaped(path),
            response.status().as_u16(),
            OrDash(length(response)),
            Escaped(&text(referer.as_ref())),
            Escaped(&text(agent.as_ref())),
        )
    }
}

/// Bytes of the body, if that is known.
fn length(response: &Response<Body>) -> Option<u64> {
    let told = |headers: &HeaderMap| headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
    told(response.headers()).or_else(|| response.body().size_hint().exact().filter(|length| *length > 0))
}

fn text(value: Option<&HeaderValue>) -> String {
    value.map_or_else(String::new, |value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

struct OrDash<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for OrDash<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("-"),
        }
    }
}

/// Text that can't end what it stands in: neither its quotes nor the line.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c if c.is_control() => write!(f, "\\x{:02x}", u32::from(c))?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

/// `26/Jul/2021:01:56:38 +0000`
struct Time(OffsetDateTime);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(now) = self;
        let (hour, minute, second) = now.to_hms();
        let month = now.month().to_string();
        let month = month.get(..3).unwrap_or_default();
        write!(f, "{:02}/{month}/{}:{hour:02}:{minute:02}:{second:02} +0000", now.day(), now.year())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_decides_by_the_status() {
        for (level, shown) in [
            (Level::Crit, &[][..]),
            (Level::Error, &[500, 503]),
            (Level::Warn, &[400, 404, 500, 503]),
            (Level::Info, &[200, 304, 400, 404, 500, 503]),
            (Level::Debug, &[200, 304, 400, 404, 500, 503]),
        ] {
            let shows = |status: &u16| level.shows(StatusCode::from_u16(*status).unwrap());
            assert_eq!([200, 304, 400, 404, 500, 503].into_iter().filter(shows).collect::<Vec<u16>>(), shown, "{level:?}");
        }
    }

    #[test]
    fn a_line_is_as_apache_writes_it() {
        let now = OffsetDateTime::from_unix_timestamp(1_627_286_198).unwrap();
        let request = Request::builder()
            .uri("/items?a=eq.%22")
            .header("user-agent", "curl/7.64.0\" 200")
            .header("authorization", "Bearer s3cret")
            .extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 5))));
        let asked = Asked::of(&request.body(Body::empty()).unwrap());
        let line = asked.line(now, &Response::new(Body::from("[{}]")), Some("web_anon"));
        let expected = "127.0.0.1 - web_anon [26/Jul/2021:07:56:38 +0000] \"GET /items?a=eq.%22 HTTP/1.1\" 200 4 \"\" \"curl/7.64.0\\\" 200\"\n";
        assert_eq!(line, expected);

        let asked = Asked::of(&Request::head("/a").header("referer", "http://x/").body(Body::empty()).unwrap());
        let answer = Response::builder().status(401).body(Body::empty()).unwrap();
        let expected = "- - - [26/Jul/2021:07:56:38 +0000] \"HEAD /a HTTP/1.1\" 401 - \"http://x/\" \"\"\n";
        assert_eq!(asked.line(now, &answer, None), expected);
    }
}
