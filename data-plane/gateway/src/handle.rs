//! One request on its way to a project.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, HttpBody as _},
    extract::Request,
    http::{HeaderName, HeaderValue, Method, Uri, header},
    response::Response,
};
use control_plane_api::ProjectRef;
use tower::{Layer as _, ServiceExt as _};
use tower_http::cors::{AllowHeaders, Any, CorsLayer};

use crate::{
    address::Address,
    answer,
    key::{self, KeyError},
    limits::{self, Limits, Placed},
    remote::CutPrefix,
    routes::{Route, RouteTable, Upstream},
};

/// <https://www.w3.org/TR/clear-site-data/>
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
/// How long a browser may remember a preflight.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_secs(3600);

/// Headers that scripts of other origins may read; PostgREST's list and what the other services add.
const EXPOSED: [&str; 17] = [
    "content-encoding",
    "content-location",
    "content-range",
    "content-type",
    "date",
    "link",
    "location",
    "preference-applied",
    "proxy-status",
    "range-unit",
    "retry-after",
    "server-timing",
    "transfer-encoding",
    "x-request-id",
    "x-sb-error-code",
    "x-supabase-api-version",
    "x-total-count",
];

/// Lets requests through to projects.
#[derive(Debug)]
pub struct Gateway {
    routes: Arc<RouteTable>,
    limits: Limits,
    cors: CorsLayer,
    /// [`EXPOSED`] as a header's value.
    exposed: HeaderValue,
    /// Whether a path is for everybody, with an API key or without.
    is_open: fn(&str) -> bool,
}

impl Gateway {
    /// A gateway over these routes. `is_open` tells paths that need no API key: those that a mail's link or another service
    /// leads to, and those whose service this version does not have.
    #[must_use]
    pub fn new(routes: Arc<RouteTable>, limits: Limits, is_open: fn(&str) -> bool) -> Self {
        let methods = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
        let cors = CorsLayer::new()
            .allow_origin(Any)
            .allow_methods(methods)
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers(EXPOSED.map(HeaderName::from_static))
            .max_age(PREFLIGHT_MAX_AGE)
            // Every origin gets the same answer, and the services have a `Vary` of their own.
            .vary([]);
        let exposed = HeaderValue::try_from(EXPOSED.join(",")).unwrap_or_else(|_| HeaderValue::from_static("*"));
        Self { routes, limits, cors, exposed, is_open }
    }

    /// What it lets requests through to.
    #[must_use]
    pub const fn routes(&self) -> &Arc<RouteTable> {
        &self.routes
    }

    /// Answers a request that is addressed to a project. `address` must not be [`Address::Main`].
    pub async fn handle(self: &Arc<Self>, address: Address, request: Request) -> Response {
        if request.method() == Method::OPTIONS && !is_preflight(&request) {
            // The layer would answer it by itself; the services have something to say.
            let mut response = self.route(address, request).await;
            let headers = response.headers_mut();
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, self.exposed.clone());
            return response;
        }
        let gateway = Arc::clone(self);
        let inner = tower::service_fn(move |request: Request| {
            let (gateway, address) = (Arc::clone(&gateway), address.clone());
            async move { Ok::<_, std::convert::Infallible>(gateway.route(address, request).await) }
        });
        match self.cors.layer(inner).oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    async fn route(&self, address: Address, mut request: Request) -> Response {
        let (project_ref, on_main_host) = match address {
            Address::Host(project_ref) => (project_ref, false),
            Address::Path(project_ref, begin) => {
                let cut = request.uri().path().get(..begin).unwrap_or_default().to_owned();
                if !cut_path(request.uri_mut(), begin) {
                    return answer::bad_request("The path is not valid.");
                }
                request.extensions_mut().insert(CutPrefix(cut));
                // The dashboard's session is none of a project's business.
                request.headers_mut().remove(header::COOKIE);
                (project_ref, true)
            }
            Address::NoProject | Address::Main => return answer::no_such_project(),
        };
        let mut response = match self.routes.find(&project_ref) {
            None => answer::no_such_project(),
            Some(Route::NotReady(state)) => answer::not_ready(state),
            Some(Route::Live(upstream)) => self.forward(&project_ref, &upstream, request).await,
        };
        if on_main_host {
            // A project's document must not act as the dashboard, whose origin it shares here.
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
            // Nor sign anybody in or out of it.
            for name in [header::SET_COOKIE, CLEAR_SITE_DATA] {
                response.headers_mut().remove(name);
            }
        }
        response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }

    async fn forward(&self, project_ref: &ProjectRef, upstream: &Upstream, request: Request) -> Response {
        // The declared length, as hyper has read it.
        if request.body().size_hint().lower() > self.limits.body_bytes {
            return answer::too_large(self.limits.body_bytes);
        }
        let (mut parts, body) = request.into_parts();
        match key::admit(&upstream.keys, &mut parts.headers, &mut parts.uri) {
            Ok(()) => {}
            // A key of another project is refused here, too.
            Err(KeyError::Missing) if (self.is_open)(parts.uri.path()) => {}
            Err(KeyError::Missing) => return answer::no_key(),
            Err(KeyError::Invalid) => return answer::invalid_key(),
            Err(KeyError::SecretInBrowser) => return answer::secret_key_in_browser(),
        }
        let Ok(queued) = Arc::clone(&upstream.queue).try_acquire_owned() else { return answer::busy() };
        let place = tokio::time::timeout(self.limits.queue_wait, Arc::clone(&upstream.places).acquire_owned()).await;
        let Ok(Ok(place)) = place else {
            tracing::debug!(project.ref = %project_ref, "no place for a request");
            return answer::busy();
        };
        drop(queued);
        let (body, arrival) = limits::bounded(body, &self.limits);
        let request = Request::from_parts(parts, body);
        match tokio::time::timeout(self.limits.response_time, upstream.services.clone().oneshot(request)).await {
            // Whatever the service made of a body that was cut off.
            Ok(Ok(_)) if arrival.is_too_large() => answer::too_large(self.limits.body_bytes),
            Ok(Ok(response)) => response.map(|body: Body| Placed::wrap(body, place)),
            Ok(Err(never)) => match never {},
            Err(_) if !arrival.is_complete() => answer::arrived_too_slowly(),
            Err(_) => answer::timed_out(),
        }
    }
}

/// What a browser asks before a request of another origin, which no service is to see.
fn is_preflight(request: &Request) -> bool {
    [header::ORIGIN, header::ACCESS_CONTROL_REQUEST_METHOD].iter().all(|name| request.headers().contains_key(name))
}

/// Cuts the first bytes off the path. False if what is left is no path.
fn cut_path(uri: &mut Uri, begin: usize) -> bool {
    let Some(rest) = uri.path_and_query().and_then(|path| path.as_str().get(begin..)) else { return false };
    let rest = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
    let mut parts = uri.clone().into_parts();
    let Ok(path) = rest.parse() else { return false };
    parts.path_and_query = Some(path);
    match Uri::from_parts(parts) {
        Ok(cut) => {
            *uri = cut;
            true
        }
        Err(_) => false,
    }
}
