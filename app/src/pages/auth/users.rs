//! Who has an account in a project.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use super::{asked_for, loaded};
use crate::{
    auth_pages::{UserLine, UserState, Users},
    components::{FormAlert, Glyph, Icon, RelativeTime, Sheet},
    server_fns::{AddUser, ChangeUser, load_users},
    snippets::percent_encode,
    submission::Submission,
};

/// A page of users, searched or not; making and inviting one.
#[component]
pub(crate) fn UsersPage() -> impl IntoView {
    let search = asked_for("q").unwrap_or_default();
    loaded("users", move |project_ref| load_users(project_ref, search.clone(), page()), shown)
}

fn page() -> u32 {
    asked_for("page").and_then(|page| page.parse().ok()).unwrap_or(1).max(1)
}

fn shown(project_ref: ProjectRef, users: Users) -> AnyView {
    let search = asked_for("q").unwrap_or_default();
    let address = format!("/project/{project_ref}/auth/users");
    let page_at = |page: u32| format!("{address}?page={page}&q={}", percent_encode(&search));
    let page = page();
    let newer = (page > 1).then(|| page_at(page - 1));
    let older = users.more.then(|| page_at(page + 1));
    let refused = Submission::to::<ChangeUser>().beside_fields(&[]);
    let nobody = if search.is_empty() { "Nobody has signed up yet." } else { "Nobody is found by this." };
    let is_empty = users.users.is_empty();
    let rows = users.users.into_iter().map(|user| row(&project_ref, user)).collect_view();
    view! {
        <div class="project-column">
            <FormAlert message=refused />
            <div class="toolbar">
                <form class="filter" method="get" action=address.clone() role="search">
                    <input
                        class="input"
                        type="search"
                        name="q"
                        value=search
                        aria-label="Search by address, number, name or id"
                        placeholder="Address, number, name or id"
                    />
                    <button class="button" type="submit">
                        "Search"
                    </button>
                </form>
            </div>
            {if is_empty {
                view! { <p class="empty">{nobody}</p> }.into_any()
            } else {
                view! {
                    <ul class="ledger" aria-label="Users, newest first">
                        {rows}
                    </ul>
                }
                    .into_any()
            }}
            <div class="pages">
                {newer.map(|newer| view! { <a class="button" href=newer rel="external">"Newer"</a> })}
                {older.map(|older| view! { <a class="button" href=older rel="external">"Older"</a> })}
            </div>
            <AddUserForm project_ref />
        </div>
    }
    .into_any()
}

fn row(project_ref: &ProjectRef, user: UserLine) -> AnyView {
    let UserLine { id, name, state, created_at, last_sign_in_at } = user;
    let (class, glyph, word) = match state {
        UserState::Confirmed => ("state state-good", Glyph::Check, "Confirmed"),
        UserState::Unconfirmed => ("state state-idle", Glyph::Waiting, "Not confirmed"),
        UserState::Banned => ("state state-bad", Glyph::Minus, "Banned"),
    };
    let (ban, ban_word) = if state == UserState::Banned { ("unban", "Lift the ban") } else { ("ban", "Ban") };
    let change = |change: &'static str, class: &'static str, word: &'static str| {
        view! {
            <form method="post" action="/api/change_user">
                <input type="hidden" name="project_ref" value=project_ref.to_string() />
                <input type="hidden" name="id" value=id.clone() />
                <input type="hidden" name="change" value=change />
                <button class=class type="submit">
                    {word}
                </button>
            </form>
        }
    };
    let (ban, delete) = (change(ban, "button", ban_word), change("delete", "button button-danger", "Delete for good"));
    view! {
        <li class="user-line">
            <div class="min-w-0">
                <span class="ledger-name">{name}</span>
                <span class="ref">{id.clone()}</span>
            </div>
            <span class=class>
                <Icon glyph />
                {word}
            </span>
            <span class="text-sm soft">"Created " <RelativeTime at=created_at /></span>
            <span class="text-sm soft">
                {match last_sign_in_at {
                    Some(at) => view! { "Signed in " <RelativeTime at /> }.into_any(),
                    None => "Never signed in".into_any(),
                }}
            </span>
            <details class="user-actions">
                <summary class="button">"Change"</summary>
                <div class="pages">{ban} {delete}</div>
            </details>
        </li>
    }
    .into_any()
}

#[component]
fn AddUserForm(project_ref: ProjectRef) -> impl IntoView {
    let submission = Submission::to::<AddUser>();
    let error = submission.beside_fields(&[]);
    view! {
        <Sheet id="add-user" title="Add a user">
            <div class="sheet-body">
                <form method="post" action=submission.url>
                    <div class="form">
                        <FormAlert message=error />
                        <input type="hidden" name="project_ref" value=project_ref.to_string() />
                        <div class="field">
                            <label for="new-email">"E-mail address"</label>
                            <input class="input" id="new-email" name="email" type="email" required autocomplete="off" value=submission.typed() />
                        </div>
                        <div class="field">
                            <label for="new-password">"Password"</label>
                            <input
                                class="input"
                                id="new-password"
                                name="password"
                                type="password"
                                autocomplete="new-password"
                                aria-describedby="new-password-hint"
                            />
                            <p class="field-hint" id="new-password-hint">
                                "Without one, an invitation is sent to the address."
                            </p>
                        </div>
                        <div class="form-actions">
                            <button class="button button-primary" type="submit" >
                                "Add user"
                            </button>
                        </div>
                    </div>
                </form>
            </div>
        </Sheet>
    }
}
