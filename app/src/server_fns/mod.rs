//! Server functions, one per file. Each authenticates for itself, calls the control plane once or twice, and maps.
//! A form may post to each of them without scripts; then the answer is a redirect back to the page it came from.

mod add_user;
mod change_user;
mod clear_mailbox;
mod create_project;
mod delete_project;
mod list_projects;
mod load_auth_settings;
mod load_mailbox;
mod load_project;
mod load_users;
mod pause_project;
mod rename_project;
mod resize_project;
mod restart_project;
mod resume_project;
mod retry_project;
mod reveal_secret;
mod set_theme;

pub(crate) use add_user::AddUser;
pub(crate) use change_user::ChangeUser;
pub(crate) use create_project::CreateProject;
pub(crate) use delete_project::DeleteProject;
pub(crate) use list_projects::list_projects;
pub(crate) use load_auth_settings::load_auth_settings;
pub(crate) use load_mailbox::load_mailbox;
pub(crate) use load_project::load_project;
pub(crate) use load_users::load_users;
pub(crate) use pause_project::PauseProject;
pub(crate) use rename_project::RenameProject;
pub(crate) use restart_project::RestartProject;
pub(crate) use resume_project::ResumeProject;
pub(crate) use retry_project::RetryProject;
pub(crate) use reveal_secret::reveal_secret;
pub(crate) use set_theme::SetTheme;
