//! What reverse proxies ask before us: which hosts there are, for certificates and routes.
//!
//! - `GET /ask?domain=<host>`: Caddy's question before it gets a certificate on demand. 200 for the domain itself and for
//!   `<ref>.api.<domain>` and `db.<ref>.api.<domain>` of projects that exist, 404 for everything else.
//! - `GET /traefik/config`: the document that Traefik's HTTP provider asks for, with a router for each host. `resolver` and
//!   `entrypoint` name what its static configuration has; Traefik finds us where it asked.
//!
//! Both answer from memory. Strangers get 404: only trusted proxies that ask for themselves may, and programs on this machine
//! for the first, whoever is signed in for the second, which lists every project.

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::get,
};
use control_plane::Caller;
use gateway::{ClientFacts, Domain, RouteTable};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{forwarded::Neighbour, guard::refusal};

/// Where Caddy asks.
pub(crate) const ASK: &str = "/ask";
/// Where Traefik asks.
pub(crate) const TRAEFIK: &str = "/traefik/config";

/// What everything of ours is called in Traefik.
const NAME: &str = "supacloud";
const ENTRYPOINT: &str = "websecure";

/// The hosts there are.
#[derive(Debug, Clone)]
pub(crate) struct Hosts {
    routes: Arc<RouteTable>,
    domain: Domain,
}

impl Hosts {
    pub(crate) const fn new(routes: Arc<RouteTable>, domain: Domain) -> Self {
        Self { routes, domain }
    }

    fn exists(&self, host: &str) -> bool {
        host.eq_ignore_ascii_case(self.domain.name())
            || self.domain.project_of(host).is_some_and(|project_ref| self.routes.knows(&project_ref))
    }
}

pub(crate) fn router(hosts: Hosts) -> Router {
    Router::new().route(ASK, get(ask)).route(TRAEFIK, get(traefik)).with_state(hosts)
}

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    domain: String,
}

async fn ask(
    State(hosts): State<Hosts>,
    neighbour: Option<Extension<Neighbour>>,
    Query(Asked { domain }): Query<Asked>,
) -> Response {
    match neighbour {
        Some(_) if hosts.exists(&domain) => StatusCode::OK.into_response(),
        Some(_) | None => not_found(),
    }
}

#[derive(Debug, Deserialize)]
struct Wanted {
    resolver: Option<String>,
    entrypoint: Option<String>,
}

async fn traefik(
    State(hosts): State<Hosts>,
    neighbour: Option<Extension<Neighbour>>,
    caller: Option<Extension<Caller>>,
    Extension(client): Extension<ClientFacts>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let is_proxy = neighbour.is_some_and(|Extension(neighbour)| neighbour == Neighbour::Proxy);
    if caller.is_none() && !is_proxy {
        return not_found();
    }
    if [&wanted.resolver, &wanted.entrypoint].into_iter().flatten().any(|name| !is_name(name)) || client.host.is_empty() {
        let message = "resolver and entrypoint must be names of Traefik's: letters, digits, - and _. Host must name this server.";
        return refusal(StatusCode::BAD_REQUEST, message);
    }
    Json(document(&hosts, &wanted, &client.host)).into_response()
}

