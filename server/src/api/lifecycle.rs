//! `/v1/projects/{ref}/pause`, `/restore`, `/restart` and `/retry`: 200 with an empty body, as upstream.

use axum::{Json, extract::State, http::StatusCode};
use control_plane_api::ErrorBody;
use serde_json::{Value, json};

use super::{
    ApiState,
    error::ApiError,
    extract::{Caller, ProjectPath, Wait},
};

/// Empty, with `Content-Length: 0`: clients choke on an empty chunked body.
pub(super) type Empty = (StatusCode, ());

pub(super) const EMPTY: Empty = (StatusCode::OK, ());

/// Stops the project; its data stays.
#[utoipa::path(post, path = "/v1/projects/{ref}/pause", operation_id = "pause_project", params(("ref" = String, Path)), responses(
    (status = 200), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(super) async fn pause(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
    wait: Wait,
) -> Result<Empty, ApiError> {
    state.projects.pause(&caller, &project_ref).await?;
    settle(&state, &caller, &project_ref, wait).await
}

/// Starts a paused project, or retries what failed.
#[utoipa::path(post, path = "/v1/projects/{ref}/restore", operation_id = "restore_project", params(("ref" = String, Path)), responses(
    (status = 200), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(super) async fn restore(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
    wait: Wait,
) -> Result<Empty, ApiError> {
    state.projects.restore(&caller, &project_ref).await?;
    settle(&state, &caller, &project_ref, wait).await
}

/// Versions that a paused project can be restored to: the one it has.
#[utoipa::path(get, path = "/v1/projects/{ref}/restore", operation_id = "list_restorable_versions", params(("ref" = String, Path)), responses(
    (status = 200, body = Object), (status = 404, body = ErrorBody),
))]
pub(super) async fn restorable_versions(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
) -> Result<Json<Value>, ApiError> {
    state.projects.get(&caller, &project_ref).await?;
    Ok(Json(json!({ "available_versions": [] })))
}

/// Stops the project and starts it again.
#[utoipa::path(post, path = "/v1/projects/{ref}/restart", operation_id = "restart_project", params(("ref" = String, Path)), responses(
    (status = 200), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(super) async fn restart(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
    wait: Wait,
) -> Result<Empty, ApiError> {
    state.projects.restart(&caller, &project_ref).await?;
    settle(&state, &caller, &project_ref, wait).await
}

/// Takes up a failed operation at the step where it gave up. Ours.
#[utoipa::path(post, path = "/v1/projects/{ref}/retry", operation_id = "retry_project", params(("ref" = String, Path)), responses(
    (status = 200), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(super) async fn retry(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
    wait: Wait,
) -> Result<Empty, ApiError> {
    state.projects.retry(&caller, &project_ref).await?;
    settle(&state, &caller, &project_ref, wait).await
}

async fn settle(
    state: &ApiState,
    caller: &control_plane::Caller,
    project_ref: &control_plane_api::ProjectRef,
    Wait(wait): Wait,
) -> Result<Empty, ApiError> {
    if let Some(at_most) = wait {
        state.projects.wait_until_settled(caller, project_ref, at_most).await?;
    }
    Ok(EMPTY)
}
