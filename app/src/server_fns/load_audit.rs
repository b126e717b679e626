//! A page of a project's audit log.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::{DashboardError, audit_page::AuditLog, auth_pages::AuthPage};

/// The newest entries, or those before the place `before`; of one action only, and of somebody, where they are not empty.
#[server(endpoint = "load_audit")]
pub(crate) async fn load_audit(
    project_ref: ProjectRef,
    action: String,
    who: String,
    before: String,
) -> Result<AuthPage<AuditLog>, DashboardError> {
    use crate::{
        session::{no_store, refuse, signed_in},
        snippets::{auth_curl, percent_encode},
    };
    let (caller, projects) = signed_in().await?;
    no_store();
    let project = projects.get(&caller, &project_ref).await.map_err(refuse)?;
    let [chosen, by, place] = [&action, &who, &before].map(|text| percent_encode(text));
    let path = format!("/_admin/audit?action={chosen}&who={by}&before={place}");
    let log = projects.ask_auth(&caller, &project_ref, "GET", &path, None).await.map_err(refuse)?;
    let is_narrowed = !action.is_empty() || !who.trim().is_empty();
    let content = AuditLog::of(&log, &action, is_narrowed, auth_curl(&project.api_url, "GET", &path, None));
    Ok(AuthPage { project_name: project.name, content })
}