/// <https://doc.traefik.io/traefik/reference/routing-configuration/>. Without empty maps, which Traefik refuses.
fn document(hosts: &Hosts, wanted: &Wanted, own_host: &str) -> Value {
    let route = |host: &str| {
        let mut tls = json!({ "domains": [{ "main": host }] });
        if let Some(resolver) = &wanted.resolver {
            tls["certResolver"] = json!(resolver);
        }
        let entrypoint = wanted.entrypoint.as_deref().unwrap_or(ENTRYPOINT);
        json!({
            "rule": format!("Host(`{host}`)"),
            "entryPoints": [entrypoint],
            "service": NAME,
            "middlewares": [NAME],
            "tls": tls,
        })
    };
    let mut routers = Map::new();
    routers.insert(NAME.to_owned(), route(hosts.domain.name()));
    for project_ref in hosts.routes.project_refs() {
        routers.insert(format!("{NAME}-{project_ref}"), route(&hosts.domain.host_of(&project_ref)));
    }
    json!({
        "http": {
            "routers": routers,
            // Traefik sets X-Forwarded-* anew, but passes on what a client sends as Forwarded.
            "middlewares": { NAME: { "headers": { "customRequestHeaders": { "Forwarded": "" } } } },
            "services": {
                NAME: { "loadBalancer": { "servers": [{ "url": format!("http://{own_host}") }], "passHostHeader": true } },
            },
        },
    })
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 100 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn not_found() -> Response {
    refusal(StatusCode::NOT_FOUND, "There is nothing at this path.")
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, extract::Request};
    use control_plane_api::{ProjectRef, ProjectState};
    use gateway::Scheme;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    /// Two projects below example.com, neither live.
    fn hosts() -> Hosts {
        let routes = Arc::new(RouteTable::default());
        for letter in [1, 0] {
            routes.withdraw(&ProjectRef::from_letters([letter; 20]), ProjectState::Paused);
        }
        Hosts::new(routes, Domain::new("example.com"))
    }

    async fn asked(target: &str, neighbour: Option<Neighbour>, caller: Option<Caller>) -> (u16, Value) {
        let mut request = Request::get(target).body(Body::empty()).unwrap();
        let host = "inside:8000".to_owned();
        let client = ClientFacts { address: [127, 0, 0, 1].into(), scheme: Scheme::Http, scheme_is_told: false, host };
        request.extensions_mut().insert(client);
        if let Some(neighbour) = neighbour {
            request.extensions_mut().insert(neighbour);
        }
        if let Some(caller) = caller {
            request.extensions_mut().insert(caller);
        }
        let response = router(hosts()).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    #[tokio::test]
    async fn certificates_are_for_hosts_that_exist() {
        let (first, missing) = ("a".repeat(20), "c".repeat(20));
        for (host, status) in [
            ("example.com".to_owned(), 200),
            ("EXAMPLE.com".to_owned(), 200),
            (format!("{first}.api.example.com"), 200),
            (format!("db.{first}.api.example.com"), 200),
            (format!("{missing}.api.example.com"), 404),
            (format!("db.{missing}.api.example.com"), 404),
            (format!("x.{first}.api.example.com"), 404),
            (format!("{first}.api.evil.example"), 404),
            ("www.example.com".to_owned(), 404),
            ("api.example.com".to_owned(), 404),
            ("evil.example".to_owned(), 404),
            ("*.api.example.com".to_owned(), 404),
            (String::new(), 404),
        ] {
            for neighbour in [Neighbour::Local, Neighbour::Proxy] {
                let (found, _) = asked(&format!("/ask?domain={host}"), Some(neighbour), None).await;
                assert_eq!(found, status, "{host}");
            }
            assert_eq!(asked(&format!("/ask?domain={host}"), None, Some(Caller::admin())).await.0, 404, "{host}");
        }
        assert_eq!(asked("/ask", Some(Neighbour::Local), None).await.0, 404);
    }

    #[tokio::test]
    async fn traefik_gets_a_router_for_each_host() {
        let (status, document) = asked("/traefik/config?resolver=letsencrypt", Some(Neighbour::Proxy), None).await;
        assert_eq!(status, 200);
        let routers = document["http"]["routers"].as_object().unwrap();
        assert_eq!(routers.len(), 3);
        let host = format!("{}.api.example.com", "a".repeat(20));
        assert_eq!(
            routers[&format!("supacloud-{}", "a".repeat(20))],
            json!({
                "rule": format!("Host(`{host}`)"),
                "entryPoints": ["websecure"],
                "service": "supacloud",
                "middlewares": ["supacloud"],
                "tls": { "certResolver": "letsencrypt", "domains": [{ "main": host }] },
            })
        );
        assert_eq!(document["http"]["services"]["supacloud"]["loadBalancer"]["servers"][0]["url"], "http://inside:8000");
        let (_, document) = asked("/traefik/config?entrypoint=https", Some(Neighbour::Proxy), None).await;
        let own = json!({
            "rule": "Host(`example.com`)",
            "entryPoints": ["https"],
            "service": "supacloud",
            "middlewares": ["supacloud"],
            "tls": { "domains": [{ "main": "example.com" }] },
        });
        assert_eq!(document["http"]["routers"]["supacloud"], own);
    }

    #[tokio::test]
    async fn the_list_of_hosts_is_for_proxies_and_whoever_is_signed_in() {
        for (neighbour, caller, status) in [
            (None, None, 404),
            (Some(Neighbour::Local), None, 404),
            (Some(Neighbour::Proxy), None, 200),
            (None, Some(Caller::admin()), 200),
        ] {
            assert_eq!(asked("/traefik/config", neighbour, caller).await.0, status, "{neighbour:?}");
        }
        for query in ["resolver=", "resolver=a%60b", "entrypoint=a.b", "entrypoint=a%20b"] {
            assert_eq!(asked(&format!("/traefik/config?{query}"), Some(Neighbour::Proxy), None).await.0, 400, "{query}");
        }
    }
}
