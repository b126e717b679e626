//! Health of a project's services.

use control_plane_api::{ProjectRef, ServiceHealth};
use leptos::prelude::*;

use crate::DashboardError;

/// Health of every service of a project.
#[server(endpoint = "get_health")]
pub(crate) async fn get_health(project_ref: ProjectRef) -> Result<Vec<ServiceHealth>, DashboardError> {
    use crate::session::{refuse, signed_in};
    use control_plane_api::ServiceName;
    let (caller, projects) = signed_in().await?;
    projects.health(&caller, &project_ref, &ServiceName::ALL).await.map_err(refuse)
}
