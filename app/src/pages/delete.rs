//! `/project/<ref>/delete`: the delete form as a page of its own, for when there are no scripts.

use leptos::prelude::*;
use leptos_meta::Title;

use super::WithProject;
use crate::{components::DeleteForm, project_detail::ProjectDetail};

/// The form, with the name to type.
#[component]
pub(crate) fn DeletePage() -> impl IntoView {
    view! { <WithProject show=|detail| view! { <Confirm detail /> }.into_any() /> }
}

#[component]
fn Confirm(detail: ProjectDetail) -> impl IntoView {
    let ProjectDetail { name, project_ref, .. } = detail;
    view! {
        <Title text=format!("Delete {name}") />
        <section class="notice">
            <nav class="crumbs" aria-label="Breadcrumb">
                <a href="/">"Projects"</a>
                <span aria-hidden="true">"/"</span>
                <a class="wrap-anywhere" href=format!("/project/{project_ref}")>
                    {name.clone()}
                </a>
                <span aria-hidden="true">"/"</span>
            </nav>
            <h1>"Delete project"</h1>
            <DeleteForm project_ref name=Signal::stored(name) />
        </section>
    }
}
