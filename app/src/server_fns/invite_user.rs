//! Somebody is asked into a project by mail.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Makes a user for the address and sends the invitation.
#[server(endpoint = "invite_user")]
pub(crate) async fn invite_user(project_ref: ProjectRef, email: String) -> Result<(), DashboardError> {
    use super::to_user;
    use crate::session::{refuse, signed_in};
    use serde_json::json;
    let (caller, projects) = signed_in().await?;
    let body = json!({ "email": email.trim() });
    let invited = projects.ask_auth(&caller, &project_ref, "POST", "/invite", Some(body)).await;
    let invited = invited.map_err(|error| refuse(error).with_typed(&email))?;
    to_user(&project_ref, invited["id"].as_str().unwrap_or_default(), "invited");
    Ok(())
}
