//! Services that are elsewhere: a router that passes requests on, by path, to addresses that speak HTTP/1.1.
//!
//! Bodies stream both ways, a frame at a time, so that whoever reads slowly slows down whoever writes. A client that goes
//! away takes its upstream request with it. `Host` stays what the client named: S3 signatures cover it, and services make
//! addresses of it. A web socket is joined byte by byte once both sides have agreed to it.
//!
//! Ours, on hyper-util's client. axum-reverse-proxy (2.4) streams too, but names one public scheme for all requests, says
//! its refusals in plain text, and brings a web socket library, an URL parser and HTTP/2 for what is two hundred lines here.
//! hyper-reverse-proxy (0.5) is for hyper 0.14.

mod headers;
mod tunnel;

use std::{borrow::Cow, error::Error as _, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{StatusCode, Uri, Version, uri},
    response::Response,
};
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use crate::{
    answer,
    client::ClientFacts,
    remote::{headers::Forwarded, tunnel::Asked},
};

/// Longest time for a connection to come about.
const CONNECT_TIME: Duration = Duration::from_secs(2);
/// How long a connection is kept for the next request: less than the 5 s after which Node's servers close it.
const IDLE_TIME: Duration = Duration::from_secs(4);
/// Connections to one address that are kept so.
const MAX_IDLE: usize = 32;
/// After so long a silence the system looks whether the other side is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// A service and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The paths it serves: this one and all below it, by whole segments. `/` is all.
    pub prefix: String,
    /// What it expects in the place of the prefix: nothing where it does not know it (it is then told as
    /// `X-Forwarded-Prefix`), `None` where the path is its own as it is.
    pub instead: Option<String>,
    /// Where it listens.
    pub address: SocketAddr,
}

/// What has been taken off the path before it came here.
#[derive(Debug, Clone)]
pub(crate) struct CutPrefix(pub(crate) String);

/// A router that passes each request on to the target with the longest prefix of its path.
pub fn router(targets: Vec<Target>) -> Router {
    let remote = Arc::new(Remote::new(targets));
    Router::new().fallback(move |request: Request| {
        let remote = Arc::clone(&remote);
        async move { remote.pass(request).await }
    })
}

#[derive(Debug)]
struct Remote {
    /// Longest prefix first; prefixes without the slash at their end.
    targets: Vec<Target>,
    client: Client<HttpConnector, Body>,
}

impl Remote {
    fn new(mut targets: Vec<Target>) -> Self {
        for target in &mut targets {
            target.prefix.truncate(target.prefix.trim_end_matches('/').len());
        }
        targets.sort_by_key(|target| std::cmp::Reverse(target.prefix.len()));
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIME));
        connector.set_keepalive(Some(KEEPALIVE));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME)
            .pool_max_idle_per_host(MAX_IDLE)
            .build(connector);
        Self { targets, client }
    }

    async fn pass(&self, mut request: Request) -> Response {
        if climbs(request.uri().path()) {
            return answer::bad_request("The path must not contain \"..\" segments.");
        }
        let Some((target, rest)) = self.find(request.uri().path()) else { return answer::no_service() };
        let Some(uri) = at(target.address, &rest, request.uri().query()) else {
            return answer::bad_request("The path is not valid.");
        };
        let stripped = if target.instead.is_some() { target.prefix.as_str() } else { "" };
        let asked = Asked::take(&mut request);
        let (mut parts, body) = request.into_parts();
        let cut = parts.extensions.get::<CutPrefix>().map_or("", |cut| cut.0.as_str());
        let forwarded = Forwarded { facts: parts.extensions.get::<ClientFacts>().cloned(), prefix: format!("{cut}{stripped}") };
        headers::outward(&mut parts.headers, parts.uri.authority(), &forwarded);
        if let Some(asked) = &asked {
            asked.ask(&mut parts.headers);
        }
        let mut outgoing = Request::new(body);
        *outgoing.method_mut() = parts.method;
        *outgoing.uri_mut() = uri;
        *outgoing.headers_mut() = parts.headers;
        match self.client.request(outgoing).await {
            Ok(response) => passed_back(response.map(Body::new), asked),
            Err(error) => failed(&error, target),
        }
    }

    /// The target for a path, and the path that it is asked for.
    fn find<'a>(&self, path: &'a str) -> Option<(&Target, Cow<'a, str>)> {
        let path = path.starts_with('/').then_some(path)?;
        self.targets.iter().find_map(|target| {
            let rest = path.strip_prefix(target.prefix.as_str())?;
            if !rest.is_empty() && !rest.starts_with('/') {
                return None;
            }
            let asked = match (target.instead.as_deref(), rest) {
                (None, _) => Cow::Borrowed(path),
                (Some(""), "") => Cow::Borrowed("/"),
                (Some(""), rest) => Cow::Borrowed(rest),
                (Some(instead), rest) => Cow::Owned(format!("{instead}{rest}")),
            };
            Some((target, asked))
        })
    }
}

