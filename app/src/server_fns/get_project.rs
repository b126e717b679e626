//! One project.

use control_plane_api::{ProjectOverview, ProjectRef};
use leptos::prelude::*;

use crate::DashboardError;

/// One project with its operation, failure, usage and connection; no secrets.
#[server(endpoint = "get_project")]
pub(crate) async fn get_project(project_ref: ProjectRef) -> Result<ProjectOverview, DashboardError> {
    use crate::session::{refuse, signed_in};
    let (caller, projects) = signed_in().await?;
    projects.overview(&caller, &project_ref).await.map_err(refuse)
}
