//! `/v1/projects/{ref}/api-keys`.

use axum::{
    Json,
    extract::State,
    http::{HeaderName, header},
};
use control_plane_api::{ApiKey, ErrorBody};
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