/// Whether a service that resolves the path might leave the prefix that it was found by.
fn climbs(path: &str) -> bool {
    path.split('/').any(|segment| segment.len() <= "%2e%2e".len() && segment.to_ascii_lowercase().replace("%2e", ".") == "..")
}

fn at(address: SocketAddr, path: &str, query: Option<&str>) -> Option<Uri> {
    let path_and_query = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    uri::Builder::new().scheme(uri::Scheme::HTTP).authority(address.to_string()).path_and_query(path_and_query).build().ok()
}

fn passed_back(mut response: Response, asked: Option<Asked>) -> Response {
    // Of the connection that is behind us; ours says its own.
    *response.version_mut() = Version::HTTP_11;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        headers::inward(response.headers_mut());
        return response;
    }
    match asked {
        Some(asked) => asked.join(response),
        None => {
            tracing::warn!("a service changed the protocol unasked");
            answer::broken_off()
        }
    }
}

fn failed(error: &Error, target: &Target) -> Response {
    let from_client = error.source().and_then(|source| source.downcast_ref::<hyper::Error>()).is_some_and(hyper::Error::is_user);
    if from_client {
        // It pauses too long. One that is gone hears nothing, and one that is too large is told so by whoever cut it off.
        return answer::arrived_too_slowly();
    }
    tracing::warn!(error = error as &dyn std::error::Error, upstream = %target.address, "a service can't be asked");
    if error.is_connect() { answer::unreachable() } else { answer::broken_off() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Targets by their last octet.
    fn found(targets: &[(&str, Option<&str>)], path: &str) -> Option<(u8, String)> {
        let targets = targets.iter().zip(1..).map(|((prefix, instead), octet)| Target {
            prefix: (*prefix).to_owned(),
            instead: instead.map(str::to_owned),
            address: ([127, 0, 0, octet], 80).into(),
        });
        let remote = Remote::new(targets.collect());
        let (target, path) = remote.find(path)?;
        let SocketAddr::V4(address) = target.address else { return None };
        Some((address.ip().octets()[3], path.into_owned()))
    }

    #[tokio::test]
    async fn the_longest_prefix_wins_by_whole_segments() {
        let targets = [
            ("/rest/v1", Some("")),
            ("/storage/v1/", Some("")),
            ("/storage/v1/s3", None),
            ("/realtime/v1", None),
            ("/socket/v1/", Some("/socket")),
        ];
        for (path, expected) in [
            ("/rest/v1", Some((1, "/"))),
            ("/rest/v1/", Some((1, "/"))),
            ("/rest/v1/t", Some((1, "/t"))),
            ("/rest/v1//t", Some((1, "//t"))),
            ("/socket/v1", Some((5, "/socket"))),
            ("/socket/v1/websocket", Some((5, "/socket/websocket"))),
            ("/socket/v10", None),
            ("/rest/v10", None),
            ("/rest/v1%2Ft", None),
            ("/REST/v1/t", None),
            ("/rest", None),
            ("/storage/v1", Some((2, "/"))),
            ("/storage/v1/s3x", Some((2, "/s3x"))),
            ("/storage/v1/s3", Some((3, "/storage/v1/s3"))),
            ("/storage/v1/s3/b/o", Some((3, "/storage/v1/s3/b/o"))),
            ("/realtime/v1/websocket", Some((4, "/realtime/v1/websocket"))),
            ("/", None),
            ("", None),
            ("*", None),
        ] {
            assert_eq!(found(&targets, path), expected.map(|(octet, path)| (octet, path.to_owned())), "{path}");
        }
    }

    #[tokio::test]
    async fn a_slash_is_all_paths_and_the_last_resort() {
        let targets = [("/", Some("")), ("/auth/v1", Some(""))];
        for (path, expected) in [("/", (1, "/")), ("/x", (1, "/x")), ("/auth/v1/x", (2, "/x")), ("/auth/v1x", (1, "/auth/v1x"))] {
            assert_eq!(found(&targets, path), Some((expected.0, expected.1.to_owned())), "{path}");
        }
        for path in ["", "*"] {
            assert_eq!(found(&targets, path), None, "{path}");
        }
    }

    #[test]
    fn no_path_leaves_its_prefix() {
        for path in ["/a/..", "/a/../b", "/..", "/a/%2e%2E/b", "/a/.%2e", "/a/%2e./"] {
            assert!(climbs(path), "{path}");
        }
        for path in ["/a/..b", "/a/...", "/a/.", "/a", "/", "/a/%2e", "/a/%252e%252e", "/ä..ö/"] {
            assert!(!climbs(path), "{path}");
        }
    }
}
