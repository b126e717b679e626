//! A user of a project is sent what the user could have asked for.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Sends the mail of the kind: `recovery`, `magiclink` or `invite`.
#[server(endpoint = "send_message")]
pub(crate) async fn send_message(project_ref: ProjectRef, id: String, email: String, kind: String) -> Result<(), DashboardError> {
    use super::to_user;
    use crate::session::{refuse, refused, signed_in};
    use control_plane_api::ErrorCode;
    use serde_json::json;
    let (caller, projects) = signed_in().await?;
    let (path, body) = match kind.as_str() {
        "recovery" => ("/recover", json!({ "email": email })),
        "magiclink" => ("/otp", json!({ "email": email, "create_user": false })),
        "invite" => ("/invite", json!({ "email": email })),
        _ => return Err(refused(DashboardError::new(ErrorCode::InvalidInput, "There is no such message. Reload the page."))),
    };
    projects.ask_auth(&caller, &project_ref, "POST", path, Some(body)).await.map_err(refuse)?;
    to_user(&project_ref, &id, "sent");
    Ok(())
}
