//! Under construction.
use leptos::prelude::*;

/// Under construction.
#[component]
pub(crate) fn NewProjectPage() -> impl IntoView {
    view! { <h1>"NewProjectPage"</h1> }
}
