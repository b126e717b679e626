//! `/v2/projects/{ref}/config`: what a project is configured to, in one document. `supabase config diff`, `pull` and `push` begin with it.

use axum::{Json, extract::State};
use control_plane_api::ErrorBody;
use serde_json::{Value, json};

use super::{
    ApiState,
    error::ApiError,
    extract::{Caller, ProjectPath},
};

/// The project's configuration; of its blocks there is `auth`, whose members are those of `/v1/projects/{ref}/config/auth`. The command
/// line says of the others that they were not returned.
#[utoipa::path(get, path = "/v2/projects/{ref}/config", operation_id = "get_project_config", params(("ref" = String, Path)), responses(
    (status = 200, body = Object), (status = 404, body = ErrorBody),
))]
pub(super) async fn get(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
) -> Result<Json<Value>, ApiError> {
    let auth = state.projects.auth_config(&caller, &project_ref).await?;
    Ok(Json(json!({ "data": { "type": "project_config", "id": project_ref, "attributes": { "auth": auth } } })))
}
