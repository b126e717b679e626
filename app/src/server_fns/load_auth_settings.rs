//! A page of what a project's Auth is told.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::{DashboardError, auth_pages::AuthPage};

/// The page at this path as HTML, as the settings are now. `query` is its address's. After a form of it was sent, with what has
/// become of that.
#[server(endpoint = "load_auth_settings")]
pub(crate) async fn load_auth_settings(
    project_ref: ProjectRef,
    path: String,
    query: String,
) -> Result<AuthPage<String>, DashboardError> {
    use crate::{
        pages::{Loaded, Reply, load},
        session::{no_store, refuse, refused, set_status, signed_in},
        shell::allow_styles_of_mails,
    };
    use control_plane_api::ErrorCode;
    let (caller, projects) = signed_in().await?;
    no_store();
    let reply = use_context::<axum::http::request::Parts>().and_then(|parts| parts.extensions.get::<Reply>().cloned());
    let loaded = load(&projects, &caller, &project_ref, &path, &query, reply).await.map_err(refuse)?;
    let missing = || refused(DashboardError::new(ErrorCode::NotFound, "There is no such page of settings."));
    let Loaded { project_name, html, is_refused, has_mail } = loaded.ok_or_else(missing)?;
    if is_refused {
        set_status(422);
    }
    if has_mail {
        allow_styles_of_mails();
    }
    Ok(AuthPage { project_name, content: html })
}
