//! `/v1/projects/{ref}/config/auth/third-party-auth`: others whose tokens a project takes.

use axum::{Json, extract::State, http::StatusCode};
use control_plane_api::{CreateThirdPartyAuth, ErrorBody, ThirdPartyAuth};

use super::{
    ApiState,
    error::ApiError,
    extract::{Caller, JsonBody, ProjectPartPath, ProjectPath},
};

/// The project's integrations, oldest first.
#[utoipa::path(get, path = "/v1/projects/{ref}/config/auth/third-party-auth", operation_id = "list_third_party_auth",
    params(("ref" = String, Path)), responses((status = 200, body = Vec<ThirdPartyAuth>), (status = 404, body = ErrorBody)))]
pub(super) async fn list(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
) -> Result<Json<Vec<ThirdPartyAuth>>, ApiError> {
    Ok(Json(state.projects.third_party_auths(&caller, &project_ref).await?))
}

/// Has everything but Auth take tokens that somebody else has signed.
#[utoipa::path(post, path = "/v1/projects/{ref}/config/auth/third-party-auth", operation_id = "create_third_party_auth",
    params(("ref" = String, Path)), request_body = CreateThirdPartyAuth, responses(
    (status = 201, body = ThirdPartyAuth), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody), (status = 503, body = ErrorBody),
))]
pub(super) async fn create(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
    JsonBody(body): JsonBody<CreateThirdPartyAuth>,
) -> Result<(StatusCode, Json<ThirdPartyAuth>), ApiError> {
    Ok((StatusCode::CREATED, Json(state.projects.create_third_party_auth(&caller, &project_ref, body).await?)))
}

/// One integration.
#[utoipa::path(get, path = "/v1/projects/{ref}/config/auth/third-party-auth/{tpa_id}", operation_id = "get_third_party_auth",
    params(("ref" = String, Path), ("tpa_id" = String, Path)),
    responses((status = 200, body = ThirdPartyAuth), (status = 404, body = ErrorBody)))]
pub(super) async fn get(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPartPath(project_ref, id): ProjectPartPath,
) -> Result<Json<ThirdPartyAuth>, ApiError> {
    Ok(Json(state.projects.third_party_auth(&caller, &project_ref, &id).await?))
}

/// Removes an integration: its tokens are refused from now on.
#[utoipa::path(delete, path = "/v1/projects/{ref}/config/auth/third-party-auth/{tpa_id}", operation_id = "remove_third_party_auth",
    params(("ref" = String, Path), ("tpa_id" = String, Path)),
    responses((status = 200, body = ThirdPartyAuth), (status = 404, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub(super) async fn remove(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPartPath(project_ref, id): ProjectPartPath,
) -> Result<Json<ThirdPartyAuth>, ApiError> {
    Ok(Json(state.projects.remove_third_party_auth(&caller, &project_ref, &id).await?))
}
