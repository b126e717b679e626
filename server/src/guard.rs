//! Stands before everything: sends requests for projects to the gateway, and lets nobody else's page or script act on the
//! control plane.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use app::{DashboardError, VisitedOrigin, accepts_html};
use axum::{
    Json,
    extract::{ConnectInfo, Request},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use control_plane::Caller;
use control_plane_api::ErrorBody;
use gateway::{Address, ClientFacts, Domain, Gateway};

use crate::{
    config::Config,
    forwarded::Forwarding,
    proxies,
    session::{Denied, Sessions},
    sign_in,
};

/// Where somebody who is not signed in may go on the main host.
const OPEN_PATHS: [&str; 7] =
    [sign_in::PAGE, "/sign-out", "/api/set_theme", "/favicon.svg", "/robots.txt", proxies::ASK, proxies::TRAEFIK];
/// Where the dashboard's own files are.
const OPEN_PREFIX: &str = "/pkg/";
/// Where programs ask rather than people.
const API_PREFIXES: [&str; 2] = ["/v1/", "/v2/"];
/// Where the dashboard's pages ask.
const PAGES_PREFIX: &str = "/api/";

/// What is checked before anything else.
#[derive(Debug)]
pub(crate) struct Guard {
    forwarding: Forwarding,
    /// Names that this server answers to in local mode; nothing when a token protects it.
    names: Option<Vec<String>>,
    sessions: Sessions,
}

impl Guard {
    pub(crate) fn new(config: &Config, forwarding: Forwarding, sessions: Sessions) -> Self {
        let local = || {
            let own = [config.server.domain.to_ascii_lowercase(), config.server.listen.ip().to_string()];
            ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).into_iter().chain(own).collect()
        };
        Self { names: (!sessions.is_required()).then(local), forwarding, sessions }
    }

    pub(crate) const fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The installation's own name.
    pub(crate) const fn domain(&self) -> &Domain {
        &self.forwarding.domain
    }

    /// The middleware: gateway for projects, checks for the main host.
    pub(crate) async fn pass(self: Arc<Self>, gateway: Arc<Gateway>, mut request: Request, next: Next) -> Response {
        let peer = peer_of(&request);
        let client = match self.forwarding.settle(&mut request, peer) {
            Ok(client) => client,
            Err(malformed) => return refusal(StatusCode::BAD_REQUEST, &malformed.to_string()),
        };
        tracing::Span::current().record("client.address", tracing::field::display(client.address));
        let address = self.forwarding.domain.address(&client.host, request.uri().path());
        let is_path_form = matches!(address, Address::Path(..)) || (address == Address::NoProject && self.knows(&client.host));
        if address != Address::Main {
            // The path form lives on the main host, whose name must be one of ours.
            if is_path_form && !self.knows(&client.host) {
                return misdirected(&client.host);
            }
            return gateway.handle(address, request).await;
        }
        if !self.knows(&client.host) {
            return misdirected(&client.host);
        }
        if !self.sessions.is_required() && !client.address.is_loopback() {
            // A proxy has brought somebody from elsewhere.
            let message = "Without an admin token this server answers to this machine only. Set SUPACLOUD_SERVER__ADMIN_TOKEN.";
            return refusal(StatusCode::FORBIDDEN, message);
        }
        if changes_state(request.method()) && !is_same_origin(request.headers(), &client) {
            let message = "Requests that change something must come from this server's own pages, or from a program.";
            return refusal(StatusCode::FORBIDDEN, message);
        }
        request.extensions_mut().insert(VisitedOrigin(client.origin()));
        let denied = match self.enter(request.headers(), client.address) {
            Ok(caller) => {
                request.extensions_mut().insert(caller);
                None
            }
            Err(denied) => Some(denied),
        };
        match denied {
            Some(denied) if !is_open(request.uri().path()) => turned_away(denied, &request),
            None if request.method() == Method::GET && request.uri().path() == sign_in::PAGE => {
                sign_in::skip(request.uri()).into_response()
            }
            Some(_) | None => next.run(request).await,
        }
    }

    fn enter(&self, headers: &HeaderMap, client: IpAddr) -> Result<Caller, Denied> {
        if !self.sessions.is_required() {
            return Ok(Caller::local());
        }
        self.sessions.check(headers, client).map(|()| Caller::admin())
    }

    fn knows(&self, host: &str) -> bool {
        let Some(names) = &self.names else { return true };
        let name = gateway::host_name(host);
        names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// The peer's address, as the listener recorded it.
fn peer_of(request: &Request) -> SocketAddr {
    let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
    request.extensions().get::<ConnectInfo<SocketAddr>>().map_or(unknown, |info| info.0)
}

const fn changes_state(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Programs send no `Origin`; a browser always does when it changes something. A page of the same name that came by another
/// scheme is a stranger's, too, where the scheme is known.
fn is_same_origin(headers: &HeaderMap, client: &ClientFacts) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return true };
    let Some((scheme, authority)) = origin.to_str().ok().and_then(|origin| origin.split_once("://")) else { return false };
    let is_scheme = !client.scheme_is_told || scheme.eq_ignore_ascii_case(client.scheme.as_str());
    origins.next().is_none() && is_scheme && authority.eq_ignore_ascii_case(&client.host)
}

fn is_open(path: &str) -> bool {
    OPEN_PATHS.contains(&path) || path.starts_with(OPEN_PREFIX)
}

fn turned_away(denied: Denied, request: &Request) -> Response {
    match denied {
        Denied::TooOften => too_often(),
        Denied::Nothing | Denied::Wrong if API_PREFIXES.iter().any(|prefix| request.uri().path().starts_with(prefix)) => {
            let mut response =
                refusal(StatusCode::UNAUTHORIZED, "Unauthorized. Send the admin token as `Authorization: Bearer …`.");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
            response
        }
        // A form without scripts; what shows it again is the page it is on.
        Denied::Nothing | Denied::Wrong if request.method() != Method::GET && accepts_html(request.headers()) => {
            sign_in::ask(&sign_in::posted_from(request.headers())).into_response()
        }
        Denied::Nothing | Denied::Wrong if request.uri().path().starts_with(PAGES_PREFIX) => {
            (StatusCode::UNAUTHORIZED, Json(DashboardError::signed_out())).into_response()
        }
        Denied::Nothing | Denied::Wrong => {
            let wanted = request.uri().path_and_query().map_or("/", |path| path.as_str());
            sign_in::ask(wanted).into_response()
        }
    }
}

pub(crate) fn too_often() -> Response {
    let mut response = refusal(StatusCode::TOO_MANY_REQUESTS, "Too many wrong tokens from your address. Wait a minute.");
    response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("60"));
    response
}

