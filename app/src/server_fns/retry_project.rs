//! Retry.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Takes up the operation that failed, at the step where it failed.
#[server(endpoint = "retry_project")]
pub(crate) async fn retry_project(project_ref: ProjectRef) -> Result<(), DashboardError> {
    use crate::session::{refuse, signed_in};
    let (caller, projects) = signed_in().await?;
    projects.retry(&caller, &project_ref).await.map_err(refuse)?;
    Ok(())
}
