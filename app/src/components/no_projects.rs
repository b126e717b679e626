//! The empty state: it invites the first click.

use leptos::{html, prelude::*};

use super::{CurlButton, Glyph, Icon, dialog};
use crate::{site, snippets::Command};

/// Shown in place of the list.
#[component]
pub(crate) fn NoProjects(new_project: NodeRef<html::Dialog>) -> impl IntoView {
    view! {
        <div class="empty" data-testid="no-projects">
            <svg viewBox="0 0 168 104" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round" aria-hidden="true">
                <path d="M84 62 148 80 84 98 20 80Z" stroke-dasharray="4 4"></path>
                <path d="M84 38 148 56 84 74 20 56Z" stroke-dasharray="4 4"></path>
                <path d="M84 12 148 30 84 48 20 30Z" fill="currentColor" fill-opacity="0.12"></path>
                <path d="M20 30v50M148 30v50M84 48v50" stroke-dasharray="2 5"></path>
                <path d="M4 30h8M8 26v8M156 80h8M160 76v8"></path>
            </svg>
            <h2>"Make your first project"</h2>
            <p>
                "A project is a PostgreSQL database of its own, with a REST API, keys and an address. It takes less than a second, and nothing has to be filled in."
            </p>
            <a class="button button-primary" href="/new" on:click=dialog::open(new_project)>
                <Icon glyph=Glyph::Plus />
                "New project"
            </a>
            <div class="command">
                <code tabindex="0" role="region" aria-label="Create a project by command">
                    {Command::Create.curl(&site::origin(), None, site::signed_in())}
                </code>
                <CurlButton command=Command::Create project_ref=None />
            </div>
        </div>
    }
}
