//! Resume.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Starts a paused project again.
#[server(endpoint = "resume_project")]
pub(crate) async fn resume_project(project_ref: ProjectRef) -> Result<(), DashboardError> {
    use crate::session::{refuse, signed_in};
    let (caller, projects) = signed_in().await?;
    projects.restore(&caller, &project_ref).await.map_err(refuse)?;
    Ok(())
}
