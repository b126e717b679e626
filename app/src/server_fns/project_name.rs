//! A project's name, to be typed before it is deleted.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// The name of a project.
#[server(endpoint = "project_name")]
pub(crate) async fn project_name(project_ref: ProjectRef) -> Result<String, DashboardError> {
    use crate::session::{refuse, signed_in};
    let (caller, projects) = signed_in().await?;
    let overview = projects.overview(&caller, &project_ref).await.map_err(refuse)?;
    Ok(overview.project.name)
}
