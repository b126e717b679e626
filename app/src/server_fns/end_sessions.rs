//! Sessions of a user of a project end.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Ends the session `session`, or all where it is empty.
#[server(endpoint = "end_sessions")]
pub(crate) async fn end_sessions(
    project_ref: ProjectRef,
    id: String,
    #[server(default)] session: String,
) -> Result<(), DashboardError> {
    use super::to_user;
    use crate::{
        session::{refuse, signed_in},
        snippets::percent_encode,
    };
    let (caller, projects) = signed_in().await?;
    let mut path = format!("/_admin/users/{}/sessions", percent_encode(&id));
    if !session.is_empty() {
        path.push_str(&format!("/{}", percent_encode(&session)));
    }
    projects.ask_auth(&caller, &project_ref, "DELETE", &path, None).await.map_err(refuse)?;
    to_user(&project_ref, &id, if session.is_empty() { "sessions" } else { "session" });
    Ok(())
}
