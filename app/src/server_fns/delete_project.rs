//! Delete, after the name was typed.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Removes a project with its data, if `confirmation` is its name, and leads to the project list.
#[server(endpoint = "delete_project")]
pub(crate) async fn delete_project(project_ref: ProjectRef, confirmation: String) -> Result<(), DashboardError> {
    use crate::session::{refuse, refused, signed_in};
    let (caller, projects) = signed_in().await?;
    let overview = projects.overview(&caller, &project_ref).await.map_err(refuse)?;
    if confirmation.trim() != overview.project.name {
        return Err(refused(DashboardError::unconfirmed(&overview.project.name)));
    }
    projects.delete(&caller, &project_ref).await.map_err(refuse)?;
    leptos_axum::redirect("/");
    Ok(())
}
