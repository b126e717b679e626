//! Rename, resize and delete.

use leptos::{html, prelude::*};

use super::{CurlButton, DeleteForm, Dialog, PostForm, Sheet, dialog};
use crate::{live::use_live, server_fns::RenameProject, snippets::Command, submission::Submission};

/// What is seldom done, at the end of the page.
#[component]
pub(crate) fn SettingsPanel() -> impl IntoView {
    let live = use_live();
    let project_ref = live.project_ref();
    // As one text: an element of its own would be a hundred times its size in wasm.
    let hint = format!(
        "Deleting removes the database, its data and its keys. There is no way back. To keep or to move it: \
         <code>supacloud project export {project_ref}</code>"
    );
    let delete_page = format!("/project/{project_ref}/delete");
    let dialog_ref = NodeRef::<html::Dialog>::new();
    let name = Signal::derive(move || live.detail.read().name.clone());
    view! {
        <Sheet id="settings" title="Settings">
            <div class="sheet-body">
                <RenameForm />
                {live.detail.read_untracked().sizes.clone().map(|sizes| view! { <ResizeForm sizes /> })}
            </div>
            <div class="sheet-body border-t border-line">
                <div class="page-actions justify-between">
                    <p class="text-sm soft" inner_html=hint></p>
                    <span class="button-pair">
                        <a
                            class="button button-quiet-danger"
                            href=delete_page
                            on:click=dialog::open(dialog_ref)
                        >
                            "Delete project"
                        </a>
                        <CurlButton command=Command::Delete project_ref=Some(live.project_ref()) />
                    </span>
                </div>
            </div>
        </Sheet>
        <Dialog id="delete-project" title="Delete project" node_ref=dialog_ref>
            <DeleteForm project_ref name />
        </Dialog>
    }
}

#[component]
fn RenameForm() -> impl IntoView {
    let live = use_live();
    let rename = Submission::to::<RenameProject>();
    let error = rename.beside_fields(&[]);
    let done = move || rename.done.get() > 0;
    Effect::new(move |_| {
        if done() {
            live.reload();
        }
    });
    view! {
        <PostForm submission=rename at="#settings">
            <input type="hidden" name="project_ref" value=live.project_ref().to_string() />
            <div class="field">
                <label for="rename">"Name"</label>
                <div class="input-row">
                    <input
                        class="input"
                        id="rename"
                        name="name"
                        required
                        maxlength=control_plane_api::MAX_NAME_CHARS.to_string()
                        autocomplete="off"
                        value=rename.typed().unwrap_or_else(|| live.detail.read_untracked().name.clone())
                        aria-describedby="rename-error"
                        aria-invalid=move || error.get().map(|_| "true")
                    />
                    <span class="button-pair">
                        <button class="button" type="submit" aria-disabled=rename.pending_word()>
                            "Rename"
                        </button>
                        <CurlButton command=Command::Rename project_ref=Some(live.project_ref()) />
                    </span>
                </div>
                <p class="field-error" id="rename-error" role="alert">
                    {error}
                </p>
                <p class="field-hint" role="status">
                    {move || (done() && error.read().is_none()).then_some("Renamed.")}
                </p>
            </div>
        </PostForm>
    }
}

/// Only where the project's driver holds it to a size. Posts as a form does without scripts, too: what comes back is the page.
#[component]
fn ResizeForm(sizes: String) -> impl IntoView {
    let live = use_live();
    view! {
        <form method="post" action="/api/resize_project">
            <input type="hidden" name="project_ref" value=live.project_ref().to_string() />
            <div class="field mt-4">
                <label for="size">"Size"</label>
                <div class="input-row">
                    <select class="input" id="size" name="size" aria-describedby="size-hint" inner_html=sizes></select>
                    <span class="button-pair">
                        <button class="button" type="submit">
                            "Resize"
                        </button>
                        <CurlButton command=Command::Resize project_ref=Some(live.project_ref()) />
                    </span>
                </div>
                <p class="field-hint" id="size-hint">
                    "Memory, processors and processes. Changed without an interruption."
                </p>
            </div>
        </form>
    }
}
