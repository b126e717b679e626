//! Pause.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Stops a project; its data stays.
#[server(endpoint = "pause_project")]
pub(crate) async fn pause_project(project_ref: ProjectRef) -> Result<(), DashboardError> {
    use crate::session::{refuse, signed_in};
    let (caller, projects) = signed_in().await?;
    projects.pause(&caller, &project_ref).await.map_err(refuse)?;
    Ok(())
}
