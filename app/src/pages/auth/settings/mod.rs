//! `/project/<ref>/auth/settings/…`: what a project's Auth is told. A form posts to the page that it is on.

mod answer;
mod command;
mod field;
mod forms;
mod hook;
mod load;
mod markup;
mod page;
mod provider;
mod scene;
mod template;
mod typed;

pub use answer::settings_posted;
pub(super) use load::load;

/// The pages' address, as the server's router writes it: they are shown by GET, and take in their forms by POST.
pub const SETTINGS_PATH: &str = "/project/{ref}/auth/settings/{page}";

/// The page that is shown where the address names none.
pub(super) const FIRST: &str = "sign-in";

/// There is a page of settings at this path.
pub(super) fn is_page(path: &str) -> bool {
    forms::Page::at(path).is_some()
}
