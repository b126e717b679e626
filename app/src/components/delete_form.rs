//! Delete, after typing the name: the same form in the dialog and on the page.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use super::{FormAlert, PostForm};
use crate::{server_fns::DeleteProject, submission::Submission};

/// The server compares the name too.
#[component]
pub(crate) fn DeleteForm(project_ref: ProjectRef, #[prop(into)] name: Signal<String>) -> impl IntoView {
    let submission = Submission::to::<DeleteProject>();
    let field_error = submission.for_field("confirmation");
    let other_error = submission.beside_fields(&["confirmation"]);
    view! {
        <PostForm submission>
            <div class="form">
                <FormAlert message=other_error />
                <p>"This removes the database, its data and its keys at once. There is no way back."</p>
                <input type="hidden" name="project_ref" value=project_ref.to_string() />
                <div class="field">
                    <label for="confirmation">"Type the name " <strong class="wrap-anywhere">{name}</strong> " to confirm"</label>
                    <input
                        class="input"
                        id="confirmation"
                        name="confirmation"
                        required
                        autofocus
                        autocomplete="off"
                        autocapitalize="off"
                        spellcheck="false"
                        aria-describedby="confirmation-error"
                        aria-invalid=move || field_error.get().map(|_| "true")
                    />
                    <p class="field-error" id="confirmation-error" role="alert">
                        {field_error}
                    </p>
                </div>
                <div class="form-actions">
                    <button class="button button-danger" type="submit" aria-disabled=submission.pending_word()>
                        {move || if submission.pending.get() { "Deleting…" } else { "Delete this project" }}
                    </button>
                </div>
            </div>
        </PostForm>
    }
}
