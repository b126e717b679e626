//! Server functions, one per file. Each authenticates for itself, calls the control plane once or twice, and maps.
//! A form may post to each of them without scripts; then the answer is a redirect back to the page it came from. Those that only
//! forms of pages that are HTML post to are the server's alone.

#[cfg(feature = "ssr")]
mod add_anonymous_user;
#[cfg(feature = "ssr")]
mod add_signing_key;
#[cfg(feature = "ssr")]
mod add_user;
#[cfg(feature = "ssr")]
mod ban_user;
#[cfg(feature = "ssr")]
mod change_signing_key;
#[cfg(feature = "ssr")]
mod change_user;
#[cfg(feature = "ssr")]
mod clear_mailbox;
mod create_project;
mod delete_project;
#[cfg(feature = "ssr")]
mod delete_user;
#[cfg(feature = "ssr")]
mod end_sessions;
#[cfg(feature = "ssr")]
mod invite_user;
mod list_projects;
mod load_auth_page;
mod load_project;
#[cfg(feature = "ssr")]
mod make_link;
mod pause_project;
#[cfg(feature = "ssr")]
mod remove_factor;
#[cfg(feature = "ssr")]
mod remove_signing_key;
mod rename_project;
mod resize_project;
mod restart_project;
mod resume_project;
mod retry_project;
mod reveal_secret;
#[cfg(feature = "ssr")]
mod save_metadata;
#[cfg(feature = "ssr")]
mod send_message;
#[cfg(feature = "ssr")]
mod set_legacy_api_keys;
mod set_theme;
#[cfg(feature = "ssr")]
mod unlink_identity;

#[cfg(feature = "ssr")]
pub(crate) use add_anonymous_user::AddAnonymousUser;
#[cfg(feature = "ssr")]
pub(crate) use add_signing_key::AddSigningKey;
#[cfg(feature = "ssr")]
pub(crate) use add_user::AddUser;
#[cfg(feature = "ssr")]
pub(crate) use ban_user::BanUser;
#[cfg(feature = "ssr")]
pub(crate) use change_signing_key::ChangeSigningKey;
#[cfg(feature = "ssr")]
pub(crate) use change_user::ChangeUser;
#[cfg(feature = "ssr")]
pub(crate) use clear_mailbox::ClearMailbox;
pub(crate) use create_project::CreateProject;
pub(crate) use delete_project::DeleteProject;
#[cfg(feature = "ssr")]
pub(crate) use delete_user::DeleteUser;
#[cfg(feature = "ssr")]
pub(crate) use end_sessions::EndSessions;
#[cfg(feature = "ssr")]
pub(crate) use invite_user::InviteUser;
pub(crate) use list_projects::list_projects;
pub(crate) use load_auth_page::load_auth_page;
pub(crate) use load_project::load_project;
#[cfg(feature = "ssr")]
pub(crate) use make_link::MakeLink;
pub(crate) use pause_project::PauseProject;
#[cfg(feature = "ssr")]
pub(crate) use remove_factor::RemoveFactor;
#[cfg(feature = "ssr")]
pub(crate) use remove_signing_key::RemoveSigningKey;
pub(crate) use rename_project::RenameProject;
pub(crate) use restart_project::RestartProject;
pub(crate) use resume_project::ResumeProject;
pub(crate) use retry_project::RetryProject;
pub(crate) use reveal_secret::reveal_secret;
#[cfg(feature = "ssr")]
pub(crate) use save_metadata::SaveMetadata;
#[cfg(feature = "ssr")]
pub(crate) use send_message::SendMessage;
#[cfg(feature = "ssr")]
pub(crate) use set_legacy_api_keys::SetLegacyApiKeys;
pub(crate) use set_theme::SetTheme;
#[cfg(feature = "ssr")]
pub(crate) use unlink_identity::UnlinkIdentity;

/// A user's path in GoTrue's API.
#[cfg(feature = "ssr")]
fn user_path(id: &str) -> String {
    format!("/admin/users/{}", crate::snippets::percent_encode(id))
}

/// Leads to a user's page, which says what was done.
#[cfg(feature = "ssr")]
fn to_user(project_ref: &control_plane_api::ProjectRef, id: &str, done: &str) {
    let id = crate::snippets::percent_encode(id);
    leptos_axum::redirect(&format!("/project/{project_ref}/auth/users/{id}?done={done}#done"));
}

/// Leads to the page of signing keys, which says what was done.
#[cfg(feature = "ssr")]
fn to_signing_keys(project_ref: &control_plane_api::ProjectRef, done: &str) {
    leptos_axum::redirect(&format!("/project/{project_ref}/auth/keys?done={done}#done"));
}