fn misdirected(host: &str) -> Response {
    let shown: String = host.chars().filter(|c| !c.is_control()).take(80).collect();
    let message = format!("This server does not answer to the name {shown:?}. Use http://localhost or http://127.0.0.1.");
    refusal(StatusCode::MISDIRECTED_REQUEST, &message)
}

pub(crate) fn refusal(status: StatusCode, message: &str) -> Response {
    let body = ErrorBody { message: message.to_owned(), operation: None, request_id: None };
    (status, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use gateway::Scheme;

    use super::*;
    use crate::networks::Networks;

    fn headers(origin: &str) -> HeaderMap {
        [(header::ORIGIN, origin.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn only_our_own_pages_and_programs_may_change_something() {
        let client = |scheme_is_told| ClientFacts {
            address: [127, 0, 0, 1].into(),
            scheme: Scheme::Https,
            scheme_is_told,
            host: "localhost:8000".to_owned(),
        };
        for (is_told, origin, is_same) in [
            (true, "https://localhost:8000", true),
            (true, "http://localhost:8000", false),
            (false, "http://localhost:8000", true),
            (false, "https://localhost:8000", true),
        ] {
            assert_eq!(is_same_origin(&headers(origin), &client(is_told)), is_same, "{is_told} {origin}");
        }
        assert!(is_same_origin(&HeaderMap::new(), &client(true)));
        for foreign in ["null", "http://evil.example", "http://localhost:9000", "http://localhost", "localhost:8000", ""] {
            assert!(!is_same_origin(&headers(foreign), &client(false)), "{foreign}");
        }
    }

    #[test]
    fn names_are_compared_without_port_case_or_final_dot() {
        let config = Config::load(None, &std::collections::HashMap::new()).unwrap();
        let key = control_plane::MasterKey::load(Some(&"ab".repeat(32).into()), std::path::Path::new("/x"), false).unwrap();
        let domain = Domain::new("localhost");
        let forwarding = Forwarding { trusted: Networks::default(), domain, public_scheme: Scheme::Http };
        let guard = Guard::new(&config, forwarding, Sessions::new(&config, &key));
        for ours in ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "[::1]:8000", "localhost.:80"] {
            assert!(guard.knows(ours), "{ours}");
        }
        for foreign in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:8000",
            "127.0.0.2",
            "localhost:x",
            "localhost:",
        ] {
            assert!(!guard.knows(foreign), "{foreign}");
        }
    }
}
