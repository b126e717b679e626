//! What was done with the accounts of a project, by whom.

mod line;

use control_plane::Error;
use leptos::prelude::*;

use super::{
    load::Content,
    markup,
    visit::{Visit, query_of},
};
use crate::components::RelativeTime;
use line::{AuditLine, AuditLog};

/// A page of the log, of one action or of somebody only where the address says so.
pub(super) async fn page(visit: &Visit) -> Result<Content, Error> {
    let [action, who, before] = ["action", "who", "before"].map(|name| visit.asked_for(name).unwrap_or_default());
    let path = format!("/_admin/audit?{}", query_of(&[("action", &action), ("who", &who), ("before", &before)]));
    let log = visit.ask(&path).await?;
    let is_narrowed = !action.is_empty() || !who.trim().is_empty();
    let log = AuditLog::of(&log, &action, is_narrowed);
    let curl = markup::copy_curl(visit.curl("GET", &path, None), "Copy this log as curl");
    let shown = view! {
        <div class="project-column">
            <div class="users-tools">{filter(visit, &log, &who)} {curl}</div>
            {entries(visit, log)}
        </div>
    };
    Ok(Content::new("Audit log", shown.into_any()))
}

fn filter(visit: &Visit, log: &AuditLog, who: &str) -> AnyView {
    view! {
        <form class="audit-filter" method="get" action=visit.address("audit") role="search">
            <select class="input" name="action" aria-label="Action" inner_html=log.actions.clone()></select>
            <input
                class="input"
                type="search"
                name="who"
                value=who.to_owned()
                aria-label="Who did it, or whom it was done to: address, number, name or id"
                placeholder="Address, number, name or id"
            />
            <button class="button" type="submit">
                "Filter"
            </button>
        </form>
    }
    .into_any()
}

fn entries(visit: &Visit, log: AuditLog) -> AnyView {
    let AuditLog { entries, next, looked_at, .. } = log;
    let [action, who, before] = ["action", "who", "before"].map(|name| visit.asked_for(name).unwrap_or_default());
    let (address, users) = (visit.address("audit"), visit.address("users"));
    let at = |before: &str| format!("{address}?{}", query_of(&[("action", &action), ("who", &who), ("before", before)]));
    let newest = (!before.is_empty()).then(|| markup::button_to(at(""), "Newest"));
    let older_word = if looked_at.is_some() { "Look further back" } else { "Older" };
    let older = next.map(|next| markup::button_to(at(&next), older_word));
    let is_narrowed = !action.is_empty() || !who.is_empty();
    let is_empty = entries.is_empty();
    let lines = entries.into_iter().map(|line| entry(&users, line)).collect_view();
    let list = match (is_empty, is_narrowed || !before.is_empty()) {
        (false, _) => view! {
            <ol class="ledger" aria-label="Audit log, newest first">
                {lines}
            </ol>
        }
        .into_any(),
        (true, true) => markup::empty("Nothing is found by this", "", markup::button_to(address.clone(), "Show the whole log")),
        (true, false) => markup::empty(
            "Nothing has happened yet",
            "Sign-ups, sign-ins and what administrators do to accounts are noted here.",
            markup::button_to(format!("{users}/new"), "Add a user"),
        ),
    };
    view! {
        {list}
        {looked_at.map(|count| view! { <p class="text-sm soft">{format!("Looked through {count} entries. There are older ones.")}</p> })}
        <nav class="pages" aria-label="Pages">
            {newest}
            {older}
        </nav>
    }
    .into_any()
}

fn entry(users: &str, line: AuditLine) -> AnyView {
    let AuditLine { at, who, who_id, did, whom, action, details } = line;
    let person = |id: Option<String>, name: String| {
        let name = match id {
            Some(id) => view! { <a href=format!("{users}/{id}") rel="external">{name}</a> }.into_any(),
            None => name.into_any(),
        };
        view! { <span class="wrap-anywhere">{name}</span> }
    };
    let whom = whom.map(|(id, name)| (" ", person(Some(id), name)));
    view! {
        <li class="audit-line">
            <p class="min-w-0">{person(who_id, who)} " " {did} {whom}</p>
            <span class="text-sm soft">
                <RelativeTime at />
            </span>
            <details class="audit-details">
                <summary class="ref">{action}</summary>
                <pre class="audit-json" tabindex="0">{details}</pre>
            </details>
        </li>
    }
    .into_any()
}
