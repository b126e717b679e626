//! New project: the same form in the dialog and on the page.

use control_plane_api::{MAX_NAME_CHARS, MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS};
use leptos::{html, prelude::*};

use super::{Copied, CopyButton, FormAlert, PostForm};
use crate::{browser, submission::Submission};

/// Name and database password; both may stay empty. Errors stand beside their field.
#[component]
pub(crate) fn NewProjectForm(submission: Submission) -> impl IntoView {
    let name_error = submission.for_field("name");
    let password_error = submission.for_field("db_pass");
    let other_error = submission.beside_fields(&["name", "db_pass"]);
    let password = RwSignal::new(String::new());
    let password_input = NodeRef::<html::Input>::new();
    let generate = move |_| {
        let generated = browser::random_password();
        if let Some(input) = password_input.get_untracked() {
            input.set_value(&generated);
        }
        password.set(generated);
    };
    view! {
        <PostForm submission>
            <div class="form">
                <FormAlert message=other_error />
                <div class="field">
                    <label for="project-name">"Name"</label>
                    <input
                        class="input"
                        id="project-name"
                        name="name"
                        maxlength=MAX_NAME_CHARS.to_string()
                        autocomplete="off"
                        autofocus
                        value=submission.typed()
                        aria-describedby="project-name-hint project-name-error"
                        aria-invalid=move || name_error.get().map(|_| "true")
                    />
                    <p class="field-hint" id="project-name-hint">
                        "Leave empty for a made-up one. You can change it later."
                    </p>
                    <p class="field-error" id="project-name-error" role="alert">
                        {name_error}
                    </p>
                </div>
                <div class="field">
                    <label for="project-password">"Database password"</label>
                    <div class="input-row">
                        <input
                            class="input"
                            id="project-password"
                            name="db_pass"
                            minlength=MIN_PASSWORD_CHARS.to_string()
                            maxlength=MAX_PASSWORD_CHARS.to_string()
                            autocomplete="off"
                            autocapitalize="off"
                            spellcheck="false"
                            node_ref=password_input
                            on:input:target=move |input| password.set(input.target().value())
                            aria-describedby="project-password-hint project-password-error"
                            aria-invalid=move || password_error.get().map(|_| "true")
                        />
                        <button class="button needs-script" type="button" on:click=generate>
                            "Generate"
                        </button>
                        <CopyButton what=Copied::Typed(password) label="Copy database password" />
                    </div>
                    <p class="field-hint" id="project-password-hint">
                        {format!("At most {MAX_PASSWORD_CHARS} characters. Leave empty for a generated one; the project's page can show it.")}
                    </p>
                    <p class="field-error" id="project-password-error" role="alert">
                        {password_error}
                    </p>
                </div>
                <div class="form-actions">
                    <button class="button button-primary" type="submit" aria-disabled=submission.pending_word()>
                        {move || if submission.pending.get() { "Creating…" } else { "Create project" }}
                    </button>
                </div>
            </div>
        </PostForm>
    }
}
