//! What can be done with one user: a form each, posted by itself.

use leptos::prelude::*;

use super::user::Whose;
use crate::{
    components::{Copied, CopyButton, FormAlert, Glyph, PostForm, Sheet},
    server_fns::{BanUser, ChangeUser, DeleteUser, MakeLink, SaveMetadata, SendMessage},
    submission::Submission,
    user_pages::{UserDetail, UserState},
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
                <CopyButton what=Copied::Text(text) label=copied word="" />
            </p>
        }
        .into_any()
    };
    view! {
        <Sheet id="link" title="The link">
            <div class="sheet-body form">
                {fact("Link", "Copy link", link)}
                {fact("Code", "Copy code", code)}
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
    fn form(self, whose: &Whose, submission: Submission) -> AnyView {
        let Self { name, label, kind, value, word } = self;
        let (id, error_id) = (format!("change-{name}"), format!("change-{name}-error"));
        let error = submission.for_field(name);
        let autocomplete = if kind == "password" { "new-password" } else { "off" };
        let value = error.get_untracked().and_then(|_| submission.typed()).unwrap_or(value);
        view! {
            <form class="field" method="post" action=format!("{}#account", submission.url)>
                {whose.fields()}
                <input type="hidden" name="change" value=name />
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
pub(super) fn account(whose: &Whose, user: &UserDetail) -> AnyView {
    let submission = Submission::to::<ChangeUser>();
    let word = |value: &str| if value.is_empty() { "Set" } else { "Change" };
    let confirm = user.unconfirmed.iter().map(|what| {
        let (change, word) =
            if what == "email" { ("confirm_email", "Confirm the address") } else { ("confirm_phone", "Confirm the number") };
        view! {
            <form method="post" action=format!("{}#account", submission.url)>
                {whose.fields()}
                <input type="hidden" name="change" value=change />
                <button class="button" type="submit">
                    {word}
                </button>
            </form>
        }
        .into_any()
    });
    let confirm = (!user.unconfirmed.is_empty()).then(|| view! { <div class="pages">{confirm.collect_view()}</div> });
    let change = |name, label, kind, value: &str, word| {
        Change { name, label, kind, value: value.to_owned(), word }.form(whose, submission)
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
pub(super) fn messages(whose: &Whose, user: &UserDetail) -> AnyView {
    if user.email.is_empty() || user.line.state == UserState::Deleted {
        return ().into_any();
    }
    let (send, make) = (Submission::to::<SendMessage>(), Submission::to::<MakeLink>());
    // Only who has not been in can be invited.
    let invite =
        user.unconfirmed.iter().any(|what| what == "email").then(|| view! { <option value="invite">"Invitation"</option> });
    let (fields, email) = (whose.fields(), user.email.clone());
    view! {
        <Sheet id="messages" title="Links">
            <form class="sheet-body form" method="post" action=format!("{}#messages", send.url)>
                <FormAlert message=send.beside_fields(&[]) />
                <FormAlert message=make.beside_fields(&[]) />
                {fields}
                <input type="hidden" name="email" value=email />
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

pub(super) fn ban(whose: &Whose, user: &UserDetail) -> AnyView {
    let submission = Submission::to::<BanUser>();
    let curl = Copied::Text(user.ban_curl.clone());
    let form = match user.banned_until {
        Some(until) => view! {
            <p class="text-sm">"Kept out until " {crate::format::exact(until)} "."</p>
            <input type="hidden" name="hours" value="0" />
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
                <CopyButton what=curl label="Copy ban as curl" word="" glyph=Glyph::Terminal />
            </div>
        }
        .into_any(),
    };
    let fields = whose.fields();
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
pub(super) fn metadata(whose: &Whose, user: &UserDetail) -> AnyView {
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
    let (of_user, of_app) = (of_user.form(whose), of_app.form(whose));
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
    fn form(self, whose: &Whose) -> AnyView {
        let Self { name, label, hint, json } = self;
        let submission = Submission::to::<SaveMetadata>();
        let error = submission.for_field(name);
        let typed = error.get_untracked().and_then(|_| submission.typed()).unwrap_or_else(|| json.clone());
        // What is saved is what the next change is from.
        let (before, text) = (RwSignal::new(json.clone()), RwSignal::new(typed.clone()));
        Effect::new(move |_| {
            if submission.done.get() > 0 {
                before.set(text.get_untracked());
            }
        });
        let saved = move || (submission.done.get() > 0 && submission.error.read().is_none()).then_some("Saved.");
        let rows = typed.lines().count().clamp(3, 16).to_string();
        let fields = whose.fields();
        view! {
            <PostForm submission at="#metadata">
                <div class="sheet-body form">
                    {fields}
                    <input type="hidden" name="which" value=name />
                    <input type="hidden" name="before" value=json prop:value=before />
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
                            aria-invalid=move || error.get().map(|_| "true")
                            prop:value=typed.clone()
                            on:input:target=move |input| text.set(input.target().value())
                        >
                            {typed.clone()}
                        </textarea>
                        <p class="field-hint" id=format!("{name}-hint")>
                            {hint}
                        </p>
                        <p class="field-error" id=format!("{name}-error") role="alert">
                            {error}
                        </p>
                    </div>
                    <div class="form-actions">
                        <button class="button" type="submit" aria-disabled=submission.pending_word() aria-label=format!("Save {label}")>
                            "Save"
                        </button>
                        <p class="field-hint" role="status">
                            {saved}
                        </p>
                    </div>
                </div>
            </PostForm>
        }
        .into_any()
    }
}

/// Asks for the address, so that nobody is deleted in passing.
pub(super) fn delete(whose: &Whose, user: &UserDetail) -> AnyView {
    let submission = Submission::to::<DeleteUser>();
    let error = submission.for_field("confirmation");
    let curl = Copied::Text(user.delete_curl.clone());
    let (fields, to_type) = (whose.fields(), user.to_type.clone());
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
                    <CopyButton what=curl label="Copy deletion as curl" word="" glyph=Glyph::Terminal />
                </div>
            </form>
        </Sheet>
    }
    .into_any()
}
