//! `/v1/projects/{ref}/billing/addons`: a project's compute size, in the form that upstream sells it in. Nothing is billed.

use axum::{Json, extract::State};
use control_plane_api::{ErrorBody, ErrorCode, InstanceSize, ProjectRef};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    ApiState,
    error::ApiError,
    extract::{Caller, JsonBody, ProjectPath},
    lifecycle::{EMPTY, Empty},
};

/// The only addon that there is here.
const COMPUTE: &str = "compute_instance";
/// What upstream calls sizes begins so.
const PREFIX: &str = "ci_";

/// Body of the PATCH.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub(super) struct ApplyAddon {
    addon_type: String,
    /// `ci_micro`, `ci_small`, ...; and, ours, `ci_nano`.
    addon_variant: String,
}

/// The project's size, and those it could have.
#[utoipa::path(get, path = "/v1/projects/{ref}/billing/addons", operation_id = "list_addons", params(("ref" = String, Path)), responses(
    (status = 200, body = Object), (status = 404, body = ErrorBody),
))]
pub(super) async fn list(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
) -> Result<Json<Value>, ApiError> {
    let size = state.projects.size(&caller, &project_ref).await?;
    // Upstream has no word for the smallest: it is what a project has without an addon.
    let sellable = || InstanceSize::ALL.into_iter().filter(|size| *size != InstanceSize::Nano);
    let selected: Vec<Value> =
        sellable().filter(|other| *other == size).map(|size| json!({ "type": COMPUTE, "variant": variant(size) })).collect();
    let available: Vec<Value> = sellable().map(variant).collect();
    Ok(Json(json!({
        "selected_addons": selected,
        "available_addons": [{ "type": COMPUTE, "name": "Compute", "variants": available }],
    })))
}

/// Gives the project another size, at once where it runs.
#[utoipa::path(patch, path = "/v1/projects/{ref}/billing/addons", operation_id = "apply_addon", params(("ref" = String, Path)),
    request_body = ApplyAddon, responses((status = 200), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn apply(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
    JsonBody(body): JsonBody<ApplyAddon>,
) -> Result<Empty, ApiError> {
    if body.addon_type != COMPUTE {
        return Err(ApiError::new(
            ErrorCode::InvalidInput,
            format!("addon_type {:?} is not to be had here. There is {COMPUTE}.", body.addon_type),
        ));
    }
    resize(&state, &caller, &project_ref, &body.addon_variant).await
}

/// Gives the project the smallest size again.
#[utoipa::path(delete, path = "/v1/projects/{ref}/billing/addons/{addon_variant}", operation_id = "remove_addon",
    params(("ref" = String, Path), ("addon_variant" = String, Path)),
    responses((status = 200), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn remove(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
) -> Result<Empty, ApiError> {
    resize(&state, &caller, &project_ref, "ci_nano").await
}

async fn resize(
    state: &ApiState,
    caller: &control_plane::Caller,
    project_ref: &ProjectRef,
    variant: &str,
) -> Result<Empty, ApiError> {
    state.projects.resize(caller, project_ref, variant.strip_prefix(PREFIX).unwrap_or(variant)).await?;
    Ok(EMPTY)
}

fn variant(size: InstanceSize) -> Value {
    let (memory, cpus) = (size.memory_mib() / 1024, f64::from(size.millicpus()) / 1000.0);
    json!({
        "id": format!("{PREFIX}{size}"),
        "name": size.as_str(),
        "price": { "description": "Your own machine", "type": "fixed", "interval": "monthly", "amount": 0 },
        "meta": { "memory_gb": memory, "cpu_cores": cpus },
    })
}
