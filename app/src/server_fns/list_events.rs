//! What happened to a project lately.

use control_plane_api::{ProjectEvent, ProjectRef};
use leptos::prelude::*;

use crate::DashboardError;

/// The last events of a project, newest first. Later ones come by `GET /v1/projects/{ref}/events`.
#[server(endpoint = "list_events")]
pub(crate) async fn list_events(project_ref: ProjectRef) -> Result<Vec<ProjectEvent>, DashboardError> {
    use crate::session::{refuse, signed_in};
    let (caller, projects) = signed_in().await?;
    projects.recent_events(&caller, &project_ref, 60).await.map_err(refuse)
}
