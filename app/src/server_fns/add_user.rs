//! A new user of a project.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Makes a user, who can sign in at once where `confirm` is set.
#[server(endpoint = "add_user")]
pub(crate) async fn add_user(
    project_ref: ProjectRef,
    email: String,
    phone: String,
    password: String,
    #[server(default)] confirm: bool,
) -> Result<(), DashboardError> {
    use super::to_user;
    use crate::session::{refuse, signed_in};
    use serde_json::json;
    let (caller, projects) = signed_in().await?;
    let (email, phone) = (email.trim(), phone.trim());
    let body = json!({
        "email": email, "phone": phone, "password": password,
        "email_confirm": confirm && !email.is_empty(), "phone_confirm": confirm && !phone.is_empty(),
    });
    let added = projects.ask_auth(&caller, &project_ref, "POST", "/admin/users", Some(body)).await;
    let added = added.map_err(|error| refuse(error).with_typed(&format!("{email}\n{phone}")))?;
    to_user(&project_ref, added["id"].as_str().unwrap_or_default(), "created");
    Ok(())
}
