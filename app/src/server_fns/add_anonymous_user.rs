//! A new user of a project, of whom nothing is known.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Makes an anonymous user, as an application does; nobody has the session.
#[server(endpoint = "add_anonymous_user")]
pub(crate) async fn add_anonymous_user(project_ref: ProjectRef) -> Result<(), DashboardError> {
    use super::to_user;
    use crate::session::{refuse, signed_in};
    use serde_json::json;
    let (caller, projects) = signed_in().await?;
    let added = projects.ask_auth(&caller, &project_ref, "POST", "/signup", Some(json!({}))).await.map_err(refuse)?;
    let id = added["user"]["id"].as_str().unwrap_or_default();
    let path = format!("/_admin/users/{id}/sessions");
    projects.ask_auth(&caller, &project_ref, "DELETE", &path, None).await.map_err(refuse)?;
    to_user(&project_ref, id, "created");
    Ok(())
}
