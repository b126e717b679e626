//! What a project's Auth is told, as far as the dashboard shows it.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::{
    DashboardError,
    auth_pages::{AuthPage, AuthSettings},
};

/// The settings as they are now.
#[server(endpoint = "load_auth_settings")]
pub(crate) async fn load_auth_settings(project_ref: ProjectRef) -> Result<AuthPage<AuthSettings>, DashboardError> {
    use crate::session::{refuse, signed_in};
    let (caller, projects) = signed_in().await?;
    let project = projects.get(&caller, &project_ref).await.map_err(refuse)?;
    let config = projects.auth_config(&caller, &project_ref).await.map_err(refuse)?;
    Ok(AuthPage { project_name: project.name, content: config.into() })
}
