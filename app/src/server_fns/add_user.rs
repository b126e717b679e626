//! A new user of a project.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Makes a user whose address counts as confirmed; without a password, one who is invited by mail.
#[server(endpoint = "add_user")]
pub(crate) async fn add_user(project_ref: ProjectRef, email: String, password: String) -> Result<(), DashboardError> {
    use crate::session::{refuse, signed_in};
    use serde_json::json;
    let (caller, projects) = signed_in().await?;
    let (path, body) = if password.is_empty() {
        ("/invite", json!({ "email": email.trim() }))
    } else {
        ("/admin/users", json!({ "email": email.trim(), "password": password, "email_confirm": true }))
    };
    let added = projects.ask_auth(&caller, &project_ref, "POST", path, Some(body)).await;
    added.map_err(|error| refuse(error).with_typed(&email))?;
    Ok(())
}
