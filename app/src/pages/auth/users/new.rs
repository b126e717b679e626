//! A new user: made here, invited, or anonymous. Three forms, which work without scripts.

use leptos::prelude::*;

use super::super::{load::Content, markup::FormSheet, visit::Visit};
use crate::{
    server_fns::{AddAnonymousUser, AddUser, InviteUser},
    submission::Submission,
};

pub(in super::super) fn page(visit: &Visit) -> Content {
    let shown = view! {
        <a class="user-back" href=visit.address("users") rel="external">
            "All users"
        </a>
        <div class="user-columns">
            <div class="project-column">{made(visit)}</div>
            <div class="project-column">{invited(visit)} {anonymous(visit)}</div>
        </div>
    };
    Content::new("New user", shown.into_any())
}

/// A field of a form, with what is wrong with it. `name` is its name and the end of its id.
struct Field {
    name: &'static str,
    id: &'static str,
    label: &'static str,
    kind: &'static str,
    value: String,
    hint: &'static str,
}

impl Field {
    fn view(self, submission: Submission) -> AnyView {
        let Self { name, id, label, kind, value, hint } = self;
        let error = submission.for_field(name);
        let (hint_id, error_id) = (format!("{id}-hint"), format!("{id}-error"));
        let autocomplete = if kind == "password" { "new-password" } else { "off" };
        view! {
            <div class="field">
                <label for=id>{label}</label>
                <input
                    class="input"
                    id=id
                    name=name
                    type=kind
                    value=value
                    autocomplete=autocomplete
                    aria-describedby=format!("{hint_id} {error_id}")
                    aria-invalid=move || error.get().map(|_| "true")
                />
                <p class="field-hint" id=hint_id>
                    {hint}
                </p>
                <p class="field-error" id=error_id role="alert">
                    {error}
                </p>
            </div>
        }
        .into_any()
    }
}

fn made(visit: &Visit) -> AnyView {
    let submission = Submission::to::<AddUser>();
    let typed = submission.typed().unwrap_or_default();
    let (email, phone) = typed.split_once('\n').unwrap_or_default();
    let email = Field { name: "email", id: "new-email", label: "E-mail", kind: "email", value: email.to_owned(), hint: "" };
    let phone = Field {
        name: "phone",
        id: "new-phone",
        label: "Phone",
        kind: "tel",
        value: phone.to_owned(),
        hint: "With the country's code. An address or a number is needed.",
    };
    let password = Field {
        name: "password",
        id: "new-password",
        label: "Password",
        kind: "password",
        value: String::new(),
        hint: "Without one, the user signs in by a link or a code.",
    };
    let fields = view! {
        {[email, phone, password].map(|field| field.view(submission))}
        <label class="choice">
            <input type="checkbox" name="confirm" value="true" checked />
            <span>"Address and number count as confirmed"</span>
        </label>
    };
    let frame = FormSheet {
        id: "add",
        title: "Add a user",
        submission,
        named: &["email", "phone", "password"],
        class: "button button-primary",
        word: "Add user",
    };
    frame.around(visit, fields.into_any())
}

fn invited(visit: &Visit) -> AnyView {
    let submission = Submission::to::<InviteUser>();
    let email = Field {
        name: "email",
        id: "invite-email",
        label: "E-mail",
        kind: "email",
        value: submission.typed().unwrap_or_default(),
        hint: "The invitation has a link that leads in. Without a mail server, it is kept in the mailbox.",
    };
    let (id, title, word) = ("invite", "Invite by e-mail", "Send invitation");
    FormSheet { id, title, submission, named: &["email"], class: "button", word }.around(visit, email.view(submission))
}

fn anonymous(visit: &Visit) -> AnyView {
    let submission = Submission::to::<AddAnonymousUser>();
    let hint = view! {
        <p class="field-hint">
            "Somebody of whom nothing is known, as an application makes one. An address or a number can be added later."
        </p>
    };
    let (id, title, word) = ("anonymous", "Anonymous user", "Add anonymous user");
    FormSheet { id, title, submission, named: &[], class: "button", word }.around(visit, hint.into_any())
}
