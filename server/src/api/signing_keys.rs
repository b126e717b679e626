//! `/v1/projects/{ref}/config/auth/signing-keys`: what a project's tokens are signed with.

use axum::{Json, extract::State, http::StatusCode};
use control_plane_api::{CreateSigningKey, ErrorBody, SigningKey, SigningKeys, UpdateSigningKey};

use super::{
    ApiState,
    error::ApiError,
    extract::{Caller, JsonBody, ProjectPartPath, ProjectPath},
};

/// The project's signing keys, oldest first. No private half is ever answered.
#[utoipa::path(get, path = "/v1/projects/{ref}/config/auth/signing-keys", operation_id = "list_signing_keys",
    params(("ref" = String, Path)), responses((status = 200, body = SigningKeys), (status = 404, body = ErrorBody)))]
pub(super) async fn list(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
) -> Result<Json<SigningKeys>, ApiError> {
    Ok(Json(state.projects.signing_keys(&caller, &project_ref).await?))
}

/// Makes a key, or takes in a private JSON Web Key; it stands by unless `status` is `in_use`.
#[utoipa::path(post, path = "/v1/projects/{ref}/config/auth/signing-keys", operation_id = "create_signing_key",
    params(("ref" = String, Path)), request_body = CreateSigningKey, responses(
    (status = 201, body = SigningKey), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody), (status = 503, body = ErrorBody),
))]
pub(super) async fn create(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
    JsonBody(body): JsonBody<CreateSigningKey>,
) -> Result<(StatusCode, Json<SigningKey>), ApiError> {
    let key = state.projects.create_signing_key(&caller, &project_ref, body).await?;
    Ok((StatusCode::CREATED, Json(key)))
}

/// One signing key.
#[utoipa::path(get, path = "/v1/projects/{ref}/config/auth/signing-keys/{id}", operation_id = "get_signing_key",
    params(("ref" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = SigningKey), (status = 404, body = ErrorBody)))]
pub(super) async fn get(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPartPath(project_ref, id): ProjectPartPath,
) -> Result<Json<SigningKey>, ApiError> {
    Ok(Json(state.projects.signing_key(&caller, &project_ref, &id).await?))
}

/// Takes a key into use, has it stand by, or revokes it, at once.
#[utoipa::path(patch, path = "/v1/projects/{ref}/config/auth/signing-keys/{id}", operation_id = "update_signing_key",
    params(("ref" = String, Path), ("id" = String, Path)), request_body = UpdateSigningKey, responses(
    (status = 200, body = SigningKey), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody), (status = 503, body = ErrorBody),
))]
pub(super) async fn update(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPartPath(project_ref, id): ProjectPartPath,
    JsonBody(body): JsonBody<UpdateSigningKey>,
) -> Result<Json<SigningKey>, ApiError> {
    Ok(Json(state.projects.update_signing_key(&caller, &project_ref, &id, body).await?))
}

/// Removes a revoked key for good.
#[utoipa::path(delete, path = "/v1/projects/{ref}/config/auth/signing-keys/{id}", operation_id = "remove_signing_key",
    params(("ref" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = SigningKey), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn remove(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPartPath(project_ref, id): ProjectPartPath,
) -> Result<Json<SigningKey>, ApiError> {
    Ok(Json(state.projects.remove_signing_key(&caller, &project_ref, &id).await?))
}

/// The project's JWT secret as a signing key.
#[utoipa::path(get, path = "/v1/projects/{ref}/config/auth/signing-keys/legacy", operation_id = "get_legacy_signing_key",
    params(("ref" = String, Path)), responses((status = 200, body = SigningKey), (status = 404, body = ErrorBody)))]
pub(super) async fn legacy(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
) -> Result<Json<SigningKey>, ApiError> {
    Ok(Json(state.projects.legacy_signing_key(&caller, &project_ref).await?))
}

/// Has the JWT secret be a signing key, which that of every project here is from the beginning: answers it.
#[utoipa::path(post, path = "/v1/projects/{ref}/config/auth/signing-keys/legacy", operation_id = "create_legacy_signing_key",
    params(("ref" = String, Path)), responses((status = 201, body = SigningKey), (status = 404, body = ErrorBody)))]
pub(super) async fn import_legacy(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
) -> Result<(StatusCode, Json<SigningKey>), ApiError> {
    Ok((StatusCode::CREATED, Json(state.projects.legacy_signing_key(&caller, &project_ref).await?)))
}
