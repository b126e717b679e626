//! The mailbox of a project's Auth.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::{
    DashboardError,
    auth_pages::{AuthPage, Mailbox},
};

/// Messages on one page.
#[cfg(feature = "ssr")]
const PAGE: usize = 50;

/// The newest messages, or those before the one with the id `before`; and the one with the id `open` in full.
#[server(endpoint = "load_mailbox")]
pub(crate) async fn load_mailbox(
    project_ref: ProjectRef,
    open: Option<String>,
    before: Option<String>,
) -> Result<AuthPage<Mailbox>, DashboardError> {
    use crate::{
        auth_pages::{MessageLine, OpenMessage},
        session::{no_store, refuse, signed_in},
        shell::allow_styles_of_mails,
        snippets::percent_encode,
    };
    let (caller, projects) = signed_in().await?;
    no_store();
    let project = projects.get(&caller, &project_ref).await.map_err(refuse)?;
    let mut path = format!("/admin/messages?limit={}", PAGE + 1);
    if let Some(before) = before {
        path.push_str(&format!("&before={}", percent_encode(&before)));
    }
    let listed = projects.ask_auth(&caller, &project_ref, "GET", &path, None).await.map_err(refuse)?;
    let mut messages: Vec<MessageLine> = listed["messages"].as_array().into_iter().flatten().map(MessageLine::from).collect();
    let more = messages.len() > PAGE;
    messages.truncate(PAGE);
    let open: Option<OpenMessage> = match open {
        Some(id) => {
            let path = format!("/admin/messages/{}", percent_encode(&id));
            // One that is gone meanwhile is not shown.
            projects.ask_auth(&caller, &project_ref, "GET", &path, None).await.ok().map(|message| OpenMessage::from(&message))
        }
        None => None,
    };
    if open.is_some() {
        allow_styles_of_mails();
    }
    Ok(AuthPage { project_name: project.name, content: Mailbox { messages, open, more } })
}
