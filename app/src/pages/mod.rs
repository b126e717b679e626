//! Pages, one per route.

#![expect(unreachable_pub, reason = "leptos makes the inner function of a component `pub`")]

mod auth;
mod delete;
mod new_project;
mod not_found;
mod project;
mod projects;
mod refused;
mod sign_in;
mod with_project;

pub(crate) use auth::{AuthPage, MadePage};
#[cfg(feature = "ssr")]
pub use auth::{SETTINGS_PATH, settings_posted};
#[cfg(feature = "ssr")]
pub(crate) use auth::{load as load_auth, to_type};
pub(crate) use delete::DeletePage;
pub(crate) use new_project::NewProjectPage;
pub(crate) use not_found::NotFoundPage;
pub(crate) use project::ProjectPage;
pub(crate) use projects::ProjectsPage;
pub(crate) use refused::RefusedPage;
pub(crate) use sign_in::SignInPage;
pub(crate) use with_project::WithProject;
