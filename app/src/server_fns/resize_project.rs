//! Resize.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Gives a project another size, by its word; at once where it runs.
#[server(endpoint = "resize_project")]
pub(crate) async fn resize_project(project_ref: ProjectRef, size: String) -> Result<(), DashboardError> {
    use crate::session::{refuse, signed_in};
    let (caller, projects) = signed_in().await?;
    projects.resize(&caller, &project_ref, &size).await.map_err(refuse)?;
    Ok(())
}
