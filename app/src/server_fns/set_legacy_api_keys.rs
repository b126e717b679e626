//! The API keys that the JWT secret has signed are in force, or not.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Has `anon` and `service_role` be API keys, or not.
#[server(endpoint = "set_legacy_api_keys")]
pub(crate) async fn set_legacy_api_keys(project_ref: ProjectRef, enabled: bool) -> Result<(), DashboardError> {
    use super::to_signing_keys;
    use crate::session::{refuse, signed_in};
    let (caller, projects) = signed_in().await?;
    projects.set_legacy_api_keys(&caller, &project_ref, enabled).await.map_err(refuse)?;
    to_signing_keys(&project_ref, if enabled { "enabled" } else { "disabled" });
    Ok(())
}
