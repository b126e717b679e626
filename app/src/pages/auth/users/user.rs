//! One user: everything that is the user's, and what can be done.

use control_plane::Error;
use leptos::prelude::*;
use serde_json::json;

use super::{
    super::{
        load::Content,
        markup::{self, done_note},
        visit::Visit,
    },
    answers::{Fact, UserDetail, UserLine},
    badge, changes, sheets,
};
use crate::{
    components::{RelativeTime, Sheet},
    made_link,
    session::set_status,
    snippets::percent_encode,
};

/// What was just done, by its word in the page's address.
const DONE: [(&str, &str); 18] = [
    ("created", "The user is made."),
    ("invited", "The invitation is on its way."),
    ("banned", "The user is banned, and can neither sign in nor refresh a session until the ban ends."),
    ("unbanned", "The ban is lifted."),
    ("email", "The address is changed, and counts as confirmed."),
    ("phone", "The number is changed, and counts as confirmed."),
    ("password", "The password is changed, and all sessions are ended."),
    ("confirm_email", "The address counts as confirmed."),
    ("confirm_phone", "The number counts as confirmed."),
    ("sent", "The message is on its way. Without a mail server, it is in the mailbox."),
    ("session", "The session is ended."),
    ("sessions", "All sessions are ended."),
    ("factor", "The factor is removed."),
    ("identity", "The identity is unlinked."),
    ("user_metadata", "The user metadata is saved."),
    ("app_metadata", "The app metadata is saved."),
    ("link", "The link is made. It is shown once."),
    ("deleted", "The user is deleted. The row is left for what refers to it."),
];

/// What the page is made from.
pub(super) struct Shown<'a> {
    pub(super) visit: &'a Visit,
    pub(super) user: UserDetail,
    /// Of a ban for a day, and of the deletion.
    pub(super) ban_curl: String,
    pub(super) delete_curl: String,
}

impl Shown<'_> {
    /// The fields of a form that say whose page it is on.
    pub(super) fn whose(&self) -> AnyView {
        markup::whose(self.visit, &self.user.line.id)
    }
}

/// The user with this id, if there is one.
pub(in super::super) async fn page(visit: &Visit, id: &str) -> Result<Content, Error> {
    let id = percent_encode(id);
    let entry = match visit.ask(&format!("/_admin/users/{id}")).await {
        Ok(entry) => entry,
        Err(Error::ServiceRefused { status: 404, .. }) => {
            set_status(404);
            return Ok(nobody(visit));
        }
        Err(error) => return Err(error),
    };
    let path = format!("/admin/users/{id}");
    let shown = Shown {
        visit,
        user: UserDetail::of(&entry, time::OffsetDateTime::now_utc()),
        ban_curl: visit.curl("PUT", &path, Some(&json!({ "ban_duration": "24h" }))),
        delete_curl: visit.curl("DELETE", &path, None),
    };
    let link = made_link::take(visit.project_ref(), &id).map(changes::made_link);
    Ok(Content::new(shown.user.line.name.clone(), found(&shown, link)))
}

fn nobody(visit: &Visit) -> Content {
    let all = markup::button_to(visit.address("users"), "All users");
    let words = "The user may have been deleted, or the address is of another project.";
    Content::new("No such user", markup::empty("There is no such user", words, all))
}

fn found(shown: &Shown<'_>, link: Option<AnyView>) -> AnyView {
    let Shown { visit, user, .. } = shown;
    let log = format!("{}?who={}", visit.address("audit"), user.line.id);
    let UserLine { name, full_name, state, providers, .. } = user.line.clone();
    view! {
        <a class="user-back" href=visit.address("users") rel="external">
            "All users"
        </a>
        <div class="user-head">
            <h2 class="user-name">{name}</h2>
            {badge(state)}
            <span class="text-sm soft">{full_name}</span>
            <span class="text-sm soft">{providers}</span>
        </div>
        {done_note(visit.just_done(&DONE))}
        {link}
        <div class="user-columns">
            <div class="project-column">
                {facts_sheet(&user.facts)}
                {sheets::sessions(shown)}
                {sheets::identities(shown)}
                {sheets::factors(shown)}
                {changes::metadata(shown)}
            </div>
            <div class="project-column">
                {changes::account(shown)}
                {changes::messages(shown)}
                {changes::ban(shown)}
                {changes::delete(shown)}
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

fn facts_sheet(facts: &[Fact]) -> AnyView {
    let facts = facts.iter().cloned().map(|fact| {
        let value = match fact.at {
            Some(at) => view! { <RelativeTime at /> }.into_any(),
            None if fact.label == "Id" => {
                let copy = markup::copy(fact.text.clone(), "Copy id");
                view! {
                    <code class="wrap-anywhere">{fact.text}</code>
                    {copy}
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
    let facts = facts.collect_view();
    view! {
        <Sheet id="facts" title="Facts">
            <dl class="sheet-body user-facts">{facts}</dl>
        </Sheet>
    }
    .into_any()
}
