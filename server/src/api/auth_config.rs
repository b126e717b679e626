//! `/v1/projects/{ref}/config/auth`: what a project's Auth is told.

use axum::{Json, extract::State};
use control_plane_api::ErrorBody;
use serde_json::{Map, Value};

use super::{
    ApiState,
    error::ApiError,
    extract::{Caller, JsonBody, ProjectPath},
};

/// Every setting of the project's Auth; a secret as its HMAC-SHA256 under the project's ref.
#[utoipa::path(get, path = "/v1/projects/{ref}/config/auth", operation_id = "get_auth_config", params(("ref" = String, Path)), responses(
    (status = 200, body = Object), (status = 404, body = ErrorBody),
))]
pub(super) async fn get(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
) -> Result<Json<Map<String, Value>>, ApiError> {
    Ok(Json(state.projects.auth_config(&caller, &project_ref).await?))
}

/// Changes the settings that it names, all or none, at once; `null` is the default. Answers every setting.
#[utoipa::path(patch, path = "/v1/projects/{ref}/config/auth", operation_id = "update_auth_config", params(("ref" = String, Path)),
    request_body = Object, responses((status = 200, body = Object), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn update(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
    JsonBody(patch): JsonBody<Map<String, Value>>,
) -> Result<Json<Map<String, Value>>, ApiError> {
    Ok(Json(state.projects.update_auth_config(&caller, &project_ref, &patch).await?))
}
