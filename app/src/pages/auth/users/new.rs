//! A new user: made here, invited, or anonymous.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use super::super::loaded;
use crate::{
    components::{FormAlert, Sheet},
    server_fns::{AddAnonymousUser, AddUser, InviteUser, load_project_name},
    submission::Submission,
};

/// Three forms, which work without scripts.
#[component]
pub(crate) fn NewUserPage() -> impl IntoView {
    loaded("users", load_project_name, |project_ref, ()| shown(&project_ref))
}

fn shown(project_ref: &ProjectRef) -> AnyView {
    view! {
        <div class="user-columns">
            <div class="project-column">{made(project_ref)}</div>
            <div class="project-column">{invited(project_ref)} {anonymous(project_ref)}</div>
        </div>
    }
    .into_any()
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

fn made(project_ref: &ProjectRef) -> AnyView {
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
    let project_ref = project_ref.to_string();
    view! {
        <Sheet id="add" title="Add a user">
            <form class="sheet-body" method="post" action=format!("{}#add", submission.url)>
                <div class="form">
                    <FormAlert message=submission.beside_fields(&["email", "phone", "password"]) />
                    <input type="hidden" name="project_ref" value=project_ref />
                    {email.view(submission)}
                    {phone.view(submission)}
                    {password.view(submission)}
                    <label class="choice">
                        <input type="checkbox" name="confirm" value="true" checked />
                        <span>"Address and number count as confirmed"</span>
                    </label>
                    <div class="form-actions">
                        <button class="button button-primary" type="submit">
                            "Add user"
                        </button>
                    </div>
                </div>
            </form>
        </Sheet>
    }
    .into_any()
}

fn invited(project_ref: &ProjectRef) -> AnyView {
    let submission = Submission::to::<InviteUser>();
    let email = Field {
        name: "email",
        id: "invite-email",
        label: "E-mail",
        kind: "email",
        value: submission.typed().unwrap_or_default(),
        hint: "The invitation has a link that leads in. Without a mail server, it is kept in the mailbox.",
    };
    let project_ref = project_ref.to_string();
    view! {
        <Sheet id="invite" title="Invite by e-mail">
            <form class="sheet-body" method="post" action=format!("{}#invite", submission.url)>
                <div class="form">
                    <FormAlert message=submission.beside_fields(&["email"]) />
                    <input type="hidden" name="project_ref" value=project_ref />
                    {email.view(submission)}
                    <div class="form-actions">
                        <button class="button" type="submit">
                            "Send invitation"
                        </button>
                    </div>
                </div>
            </form>
        </Sheet>
    }
    .into_any()
}

fn anonymous(project_ref: &ProjectRef) -> AnyView {
    let submission = Submission::to::<AddAnonymousUser>();
    let project_ref = project_ref.to_string();
    view! {
        <Sheet id="anonymous" title="Anonymous user">
            <form class="sheet-body" method="post" action=format!("{}#anonymous", submission.url)>
                <div class="form">
                    <FormAlert message=submission.beside_fields(&[]) />
                    <input type="hidden" name="project_ref" value=project_ref />
                    <p class="field-hint">
                        "Somebody of whom nothing is known, as an application makes one. An address or a number can be added later."
                    </p>
                    <div class="form-actions">
                        <button class="button" type="submit">
                            "Add anonymous user"
                        </button>
                    </div>
                </div>
            </form>
        </Sheet>
    }
    .into_any()
}
