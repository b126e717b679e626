//! `/v1/projects`: list, create, read, rename, delete.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use control_plane_api::{CreateProject, DeletedProject, ErrorBody, ErrorCode, Project, RenamedProject, UpdateProject};

use super::{
    ApiState,
    error::ApiError,
    extract::{Caller, JsonBody, OptionalJsonBody, ProjectPath, Wait},
};

/// Every project, newest first.
#[utoipa::path(get, path = "/v1/projects", operation_id = "list_projects", responses((status = 200, body = Vec<Project>)))]
pub(super) async fn list(State(state): State<ApiState>, Caller(caller): Caller) -> Result<Json<Vec<Project>>, ApiError> {
    Ok(Json(state.projects.list(&caller).await?))
}

/// Makes a project. The body may be missing. `Prefer: wait=N` answers when the project is live, or after N seconds;
/// `Idempotency-Key` makes a repeated request answer the project that the first one made.
#[utoipa::path(post, path = "/v1/projects", operation_id = "create_project", request_body = Option<CreateProject>, responses(
    (status = 201, body = Project),
    (status = 400, body = ErrorBody),
    (status = 409, body = ErrorBody, description = "The idempotency key was used with another body"),
), params(
    ("Prefer" = Option<String>, Header, description = "wait=N, in seconds, at most 60"),
    ("Idempotency-Key" = Option<String>, Header),
))]
pub(super) async fn create(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    Wait(wait): Wait,
    headers: HeaderMap,
    OptionalJsonBody(request): OptionalJsonBody<CreateProject>,
) -> Result<(StatusCode, Json<Project>), ApiError> {
    let key = idempotency_key(&headers)?;
    let mut project = state.projects.create(&caller, request, key).await?;
    if let Some(at_most) = wait {
        project = state.projects.wait_until_settled(&caller, &project.project_ref, at_most).await?;
    }
    Ok((StatusCode::CREATED, Json(project)))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let invalid = |_| ApiError::new(ErrorCode::InvalidInput, "Idempotency-Key must be visible ASCII characters.");
    value.to_str().map(Some).map_err(invalid)
}

/// One project.
#[utoipa::path(get, path = "/v1/projects/{ref}", operation_id = "get_project", params(("ref" = String, Path)), responses(
    (status = 200, body = Project),
    (status = 404, body = ErrorBody),
))]
pub(super) async fn get(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
) -> Result<Json<Project>, ApiError> {
    Ok(Json(state.projects.get(&caller, &project_ref).await?))
}

/// Renames a project.
#[utoipa::path(patch, path = "/v1/projects/{ref}", operation_id = "update_project", params(("ref" = String, Path)), request_body = UpdateProject, responses(
    (status = 200, body = RenamedProject),
    (status = 400, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(super) async fn update(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
    JsonBody(update): JsonBody<UpdateProject>,
) -> Result<Json<RenamedProject>, ApiError> {
    Ok(Json(state.projects.rename(&caller, &project_ref, update).await?))
}

/// Deletes a project with everything it has.
#[utoipa::path(delete, path = "/v1/projects/{ref}", operation_id = "delete_project", params(("ref" = String, Path)), responses(
    (status = 200, body = DeletedProject),
    (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody, description = "Another operation is running"),
))]
pub(super) async fn delete(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
) -> Result<Json<DeletedProject>, ApiError> {
    Ok(Json(state.projects.delete(&caller, &project_ref).await?))
}
