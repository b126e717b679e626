//! A page of a project's users.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::{DashboardError, auth_pages::AuthPage, user_pages::UserList};

/// The users that `query` asks for, as the directory of Auth takes it; `done` is what was just done to one of them.
#[server(endpoint = "load_users")]
pub(crate) async fn load_users(
    project_ref: ProjectRef,
    query: String,
    done: Option<String>,
) -> Result<AuthPage<UserList>, DashboardError> {
    use crate::{
        session::{no_store, refuse, signed_in},
        snippets::auth_curl,
    };
    let (caller, projects) = signed_in().await?;
    no_store();
    let project = projects.get(&caller, &project_ref).await.map_err(refuse)?;
    let path = format!("/_admin/users?{query}");
    let listed = projects.ask_auth(&caller, &project_ref, "GET", &path, None).await.map_err(refuse)?;
    let curl = auth_curl(&project.api_url, "GET", &path, None);
    let done = done.filter(|done| done == "deleted").map(|_| "The user is deleted.".to_owned());
    let content = UserList::of(&listed, time::OffsetDateTime::now_utc(), curl, done);
    Ok(AuthPage { project_name: project.name, content })
}
