//! `/new`: the new project form as a page of its own, for when there are no scripts.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{components::NewProjectForm, server_fns::CreateProject, submission::Submission};

/// The form.
#[component]
pub(crate) fn NewProjectPage() -> impl IntoView {
    let create = Submission::to::<CreateProject>();
    view! {
        <Title text="New project" />
        <section class="notice">
            <nav class="crumbs" aria-label="Breadcrumb">
                <a href="/">"Projects"</a>
                <span aria-hidden="true">"/"</span>
                <span aria-current="page">"New"</span>
            </nav>
            <h1>"New project"</h1>
            <div class="form">
                <NewProjectForm submission=create />
            </div>
        </section>
    }
}
