//! A link by which a user of a project gets in, to be handed over by whoever makes it.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Makes a link of the kind (`recovery`, `magiclink`, `invite`), which the user's page then shows once.
#[server(endpoint = "make_link")]
pub(crate) async fn make_link(project_ref: ProjectRef, id: String, email: String, kind: String) -> Result<(), DashboardError> {
    use super::to_user;
    use crate::{
        made_link,
        session::{refuse, signed_in},
    };
    use serde_json::json;
    let (caller, projects) = signed_in().await?;
    let body = json!({ "type": kind, "email": email });
    let made = projects.ask_auth(&caller, &project_ref, "POST", "/admin/generate_link", Some(body)).await.map_err(refuse)?;
    let part = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
    made_link::leave(&project_ref, &id, &part("action_link"), &part("email_otp"));
    to_user(&project_ref, &id, "link");
    Ok(())
}
