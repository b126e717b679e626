//! Restart.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Stops and starts a project.
#[server(endpoint = "restart_project")]
pub(crate) async fn restart_project(project_ref: ProjectRef) -> Result<(), DashboardError> {
    use crate::session::{refuse, signed_in};
    let (caller, projects) = signed_in().await?;
    projects.restart(&caller, &project_ref).await.map_err(refuse)?;
    Ok(())
}
