//! A page of a project's users.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::{
    DashboardError,
    auth_pages::{AuthPage, Users},
};

/// Users on one page.
#[cfg(feature = "ssr")]
const PAGE: usize = 50;

/// The newest users; of those only whose address, number, name or id contains `search`.
#[server(endpoint = "load_users")]
pub(crate) async fn load_users(project_ref: ProjectRef, search: String, page: u32) -> Result<AuthPage<Users>, DashboardError> {
    use crate::{
        auth_pages::UserLine,
        session::{no_store, refuse, signed_in},
        snippets::percent_encode,
    };
    let (caller, projects) = signed_in().await?;
    no_store();
    let project = projects.get(&caller, &project_ref).await.map_err(refuse)?;
    let path = format!("/admin/users?page={page}&per_page={PAGE}&filter={}", percent_encode(&search));
    let listed = projects.ask_auth(&caller, &project_ref, "GET", &path, None).await.map_err(refuse)?;
    let now = time::OffsetDateTime::now_utc();
    let users: Vec<_> = listed["users"].as_array().into_iter().flatten().map(|user| UserLine::of(user, now)).collect();
    let more = users.len() == PAGE;
    Ok(AuthPage { project_name: project.name, content: Users { users, more } })
}
