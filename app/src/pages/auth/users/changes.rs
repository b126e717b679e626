//! What can be done with one user: a form each, posted by itself.

use leptos::prelude::*;

use super::{
    super::markup::{self, hidden},
    answers::UserState,
    user::Shown,
};
use crate::{
    components::{FormAlert, Sheet},
    server_fns::{BanUser, ChangeUser, DeleteUser, MakeLink, SaveMetadata, SendMessage},
    submission::Submission,
};

/// How long a ban can be: hours, and their name. The last is for good.
const BANS: [(&str, &str); 5] = [("1", "1 hour"), ("24", "1 day"), ("168", "1 week"), ("720", "30 days"), ("876000", "For good")];

/// A link that was just made, and the code that does the same.
pub(super) fn made_link((link, code): (String, String)) -> AnyView {
    let fact = |label: &'static str, copied: &'static str, text: String| {
        view! {
            <p class="message-fact">
                <span class="label">{label}</span>
                <code class="wrap-anywhere">{text.clone()}</code>
                {markup::copy(text, copied)}
            </p>
        }
        .into_any()
    };
    let facts = [fact("Link", "Copy link", link), fact("Code", "Copy code", code)];
    view! {
        <Sheet id="link" title="The link">
            <div class="sheet-body form">
                {facts}
                <p class="field-hint">
                    "Whoever has it gets in as this user, once. Send it by a way that only the user reads; it is not shown again."
                </p>
            </div>
        </Sheet>
    }
    .into_any()
}

/// One thing that the user signs in by, and its button.
struct Change {
    name: &'static str,
    label: &'static str,
    kind: &'static str,
    value: String,
    word: &'static str,
}

impl Change {
    fn form(self, shown: &Shown<'_>, submission: Submission) -> AnyView {
        let Self { name, label, kind, value, word } = self;
        let (id, error_id) = (format!("change-{name}"), format!("change-{name}-error"));
        let error = submission.for_field(name);
        let autocomplete = if kind == "password" { "new-password" } else { "off" };
        let value = error.get_untracked().and_then(|_| submission.typed()).unwrap_or(value);
        view! {
            <form class="field" method="post" action=format!("{}#account", submission.url)>
                {shown.whose()}
                {hidden("change", name)}
                <label for=id.clone()>{label}</label>
                <div class="input-row">
                    <input
                        class="input"
                        id=id
                        name="value"
                        type=kind
                        value=value
                        autocomplete=autocomplete
                        aria-describedby=error_id.clone()
                        aria-invalid=move || error.get().map(|_| "true")
                    />
                    <button class="button" type="submit" aria-label=format!("{word} {label}")>
                        {word}
                    </button>
                </div>
                <p class="field-error" id=error_id role="alert">
                    {error}
                </p>
            </form>
        }
        .into_any()
    }
}

/// Address, number and password; and confirming what there is.
pub(super) fn account(shown: &Shown<'_>) -> AnyView {
    let user = &shown.user;
    let submission = Submission::to::<ChangeUser>();
    let word = |value: &str| if value.is_empty() { "Set" } else { "Change" };
    let confirm = user.unconfirmed.iter().map(|what| {
        let (change, word) =
            if *what == "email" { ("confirm_email", "Confirm the address") } else { ("confirm_phone", "Confirm the number") };
        view! {
            <form method="post" action=format!("{}#account", submission.url)>
                {shown.whose()}
                {hidden("change", change)}
                <button class="button" type="submit">
                    {word}
                </button>
            </form>
        }
        .into_any()
    });
    let confirm = (!user.unconfirmed.is_empty()).then(|| view! { <div class="pages">{confirm.collect_view()}</div> });
    let change = |name, label, kind, value: &str, word| {
        Change { name, label, kind, value: value.to_owned(), word }.form(shown, submission)
    };
    let forms = [
        change("email", "E-mail", "email", &user.email, word(&user.email)),
        change("phone", "Phone", "tel", &user.phone, word(&user.phone)),
        change("password", "Password", "password", "", if user.has_password { "Change" } else { "Set" }),
    ];
    view! {
        <Sheet id="account" title="Account">
            <div class="sheet-body form">
                <FormAlert message=submission.beside_fields(&["email", "phone", "password"]) />
                {confirm}
                {forms}
                <p class="field-hint">
                    "A changed address or number counts as confirmed. Another password ends all sessions."
                </p>
            </div>
        </Sheet>
    }
    .into_any()
}

/// Links that let the user in: sent, or made to be handed over. Where there is an address.
pub(super) fn messages(shown: &Shown<'_>) -> AnyView {
    let user = &shown.user;
    if user.email.is_empty() || user.line.state == UserState::Deleted {
        return ().into_any();
    }
    let (send, make) = (Submission::to::<SendMessage>(), Submission::to::<MakeLink>());
    // Only who has not been in can be invited.
    let invite = user.unconfirmed.contains(&"email").then(|| view! { <option value="invite">"Invitation"</option> });
    let (fields, email) = (shown.whose(), hidden("email", &user.email));
    view! {
        <Sheet id="messages" title="Links">
            <form class="sheet-body form" method="post" action=format!("{}#messages", send.url)>
                <FormAlert message=send.beside_fields(&[]) />
                <FormAlert message=make.beside_fields(&[]) />
                {fields}
                {email}
                <div class="field">
                    <label for="link-kind">"Kind"</label>
                    <select class="input" id="link-kind" name="kind">
                        <option value="recovery">"Password recovery"</option>
                        <option value="magiclink">"Magic link"</option>
                        {invite}
                    </select>
                </div>
                <div class="form-actions">
                    <button class="button" type="submit">
                        "Send by e-mail"
                    </button>
                    <button class="button" type="submit" formaction=format!("{}#messages", make.url)>
                        "Make a link"
                    </button>
                </div>
                <p class="field-hint">"A link that you make is shown here and not sent. A new one makes the one before void."</p>
            </form>
        </Sheet>
    }
    .into_any()
}

