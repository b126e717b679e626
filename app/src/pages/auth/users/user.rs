//! One user: everything that is the user's, and what can be done.

use control_plane_api::ProjectRef;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::{
    super::{done_note, just_done, loaded},
    badge, changes, sheets,
};
use crate::{
    components::{Copied, CopyButton, RelativeTime, Sheet},
    server_fns::load_user,
    user_pages::{Fact, UserDetail, UserLine},
};

/// The user that the address names.
#[component]
pub(crate) fn UserPage() -> impl IntoView {
    let id = use_params_map().read_untracked().get_str("id").unwrap_or_default().to_owned();
    let done = just_done();
    loaded("users", move |project_ref| load_user(project_ref, id.clone(), done.clone()), shown)
}

/// Whose page it is, for the forms on it.
#[derive(Debug, Clone)]
pub(super) struct Whose {
    pub(super) project_ref: ProjectRef,
    pub(super) id: String,
}

impl Whose {
    /// The fields of a form that say it.
    pub(super) fn fields(&self) -> AnyView {
        view! {
            <input type="hidden" name="project_ref" value=self.project_ref.to_string() />
            <input type="hidden" name="id" value=self.id.clone() />
        }
        .into_any()
    }
}

fn shown(project_ref: ProjectRef, user: Option<UserDetail>) -> AnyView {
    match user {
        Some(user) => found(project_ref, user),
        None => view! {
            <div class="empty">
                <h2>"There is no such user"</h2>
                <p>"The user may have been deleted, or the address is of another project."</p>
                <a class="button" href=format!("/project/{project_ref}/auth/users") rel="external">
                    "All users"
                </a>
            </div>
        }
        .into_any(),
    }
}

fn found(project_ref: ProjectRef, mut user: UserDetail) -> AnyView {
    let whose = Whose { project_ref, id: user.line.id.clone() };
    let list = format!("/project/{}/auth/users", whose.project_ref);
    let log = format!("/project/{}/auth/audit?who={}", whose.project_ref, whose.id);
    let UserLine { name, full_name, state, providers, .. } = user.line.clone();
    let (done, facts) = (user.done.take(), std::mem::take(&mut user.facts));
    let link = user.link.take().map(changes::made_link);
    view! {
        <Title text=name.clone() />
        <a class="user-back" href=list rel="external">
            "All users"
        </a>
        <div class="user-head">
            <h2 class="user-name">{name}</h2>
            {badge(state)}
            <span class="text-sm soft">{full_name}</span>
            <span class="text-sm soft">{providers}</span>
        </div>
        {done_note(done)}
        {link}
        <div class="user-columns">
            <div class="project-column">
                {facts_sheet(facts)}
                {sheets::sessions(&whose, &user)}
                {sheets::identities(&whose, &user)}
                {sheets::factors(&whose, &user)}
                {changes::metadata(&whose, &user)}
            </div>
            <div class="project-column">
                {changes::account(&whose, &user)}
                {changes::messages(&whose, &user)}
                {changes::ban(&whose, &user)}
                {changes::delete(&whose, &user)}
                <p class="text-sm">
                    <a href=log rel="external">
                        "What the audit log says of this user"
                    </a>
                </p>
            </div>
        </div>
    }
    .into_any()
}

fn facts_sheet(facts: Vec<Fact>) -> AnyView {
    let facts = facts.into_iter().map(|fact| {
        let value = match fact.at {
            Some(at) => view! { <RelativeTime at /> }.into_any(),
            None if fact.label == "Id" => {
                let copied = Copied::Text(fact.text.clone());
                view! {
                    <code class="wrap-anywhere">{fact.text}</code>
                    <CopyButton what=copied label="Copy id" word="" />
                }
                .into_any()
            }
            None => view! { <span class="wrap-anywhere">{fact.text}</span> }.into_any(),
        };
        view! {
            <div>
                <dt class="soft">{fact.label}</dt>
                <dd>{value}</dd>
            </div>
        }
    });
    view! {
        <Sheet id="facts" title="Facts">
            <dl class="sheet-body user-facts">{facts.collect_view()}</dl>
        </Sheet>
    }
    .into_any()
}
