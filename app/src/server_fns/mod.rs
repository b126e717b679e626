//! Server functions, one per file. Each authenticates for itself, calls the control plane once or twice, and maps.
//! A form may post to each of them without scripts; then the answer is a redirect back to the page it came from.

mod add_anonymous_user;
mod add_signing_key;
mod add_user;
mod ban_user;
mod change_signing_key;
mod change_user;
mod clear_mailbox;
mod create_project;
mod delete_project;
mod delete_user;
mod end_sessions;
mod invite_user;
mod list_projects;
mod load_audit;
mod load_auth_settings;
mod load_mailbox;
mod load_project;
mod load_project_name;
mod load_signing_keys;
mod load_user;
mod load_users;
mod make_link;
mod pause_project;
mod remove_factor;
mod remove_signing_key;
mod rename_project;
mod resize_project;
mod restart_project;
mod resume_project;
mod retry_project;
mod reveal_secret;
mod save_metadata;
mod send_message;
mod set_legacy_api_keys;
mod set_theme;
mod unlink_identity;

pub(crate) use add_anonymous_user::AddAnonymousUser;
pub(crate) use add_signing_key::AddSigningKey;
pub(crate) use add_user::AddUser;
pub(crate) use ban_user::BanUser;
pub(crate) use change_signing_key::ChangeSigningKey;
pub(crate) use change_user::ChangeUser;
pub(crate) use create_project::CreateProject;
pub(crate) use delete_project::DeleteProject;
pub(crate) use delete_user::DeleteUser;
pub(crate) use end_sessions::EndSessions;
pub(crate) use invite_user::InviteUser;
pub(crate) use list_projects::list_projects;
pub(crate) use load_audit::load_audit;
pub(crate) use load_auth_settings::load_auth_settings;
pub(crate) use load_mailbox::load_mailbox;
pub(crate) use load_project::load_project;
pub(crate) use load_project_name::load_project_name;
pub(crate) use load_signing_keys::load_signing_keys;
pub(crate) use load_user::load_user;
pub(crate) use load_users::load_users;
pub(crate) use make_link::MakeLink;
pub(crate) use pause_project::PauseProject;
pub(crate) use remove_factor::RemoveFactor;
pub(crate) use remove_signing_key::RemoveSigningKey;
pub(crate) use rename_project::RenameProject;
pub(crate) use restart_project::RestartProject;
pub(crate) use resume_project::ResumeProject;
pub(crate) use retry_project::RetryProject;
pub(crate) use reveal_secret::reveal_secret;
pub(crate) use save_metadata::SaveMetadata;
pub(crate) use send_message::SendMessage;
pub(crate) use set_legacy_api_keys::SetLegacyApiKeys;
pub(crate) use set_theme::SetTheme;
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
