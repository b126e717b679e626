//! New project.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Makes a project and leads to its page. An empty name or password is made up by the control plane.
#[server(endpoint = "create_project")]
pub(crate) async fn create_project(name: String, db_pass: String) -> Result<ProjectRef, DashboardError> {
    use crate::session::{refuse, signed_in};
    use control_plane_api::CreateProject;
    let (caller, projects) = signed_in().await?;
    let given = |text: String| (!text.is_empty()).then_some(text);
    let request = CreateProject { name: given(name.trim().to_owned()), db_pass: given(db_pass), ..CreateProject::default() };
    let project = projects.create(&caller, request, None).await.map_err(|error| refuse(error).with_typed(&name))?;
    leptos_axum::redirect(&format!("/project/{}", project.project_ref));
    Ok(project.project_ref)
}
