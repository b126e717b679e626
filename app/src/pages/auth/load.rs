//! Which page an address is of, and what stands around each.

use control_plane::Error;
use control_plane_api::{ProjectRef, ProjectState};
use leptos::prelude::*;

use super::{
    MadePage, audit, keys, mailbox, markup, settings,
    users::{self, new, user},
    visit::Visit,
};
use crate::{
    DashboardError,
    pages::not_found,
    session::{refuse, set_status},
};

/// A page below its tabs.
pub(super) struct Content {
    /// What the browser calls it, before the project's name.
    pub(super) title: String,
    pub(super) html: String,
}

impl Content {
    pub(super) fn new(title: impl Into<String>, view: AnyView) -> Self {
        Self { title: title.into(), html: view.to_html() }
    }
}

/// The page at the path `/project/<ref>/auth/…`, with what its query asks for.
pub(crate) async fn load(path: &str, query: &str) -> Result<MadePage, DashboardError> {
    let mut parts = path.strip_prefix("/project/").unwrap_or_default().splitn(3, '/');
    let (project_ref, auth, page) = (parts.next().unwrap_or_default(), parts.next(), parts.next().unwrap_or_default());
    let (Ok(project_ref), Some("auth")) = (project_ref.parse::<ProjectRef>(), auth) else { return Ok(nowhere()) };
    let visit = Visit::begin(&project_ref, query).await?;
    let page: Vec<&str> = page.split('/').collect();
    let made = match page.as_slice() {
        ["users"] => users::list(&visit).await,
        ["users", "new"] => Ok(new::page(&visit)),
        ["users", id] if !id.is_empty() => user::page(&visit, id).await,
        ["audit"] => audit::page(&visit).await,
        ["mailbox"] => mailbox::page(&visit).await,
        ["keys"] => keys::page(&visit).await,
        ["settings"] => settings::load(&visit, settings::FIRST).await,
        ["settings", page] if settings::is_page(page) => settings::load(&visit, page).await,
        _ => return Ok(nowhere()),
    };
    Ok(whole(&visit, page[0], made))
}

/// The page with its head and tabs, which stay where it can't be shown.
fn whole(visit: &Visit, tab: &str, made: Result<Content, Error>) -> MadePage {
    let Content { title, html } = made.unwrap_or_else(|error| not_shown(visit, error));
    MadePage { title: format!("{title} · {}", visit.project.name), html: markup::head(visit, tab) + &html }
}

fn not_shown(visit: &Visit, error: Error) -> Content {
    let does_not_run = matches!(error, Error::ServiceAway(_)) && visit.project.state != ProjectState::Running;
    let said = refuse(error).message;
    let notice = if does_not_run {
        let project = markup::button_to(format!("/project/{}", visit.project_ref()), "Go to the project");
        markup::empty(
            "The project does not run",
            "Its Auth answers as soon as it does. Settings and keys can be changed meanwhile.",
            project,
        )
    } else {
        markup::empty("This page can't be shown", said, markup::button_to(String::new(), "Try again"))
    };
    Content::new("Can't be shown", notice)
}

fn nowhere() -> MadePage {
    set_status(404);
    MadePage { title: not_found::TITLE.to_owned(), html: not_found::notice().to_html() }
}
