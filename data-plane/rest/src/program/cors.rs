//! What browsers ask before they let a page of another origin use the service: PostgREST's answers.

use std::{convert::Infallible, time::Duration};

use axum::{Router, body::Body, extract::Request, response::Response};
use http::{HeaderName, HeaderValue, Method, header};
use tower::{Layer as _, ServiceExt as _};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::headers;

const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::PUT, Method::DELETE, Method::OPTIONS];

/// Headers that scripts of other origins may read.
const EXPOSED: [&str; 9] = [
    "content-encoding",
    "content-location",
    "content-range",
    "content-type",
    "date",
    "location",
    "server",
    "transfer-encoding",
    "range-unit",
];

const MAX_AGE: Duration = Duration::from_secs(86400);

/// Answers preflights, and says to every origin, or to those listed, that it may read the answers.
pub(super) fn around(service: Router, origins: Option<Vec<HeaderValue>>) -> Router {
    // The service has a `Vary` of its own; where every origin gets the same answer there is nothing to add.
    let vary = origins.is_some().then_some(header::ORIGIN);
    let cors = CorsLayer::new()
        .allow_origin(origins.map_or_else(AllowOrigin::any, AllowOrigin::list))
        .allow_methods(METHODS)
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED.map(HeaderName::from_static))
        .max_age(MAX_AGE)
        .vary(vary.into_iter().collect::<Vec<_>>());
    Router::new().fallback(move |request: Request| {
        let (cors, service) = (cors.clone(), service.clone());
        async move {
            // The layer takes every OPTIONS for a preflight; the service has something to say to the others.
            if request.method() == Method::OPTIONS && !is_preflight(&request) {
                return answer(service, request).await;
            }
            let inner = tower::service_fn(move |request| {
                let service = service.clone();
                async move { Ok::<_, Infallible>(answer(service, request).await) }
            });
            let response: Result<Response<Body>, Infallible> = cors.layer(inner).oneshot(request).await;
            response.unwrap_or_else(|never| match never {})
        }
    })
}

async fn answer(service: Router, request: Request) -> Response {
    let response = service.oneshot(request).await.unwrap_or_else(|never| match never {});
    headers::keep_unknown_length(response)
}

fn is_preflight(request: &Request) -> bool {
    [header::ORIGIN, header::ACCESS_CONTROL_REQUEST_METHOD].iter().all(|name| request.headers().contains_key(name))
}
