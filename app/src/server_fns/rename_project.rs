//! Rename.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Gives a project another name, and answers the name as it was kept.
#[server(endpoint = "rename_project")]
pub(crate) async fn rename_project(project_ref: ProjectRef, name: String) -> Result<String, DashboardError> {
    use crate::session::{refuse, signed_in};
    use control_plane_api::UpdateProject;
    let (caller, projects) = signed_in().await?;
    let update = UpdateProject { name: name.trim().to_owned() };
    let renamed = projects.rename(&caller, &project_ref, update).await.map_err(|error| refuse(error).with_typed(&name))?;
    Ok(renamed.name)
}
