//! What can be done with one user of a project.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// So long that it is for good.
#[cfg(feature = "ssr")]
const FOR_GOOD: &str = "876000h";

/// `change` is `ban`, `unban` or `delete`.
#[server(endpoint = "change_user")]
pub(crate) async fn change_user(project_ref: ProjectRef, id: String, change: String) -> Result<(), DashboardError> {
    use crate::{
        session::{refuse, refused, signed_in},
        snippets::percent_encode,
    };
    use control_plane_api::ErrorCode;
    use serde_json::json;
    let (caller, projects) = signed_in().await?;
    let (method, body) = match change.as_str() {
        "ban" => ("PUT", json!({ "ban_duration": FOR_GOOD })),
        "unban" => ("PUT", json!({ "ban_duration": "none" })),
        "delete" => ("DELETE", json!({})),
        _ => return Err(refused(DashboardError::new(ErrorCode::InvalidInput, "There is no such change. Reload the page."))),
    };
    let path = format!("/admin/users/{}", percent_encode(&id));
    projects.ask_auth(&caller, &project_ref, method, &path, Some(body)).await.map_err(refuse)?;
    Ok(())
}