pub(super) fn ban(shown: &Shown<'_>) -> AnyView {
    let user = &shown.user;
    let submission = Submission::to::<BanUser>();
    let curl = markup::copy_curl(shown.ban_curl.clone(), "Copy ban as curl");
    let form = match user.banned_until {
        Some(until) => view! {
            <p class="text-sm">"Kept out until " {crate::format::exact(until)} "."</p>
            {hidden("hours", 0)}
            <div class="form-actions">
                <button class="button" type="submit">
                    "Lift the ban"
                </button>
            </div>
        }
        .into_any(),
        None => view! {
            <div class="field">
                <label for="ban-hours">"For"</label>
                <select class="input" id="ban-hours" name="hours">
                    {BANS.map(|(hours, name)| view! { <option value=hours>{name}</option> })}
                </select>
            </div>
            <div class="form-actions">
                <button class="button button-quiet-danger" type="submit">
                    "Ban"
                </button>
                {curl}
            </div>
        }
        .into_any(),
    };
    let fields = shown.whose();
    view! {
        <Sheet id="ban" title="Ban">
            <form class="sheet-body form" method="post" action=format!("{}#ban", submission.url)>
                <FormAlert message=submission.beside_fields(&[]) />
                {fields}
                {form}
            </form>
        </Sheet>
    }
    .into_any()
}

/// Both objects, each edited as JSON.
pub(super) fn metadata(shown: &Shown<'_>) -> AnyView {
    let user = &shown.user;
    let of_user = Editor {
        name: "user_metadata",
        label: "User metadata",
        hint: "The user can change these.",
        json: user.user_metadata.clone(),
    };
    let of_app = Editor {
        name: "app_metadata",
        label: "App metadata",
        hint: "Only you can change these; they stand in every token.",
        json: user.app_metadata.clone(),
    };
    let (of_user, of_app) = (of_user.form(shown), of_app.form(shown));
    view! {
        <Sheet id="metadata" title="Metadata">
            {of_user}
            {of_app}
        </Sheet>
    }
    .into_any()
}

/// An object that is edited as JSON.
struct Editor {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    json: String,
}

impl Editor {
    fn form(self, shown: &Shown<'_>) -> AnyView {
        let Self { name, label, hint, json } = self;
        let submission = Submission::to::<SaveMetadata>();
        let error = submission.for_field(name).get_untracked();
        let typed = error.as_ref().and_then(|_| submission.typed()).unwrap_or_else(|| json.clone());
        let rows = typed.lines().count().clamp(3, 16).to_string();
        view! {
            <form method="post" action=format!("{}#metadata", submission.url) data-save="">
                <div class="sheet-body form">
                    {shown.whose()} {hidden("which", name)} {hidden("before", json)}
                    <div class="field">
                        <label for=name>{label}</label>
                        <textarea
                            class="input user-json"
                            id=name
                            name="json"
                            rows=rows
                            spellcheck="false"
                            autocapitalize="off"
                            aria-describedby=format!("{name}-hint {name}-error")
                            aria-invalid=error.as_ref().map(|_| "true")
                        >
                            // A browser leaves out the first end of line.
                            {format!("\n{typed}")}
                        </textarea>
                        <p class="field-hint" id=format!("{name}-hint")>
                            {hint}
                        </p>
                        <p class="field-error" id=format!("{name}-error") role="alert">
                            {error}
                        </p>
                    </div>
                    <div class="form-actions">
                        <button class="button" type="submit" aria-label=format!("Save {label}")>
                            "Save"
                        </button>
                        <p class="field-hint" role="status"></p>
                    </div>
                </div>
            </form>
        }
        .into_any()
    }
}

/// Asks for the address, so that nobody is deleted in passing.
pub(super) fn delete(shown: &Shown<'_>) -> AnyView {
    let user = &shown.user;
    let submission = Submission::to::<DeleteUser>();
    let error = submission.for_field("confirmation");
    let curl = markup::copy_curl(shown.delete_curl.clone(), "Copy deletion as curl");
    let (fields, to_type) = (shown.whose(), user.to_type.clone());
    view! {
        <Sheet id="delete" title="Delete">
            <form class="sheet-body form" method="post" action=format!("{}#delete", submission.url)>
                <FormAlert message=submission.beside_fields(&["confirmation"]) />
                {fields}
                <div class="field">
                    <label for="confirmation">"Type " <strong class="wrap-anywhere">{to_type}</strong> " to confirm"</label>
                    <input
                        class="input"
                        id="confirmation"
                        name="confirmation"
                        required
                        autocomplete="off"
                        autocapitalize="off"
                        spellcheck="false"
                        aria-describedby="confirmation-error"
                        aria-invalid=move || error.get().map(|_| "true")
                    />
                    <p class="field-error" id="confirmation-error" role="alert">
                        {error}
                    </p>
                </div>
                <label class="choice">
                    <input type="checkbox" name="keep_row" value="true" />
                    <span>"Keep the row without personal data, for what refers to it"</span>
                </label>
                <div class="form-actions">
                    <button class="button button-danger" type="submit">
                        "Delete this user"
                    </button>
                    {curl}
                </div>
            </form>
        </Sheet>
    }
    .into_any()
}
