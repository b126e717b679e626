//! Name, state, ref and actions at the top of a project's page.

use leptos::prelude::*;

use super::{Copied, CopyButton, LifecycleActions, RelativeTime, StateBadge, lifecycle_actions::Lifecycle};
use crate::live::use_live;

/// Id of the project's state, where the focus goes when the button that was pressed is gone.
pub(crate) const STATE_ID: &str = "project-state";

/// What the page is about, and what can be done.
#[component]
pub(crate) fn ProjectHead(lifecycle: Lifecycle) -> impl IntoView {
    let live = use_live();
    let project_ref = live.project_ref().to_string();
    let name = move || live.detail.read().name.clone();
    let auth_page = format!("/project/{project_ref}/auth/users");
    let created_at = live.detail.read_untracked().created_at;
    view! {
        <nav class="crumbs" aria-label="Breadcrumb">
            <a href="/">"Projects"</a>
            <span aria-hidden="true">"/"</span>
        </nav>
        <div class="page-head">
            <div class="min-w-0">
                <div class="project-title">
                    <h1>{name}</h1>
                    <span role="status" id=STATE_ID tabindex="-1">
                        <StateBadge state=live.state recovering=live.recovering() />
                    </span>
                </div>
                <div class="project-facts">
                    <span class="inline-flex items-center gap-1">
                        <span class="ref">{project_ref.clone()}</span>
                        <CopyButton what=Copied::Text(project_ref) label="Copy ref" word="" />
                    </span>
                    <span class="inline-flex items-center gap-1">"Created " <RelativeTime at=created_at /></span>
                    <span role="status" class="busy">
                        {move || (!live.connected.get()).then_some("Connection lost, trying again")}
                    </span>
                </div>
            </div>
            <div class="page-actions">
                <a class="button" href=auth_page>
                    "Authentication"
                </a>
                <LifecycleActions lifecycle />
            </div>
        </div>
    }
}
