//! Empties a project's mailbox.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Removes every message that is kept.
#[server(endpoint = "clear_mailbox")]
pub(crate) async fn clear_mailbox(project_ref: ProjectRef) -> Result<(), DashboardError> {
    use crate::session::{refuse, signed_in};
    let (caller, projects) = signed_in().await?;
    projects.ask_auth(&caller, &project_ref, "DELETE", "/admin/messages", None).await.map_err(refuse)?;
    leptos_axum::redirect(&format!("/project/{project_ref}/auth/mailbox"));
    Ok(())
}
