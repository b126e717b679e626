//! `/v1/organizations`.

use axum::{Json, extract::State};
use control_plane_api::Organization;

use super::{ApiState, extract::Caller};

/// The one organization.
#[utoipa::path(get, path = "/v1/organizations", operation_id = "list_organizations", responses((status = 200, body = Vec<Organization>)))]
pub(super) async fn list(State(state): State<ApiState>, Caller(caller): Caller) -> Json<Vec<Organization>> {
    Json(state.projects.organizations(&caller))
}
