//! What was done with the accounts of a project, by whom.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use super::{asked_for, loaded};
use crate::{
    audit_page::{AuditLine, AuditLog},
    components::{Copied, CopyButton, Glyph, RelativeTime},
    server_fns::load_audit,
    snippets::percent_encode,
};

/// A page of the log, of one action or of somebody only where the address says so.
#[component]
pub(crate) fn AuditPage() -> impl IntoView {
    let [action, who, before] = ["action", "who", "before"].map(|name| asked_for(name).unwrap_or_default());
    loaded("audit", move |project_ref| load_audit(project_ref, action.clone(), who.clone(), before.clone()), shown)
}

fn shown(project_ref: ProjectRef, log: AuditLog) -> AnyView {
    let AuditLog { entries, next, actions, looked_at, curl } = log;
    let [action, who, before] = ["action", "who", "before"].map(|name| asked_for(name).unwrap_or_default());
    let address = format!("/project/{project_ref}/auth/audit");
    let users = format!("/project/{project_ref}/auth/users");
    let same = format!("{address}?action={}&who={}", percent_encode(&action), percent_encode(&who));
    let newest = (!before.is_empty()).then(|| same.clone());
    let older = next.map(|next| format!("{same}&before={next}"));
    let older_word = if looked_at.is_some() { "Look further back" } else { "Older" };
    let is_narrowed = !action.is_empty() || !who.is_empty();
    let is_empty = entries.is_empty();
    let lines = entries.into_iter().map(|line| entry(&users, line)).collect_view();
    view! {
        <div class="project-column">
            <div class="users-tools">
                <form class="audit-filter" method="get" action=address.clone() role="search">
                    <select class="input" name="action" aria-label="Action" inner_html=actions></select>
                    <input
                        class="input"
                        type="search"
                        name="who"
                        value=who
                        aria-label="Who did it, or whom it was done to: address, number, name or id"
                        placeholder="Address, number, name or id"
                    />
                    <button class="button" type="submit">
                        "Filter"
                    </button>
                </form>
                <CopyButton what=Copied::Text(curl) label="Copy this log as curl" word="" glyph=Glyph::Terminal />
            </div>
            {match (is_empty, is_narrowed || !before.is_empty()) {
                (false, _) => view! { <ol class="ledger" aria-label="Audit log, newest first">{lines}</ol> }.into_any(),
                (true, true) => {
                    view! {
                        <div class="empty">
                            <h2>"Nothing is found by this"</h2>
                            <a class="button" href=address rel="external">
                                "Show the whole log"
                            </a>
                        </div>
                    }
                        .into_any()
                }
                (true, false) => {
                    view! {
                        <div class="empty">
                            <h2>"Nothing has happened yet"</h2>
                            <p>"Sign-ups, sign-ins and what administrators do to accounts are noted here."</p>
                            <a class="button" href=format!("{users}/new") rel="external">
                                "Add a user"
                            </a>
                        </div>
                    }
                        .into_any()
                }
            }}
            {looked_at.map(|count| view! { <p class="text-sm soft">"Looked through " {count} " entries. There are older ones."</p> })}
            <nav class="pages" aria-label="Pages">
                {newest.map(|newest| view! { <a class="button" href=newest rel="external">"Newest"</a> })}
                {older.map(|older| view! { <a class="button" href=older rel="external">{older_word}</a> })}
            </nav>
        </div>
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
