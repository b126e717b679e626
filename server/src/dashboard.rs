//! The whole router: JSON API, dashboard, sign-in and static files behind the guard, with an id on every request.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use app::{App, DashboardError, SETTINGS_PATH, settings_posted, shell};
use axum::{
    Router,
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};
use control_plane::ProjectService;
use gateway::Gateway;
use leptos::config::LeptosOptions;
use leptos_axum::{LeptosRoutes as _, file_and_error_handler_with_context, generate_route_list, render_app_async_with_context};
use tokio_util::sync::CancellationToken;
use tower_http::{
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer},
    trace::TraceLayer,
};

use crate::{
    api::{self, ApiState},
    arrival,
    config::Config,
    guard::Guard,
    proxies::{self, Hosts},
    rejection, sign_in,
};

/// What marks an answer of a server function as a refusal.
const SERVER_FN_ERROR_HEADER: &str = "serverfnerror";
/// Longest refusal of a server function, in bytes.
const MAX_REFUSAL: usize = 64 * 1024;

/// What built files are called and where they are.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    options: LeptosOptions,
}

impl Site {
    /// Finds the built dashboard. `LEPTOS_*` variables, which cargo-leptos sets, win over what lies beside the program.
    pub(crate) fn find(config: &Config, variables: &HashMap<String, String>) -> Self {
        let beside = std::env::current_exe().ok().and_then(|program| program.parent().map(PathBuf::from));
        let root = config
            .server
            .site_root
            .clone()
            .or_else(|| variables.get("LEPTOS_SITE_ROOT").map(PathBuf::from))
            .or_else(|| beside.as_ref().map(|folder| folder.join("../site")))
            .unwrap_or_else(|| "target/site".into());
        let hashed = match variables.get("LEPTOS_HASH_FILES") {
            Some(value) => value == "true",
            None => beside.is_some_and(|folder| folder.join("hash.txt").exists()),
        };
        let mut options = LeptosOptions::builder().output_name("supacloud").site_root(root.display().to_string()).build();
        options.hash_files = hashed;
        options.site_addr = config.server.listen;
        if let Some(port) = variables.get("LEPTOS_RELOAD_PORT").and_then(|port| port.parse().ok()) {
            options.reload_port = port;
        }
        Self { options }
    }
}

/// Everything that this server answers.
pub(crate) fn router(
    projects: Arc<ProjectService>,
    guard: Guard,
    gateway: Gateway,
    site: &Site,
    stop: CancellationToken,
) -> Router {
    let sessions = guard.sessions().clone();
    let hosts = Hosts::new(Arc::clone(gateway.routes()), guard.domain().clone());
    let (guard, gateway) = (Arc::new(guard), Arc::new(gateway));
    let pages = pages(&projects, site);
    let hashed = site.options.hash_files;
    let request_id = HeaderName::from_static(rejection::OURS);
    let state = ApiState { projects, stop };
    let uploads = api::uploads(state.clone()).layer(middleware::from_fn(|request, next| with_headers(false, request, next)));
    Router::new()
        .merge(api::router(state))
        .merge(proxies::router(hosts))
        .merge(sign_in::router(sessions))
        .merge(pages)
        .layer(middleware::from_fn(with_status))
        .layer(middleware::from_fn(move |request: Request, next: Next| with_headers(hashed, request, next)))
        .layer(middleware::from_fn(arrival::take_in))
        .merge(uploads)
        .layer(middleware::from_fn(move |request: Request, next: Next| {
            Arc::clone(&guard).pass(Arc::clone(&gateway), request, next)
        }))
        .layer(PropagateRequestIdLayer::new(request_id.clone()))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_failure(()))
        .layer(SetRequestIdLayer::new(request_id, MakeRequestUuid))
        .layer(middleware::from_fn(own_request_id))
}

fn pages(projects: &Arc<ProjectService>, site: &Site) -> Router {
    let options = site.options.clone();
    let context = {
        let projects = Arc::clone(projects);
        move || leptos::context::provide_context(Arc::clone(&projects))
    };
    let routes = generate_route_list(App);
    let show = render_app_async_with_context(context.clone(), {
        let options = options.clone();
        move || shell(options.clone())
    });
    let save = {
        let (projects, show) = (Arc::clone(projects), show.clone());
        move |request: Request| async move {
            match settings_posted(&projects, request).await {
                Ok(next) => Redirect::to(&next).into_response(),
                Err(again) => show(*again).await,
            }
        }
    };
    Router::new()
        // Beside the app's route for all pages about Auth: a path of its own has all of its methods.
        .route(SETTINGS_PATH, get(show).post(save))
        .leptos_routes_with_context(&options, routes, context.clone(), {
            let options = options.clone();
            move || shell(options.clone())
        })
        .fallback(file_and_error_handler_with_context::<LeptosOptions, _>(context, shell))
        .with_state(options)
}

/// Ids are ours alone: one that a client sends is not taken over.
async fn own_request_id(mut request: Request, next: Next) -> Response {
    request.headers_mut().remove(rejection::OURS);
    next.run(request).await
}

fn span(request: &Request) -> tracing::Span {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
    let (method, path, client) = (request.method(), request.uri().path(), tracing::field::Empty);
    tracing::info_span!("request", request.id = id, http.method = %method, url.path = path, client.address = client)
}

/// Gives a server function's refusal the status that belongs to it. Leptos answers 500 to arguments that it can't read.
async fn with_status(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if response.status() != StatusCode::INTERNAL_SERVER_ERROR || !response.headers().contains_key(SERVER_FN_ERROR_HEADER) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_REFUSAL).await else { return parts.into_response() };
    let refusal = serde_json::from_slice::<DashboardError>(&body).ok();
    if let Some(status) = refusal.and_then(|refusal| StatusCode::from_u16(refusal.code.http_status()).ok()) {
        parts.status = status;
    }
    Response::from_parts(parts, body.into())
}

/// Headers of the main host's answers. `hashed`: built files are named by their content, so what is at a name never changes.
async fn with_headers(hashed: bool, request: Request, next: Next) -> Response {
    let is_hashed = hashed && request.uri().path().starts_with("/pkg/");
    let mut response = next.run(request).await;
    let ok = response.status().is_success();
    let headers = response.headers_mut();
    for (name, value) in
        [(header::X_CONTENT_TYPE_OPTIONS, "nosniff"), (header::X_FRAME_OPTIONS, "DENY"), (header::REFERRER_POLICY, "same-origin")]
    {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let cache = if is_hashed && ok { "public, max-age=31536000, immutable" } else { "no-store" };
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static(cache));
    response
}
