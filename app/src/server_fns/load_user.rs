//! One user of a project.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::{DashboardError, auth_pages::AuthPage, user_pages::UserDetail};

/// What was just done, by its word in the page's address.
#[cfg(feature = "ssr")]
const DONE: [(&str, &str); 16] = [
    ("created", "The user is made."),
    ("invited", "The invitation is on its way."),
    ("banned", "The user is banned, and can neither sign in nor refresh a session until the ban ends."),
    ("unbanned", "The ban is lifted."),
    ("email", "The address is changed, and counts as confirmed."),
    ("phone", "The number is changed, and counts as confirmed."),
    ("password", "The password is changed, and all sessions are ended."),
    ("confirm_email", "The address counts as confirmed."),
    ("confirm_phone", "The number counts as confirmed."),
    ("sent", "The message is on its way. Without a mail server, it is in the mailbox."),
    ("session", "The session is ended."),
    ("sessions", "All sessions are ended."),
    ("factor", "The factor is removed."),
    ("identity", "The identity is unlinked."),
    ("link", "The link is made. It is shown once."),
    ("deleted", "The user is deleted. The row is left for what refers to it."),
];

/// Everything of the user `id`, if there is one; `done` is the word for what was just done.
#[server(endpoint = "load_user")]
pub(crate) async fn load_user(
    project_ref: ProjectRef,
    id: String,
    done: Option<String>,
) -> Result<AuthPage<Option<UserDetail>>, DashboardError> {
    use crate::{
        made_link,
        session::{no_store, refuse, set_status, signed_in},
        snippets::{auth_curl, percent_encode},
    };
    use serde_json::json;
    let (caller, projects) = signed_in().await?;
    no_store();
    let project = projects.get(&caller, &project_ref).await.map_err(refuse)?;
    let id = percent_encode(&id);
    let path = format!("/_admin/users/{id}");
    let entry = match projects.ask_auth(&caller, &project_ref, "GET", &path, None).await {
        Ok(entry) => entry,
        Err(control_plane::Error::ServiceRefused { status: 404, .. }) => {
            set_status(404);
            return Ok(AuthPage { project_name: project.name, content: None });
        }
        Err(error) => return Err(refuse(error)),
    };
    let mut content = UserDetail::of(&entry, time::OffsetDateTime::now_utc());
    content.link = made_link::take(&project_ref, &id);
    content.done = DONE.iter().find(|(word, _)| done.as_deref() == Some(*word)).map(|(_, text)| (*text).to_owned());
    let path = format!("/admin/users/{id}");
    content.ban_curl = auth_curl(&project.api_url, "PUT", &path, Some(&json!({ "ban_duration": "24h" })));
    content.delete_curl = auth_curl(&project.api_url, "DELETE", &path, None);
    Ok(AuthPage { project_name: project.name, content: Some(content) })
}
