//! What pages about a project's Auth have in common, as HTML.

use leptos::prelude::*;

use super::visit::Visit;
use crate::{
    components::{Copied, CopyButton, FormAlert, Glyph, Icon, RelativeTime, Sheet},
    submission::Submission,
};

/// The pages, with the first part of their address.
const TABS: [(&str, &str); 5] =
    [("Users", "users"), ("Audit log", "audit"), ("Mailbox", "mailbox"), ("Settings", "settings"), ("Signing keys", "keys")];

/// Where the page is, and the tabs beside it.
pub(super) fn head(visit: &Visit, current: &str) -> String {
    let tabs = TABS.map(|(name, path)| {
        view! {
            <a href=visit.address(path) aria-current=(path == current).then_some("page")>
                {name}
            </a>
        }
    });
    view! {
        <nav class="crumbs" aria-label="Breadcrumb">
            <a href="/">"Projects"</a>
            <span aria-hidden="true">"/"</span>
            <a class="wrap-anywhere" href=format!("/project/{}", visit.project_ref())>
                {visit.project.name.clone()}
            </a>
            <span aria-hidden="true">"/"</span>
        </nav>
        <div class="page-head">
            <h1>"Authentication"</h1>
        </div>
        <nav class="page-tabs" aria-label="Authentication">
            {tabs}
        </nav>
    }
    .to_html()
}

/// What was just done, at the top of the page.
pub(super) fn done_note(done: Option<&'static str>) -> AnyView {
    view! {
        <div id="done" role="status">
            {done.map(|done| {
                view! {
                    <p class="done-note">
                        <Icon glyph=Glyph::Check />
                        {done}
                    </p>
                }
            })}
        </div>
    }
    .into_any()
}

/// A state as icon, word and colour.
pub(super) fn mark(class: &'static str, glyph: Glyph, word: &'static str) -> AnyView {
    view! {
        <span class=class>
            <Icon glyph />
            {word}
        </span>
    }
    .into_any()
}

/// A time, or the word for none.
pub(super) fn when(at: Option<time::OffsetDateTime>, none: &'static str) -> AnyView {
    match at {
        Some(at) => view! { <RelativeTime at /> }.into_any(),
        None => none.into_any(),
    }
}

/// A button that is behind a question, where what it does can't be taken back. `name` is what screen readers call it.
pub(super) fn ask_first(question: &'static str, word: &'static str, name: String, form: AnyView) -> AnyView {
    view! {
        <details class="user-ask">
            <summary class="button-small" aria-label=name>
                {word}
            </summary>
            <div class="user-asked">
                <p class="text-sm">{question}</p>
                {form}
            </div>
        </details>
    }
    .into_any()
}

/// A button that copies `text`, without a word on it.
pub(super) fn copy(text: String, label: &'static str) -> AnyView {
    view! { <CopyButton what=Copied::Text(text) label word="" /> }.into_any()
}

/// A button that copies a command.
pub(super) fn copy_curl(command: String, label: &'static str) -> AnyView {
    view! { <CopyButton what=Copied::Text(command) label word="" glyph=Glyph::Terminal /> }.into_any()
}

/// A field of a form that nobody sees.
pub(super) fn hidden(name: &'static str, value: impl ToString) -> AnyView {
    view! { <input type="hidden" name=name value=value.to_string() /> }.into_any()
}

/// A sheet that is one form of a project's. Its address is where the answer to it is shown.
pub(super) struct FormSheet {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) submission: Submission,
    /// Names of the fields that say themselves what is wrong with them.
    pub(super) named: &'static [&'static str],
    pub(super) class: &'static str,
    /// On the button.
    pub(super) word: &'static str,
}

impl FormSheet {
    pub(super) fn around(self, visit: &Visit, fields: AnyView) -> AnyView {
        let Self { id, title, submission, named, class, word } = self;
        let of_project = hidden("project_ref", visit.project_ref());
        view! {
            <Sheet id title>
                <form class="sheet-body form" method="post" action=format!("{}#{id}", submission.url)>
                    <FormAlert message=submission.beside_fields(named) />
                    {of_project}
                    {fields}
                    <div class="form-actions">
                        <button class=class type="submit">
                            {word}
                        </button>
                    </div>
                </form>
            </Sheet>
        }
        .into_any()
    }
}

/// The fields of a form that say of which project something is, a user or a key.
pub(super) fn whose(visit: &Visit, id: &str) -> AnyView {
    (hidden("project_ref", visit.project_ref()), hidden("id", id)).into_any()
}

/// An alert for what forms in the lines of a sheet were refused, above all of them.
pub(super) fn refused(submissions: impl IntoIterator<Item = Submission>) -> AnyView {
    let alerts = submissions.into_iter().map(|submission| view! { <FormAlert message=submission.beside_fields(&[]) /> });
    view! { <div class="user-refused">{alerts.collect_view()}</div> }.into_any()
}

/// Nothing is here, or nothing is found.
pub(super) fn empty(title: &'static str, words: impl Into<String>, actions: AnyView) -> AnyView {
    let words = words.into();
    view! {
        <div class="empty">
            <h2>{title}</h2>
            {(!words.is_empty()).then(|| view! { <p>{words}</p> })}
            {actions}
        </div>
    }
    .into_any()
}

/// A link that looks like a button.
pub(super) fn button_to(href: String, word: &'static str) -> AnyView {
    view! {
        <a class="button" href=href rel="external">
            {word}
        </a>
    }
    .into_any()
}
