//! A page about a project's Auth that shows nothing of it but forms.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::{DashboardError, auth_pages::AuthPage};

/// The project's name alone.
#[server(endpoint = "load_project_name")]
pub(crate) async fn load_project_name(project_ref: ProjectRef) -> Result<AuthPage<()>, DashboardError> {
    use crate::session::{refuse, signed_in};
    let (caller, projects) = signed_in().await?;
    let project = projects.get(&caller, &project_ref).await.map_err(refuse)?;
    Ok(AuthPage { project_name: project.name, content: () })
}
