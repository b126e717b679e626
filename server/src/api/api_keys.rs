//! `/v1/projects/{ref}/api-keys`, and whether the legacy ones are among them.

use axum::{
    Json,
    extract::State,
    http::{HeaderName, header},
};
use control_plane_api::{ApiKey, ErrorBody, LegacyApiKeys};
use serde::Deserialize;

use super::{
    ApiState,
    error::ApiError,
    extract::{Caller, Parameters, ProjectPath},
};

#[derive(Debug, Deserialize)]
pub(super) struct Reveal {
    #[serde(default)]
    reveal: bool,
}

/// The project's API keys. Secret keys in the new format are masked unless `reveal=true`.
#[utoipa::path(get, path = "/v1/projects/{ref}/api-keys", operation_id = "list_api_keys", params(
    ("ref" = String, Path),
    ("reveal" = Option<bool>, Query),
), responses((status = 200, body = Vec<ApiKey>), (status = 404, body = ErrorBody)))]
pub(super) async fn list(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
    Parameters(Reveal { reveal }): Parameters<Reveal>,
) -> Result<([(HeaderName, &'static str); 1], Json<Vec<ApiKey>>), ApiError> {
    let keys = state.projects.api_keys(&caller, &project_ref, reveal).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(keys)))
}

#[derive(Debug, Deserialize)]
pub(super) struct Enabled {
    enabled: bool,
}

/// Whether the keys `anon` and `service_role` are API keys.
#[utoipa::path(get, path = "/v1/projects/{ref}/api-keys/legacy", operation_id = "get_legacy_api_keys", params(("ref" = String, Path)),
    responses((status = 200, body = LegacyApiKeys), (status = 404, body = ErrorBody)))]
pub(super) async fn legacy(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
) -> Result<Json<LegacyApiKeys>, ApiError> {
    Ok(Json(state.projects.legacy_api_keys(&caller, &project_ref).await?))
}

/// Has the keys `anon` and `service_role` be API keys, or not, from now on.
#[utoipa::path(put, path = "/v1/projects/{ref}/api-keys/legacy", operation_id = "update_legacy_api_keys", params(
    ("ref" = String, Path),
    ("enabled" = bool, Query),
), responses((status = 200, body = LegacyApiKeys), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn set_legacy(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
    Parameters(Enabled { enabled }): Parameters<Enabled>,
) -> Result<Json<LegacyApiKeys>, ApiError> {
    Ok(Json(state.projects.set_legacy_api_keys(&caller, &project_ref, enabled).await?))
}
