//! The JSON API: the Management API's documents, one file per resource. Handlers hold no rules: parse, one service call,
//! map.

mod addons;
mod api_keys;
mod archives;
mod auth_config;
mod error;
mod events;
mod extract;
mod health;
mod lifecycle;
mod organizations;
mod project_config;
mod projects;
mod signing_keys;
mod third_party_auth;

use std::sync::Arc;

use axum::{
    Json, Router,
    routing::{any, get},
};
use control_plane::ProjectService;
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use archives::uploads;
use error::ApiError;

/// What handlers share.
#[derive(Debug, Clone)]
pub(crate) struct ApiState {
    pub(crate) projects: Arc<ProjectService>,
    /// Ends event streams when the server stops.
    pub(crate) stop: CancellationToken,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "supacloud",
        description = "The Supabase Management API, as far as this version has it, and what is ours: project_id, state, api_url, events, notices, retry, export, import."
    ),
    paths(archives::import)
)]
struct Document;

/// Every route under `/v1` and `/v2`, with the document that describes them at `/v1/openapi.json`.
pub(crate) fn router(state: ApiState) -> Router {
    let (router, document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(projects::list, projects::create))
        .routes(routes!(projects::get, projects::update, projects::delete))
        .routes(routes!(addons::list, addons::apply))
        .routes(routes!(addons::remove))
        .routes(routes!(lifecycle::pause))
        .routes(routes!(lifecycle::restore, lifecycle::restorable_versions))
        .routes(routes!(lifecycle::restart))
        .routes(routes!(lifecycle::retry))
        .routes(routes!(archives::export, archives::status, archives::discard))
        .routes(routes!(archives::download))
        .routes(routes!(health::get))
        .routes(routes!(api_keys::list))
        .routes(routes!(api_keys::legacy, api_keys::set_legacy))
        .routes(routes!(auth_config::get, auth_config::update))
        .routes(routes!(project_config::get))
        .routes(routes!(signing_keys::list, signing_keys::create))
        .routes(routes!(signing_keys::legacy, signing_keys::import_legacy))
        .routes(routes!(signing_keys::get, signing_keys::update, signing_keys::remove))
        .routes(routes!(third_party_auth::list, third_party_auth::create))
        .routes(routes!(third_party_auth::get, third_party_auth::remove))
        .routes(routes!(events::stream))
        .routes(routes!(events::notices))
        .routes(routes!(organizations::list))
        .split_for_parts();
    let document = Arc::new(document);
    router
        .route("/v1/projects/", get(projects::list).post(projects::create))
        .route("/v1/openapi.json", get(|| async move { Json(document.as_ref().clone()) }))
        .route("/v1", any(not_found))
        .route("/v1/", any(not_found))
        .route("/v1/{*rest}", any(not_found))
        .route("/v2/{*rest}", any(not_found))
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(state)
}

async fn not_found() -> ApiError {
    ApiError::not_found("There is nothing at this path. /v1/openapi.json lists what there is.")
}

async fn method_not_allowed() -> ApiError {
    ApiError::method_not_allowed()
}
