//! A user of a project is kept out for a while, or let in again.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Bans for so many hours from now on; 0 lifts the ban.
#[server(endpoint = "ban_user")]
pub(crate) async fn ban_user(project_ref: ProjectRef, id: String, hours: u32) -> Result<(), DashboardError> {
    use super::{to_user, user_path};
    use crate::session::{refuse, signed_in};
    use serde_json::json;
    let (caller, projects) = signed_in().await?;
    let (duration, done) = if hours == 0 { ("none".to_owned(), "unbanned") } else { (format!("{hours}h"), "banned") };
    let body = json!({ "ban_duration": duration });
    projects.ask_auth(&caller, &project_ref, "PUT", &user_path(&id), Some(body)).await.map_err(refuse)?;
    to_user(&project_ref, &id, done);
    Ok(())
}
