//! What stands around the service where no gateway does: browsers' cross-origin questions, the longest time of a request, and a
//! line in the log.
//!
//! Source: GoTrue's public documentation; its answers to preflights are those of Go's `rs/cors`.

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use uuid::Uuid;

use crate::{
    context::AuthContext,
    error::{AuthError, ErrorCode, RequestId, show_errors},
};

const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Headers that a page may send; more come from the settings.
const ALLOWED: [&str; 9] = [
    "accept",
    "authorization",
    "content-type",
    "x-client-ip",
    "x-client-info",
    "x-jwt-aud",
    "x-use-cookie",
    "x-supabase-api-version",
    "apikey",
];

/// Headers that a page may read.
const EXPOSED: HeaderValue = HeaderValue::from_static("X-Total-Count, Link, X-Supabase-Api-Version");

/// Pages of every origin: what they bring is a token, no cookie.
const ANY: HeaderValue = HeaderValue::from_static("*");

/// Longest id of a request that is taken over.
const LONGEST_ID: usize = 128;

const VARY: HeaderValue = HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers");

pub(super) fn around(service: Router, context: &Arc<AuthContext>) -> Router {
    service
        .layer(middleware::from_fn_with_state(Arc::clone(context), in_time))
        .layer(middleware::from_fn(show_errors))
        .layer(middleware::from_fn_with_state(Arc::clone(context), across_origins))
        .layer(middleware::from_fn_with_state(Arc::clone(context), logged))
}

async fn in_time(State(context): State<Arc<AuthContext>>, request: Request, next: Next) -> Response {
    let at_most = context.live().settings.api.max_request_duration;
    match tokio::time::timeout(at_most, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let message = "Processing this request timed out, please retry after a moment.";
            AuthError::new(StatusCode::GATEWAY_TIMEOUT, ErrorCode::RequestTimeout, message).into_response()
        }
    }
}

/// Neither the query nor the body: both have tokens.
async fn logged(State(context): State<Arc<AuthContext>>, mut request: Request, next: Next) -> Response {
    let id = context.live().settings.api.request_id_header.as_deref().map(|header| request_id(request.headers(), header));
    if let Some(id) = &id {
        request.extensions_mut().insert(RequestId(id.clone()));
    }
    let (method, path, begun) = (request.method().clone(), request.uri().path().to_owned(), Instant::now());
    let response = next.run(request).await;
    tracing::info!(request_id = id, %method, path, status = response.status().as_u16(), duration = ?begun.elapsed(), "request");
    response
}

/// As the header says, if that can be written into a log; otherwise a new one.
fn request_id(headers: &HeaderMap, header: &str) -> String {
    let given = headers.get(header).and_then(|value| value.to_str().ok());
    let given = given.filter(|id| !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(|byte| byte.is_ascii_graphic()));
    given.map_or_else(|| Uuid::new_v4().to_string(), ToOwned::to_owned)
}

async fn across_origins(State(context): State<Arc<AuthContext>>, request: Request, next: Next) -> Response {
    if !request.headers().contains_key(header::ORIGIN) {
        return next.run(request).await;
    }
    if request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        return preflight(request.headers(), &context.live().settings.cors.allowed_headers);
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    response
}

/// What is not allowed is answered without a word of what is.
fn preflight(asked: &HeaderMap, also: &[String]) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::VARY, VARY);
    let method =
        asked.get(header::ACCESS_CONTROL_REQUEST_METHOD).filter(|asked| METHODS.iter().any(|known| known.as_str() == **asked));
    let wanted = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
    let names = wanted.map_or(Some(""), |wanted| wanted.to_str().ok()).map(|names| names.split(',').map(str::trim));
    let is_allowed = |name: &str| {
        name.is_empty()
            || ALLOWED.iter().copied().chain(also.iter().map(String::as_str)).any(|known| known.eq_ignore_ascii_case(name))
    };
    if let (Some(method), Some(true)) = (method, names.map(|mut names| names.all(is_allowed))) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, method.clone());
        if let Some(wanted) = wanted {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
    }
    response
}
