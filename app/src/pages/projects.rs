//! Under construction.
use leptos::prelude::*;

/// Under construction.
#[component]
pub(crate) fn ProjectsPage() -> impl IntoView {
    view! { <h1>"ProjectsPage"</h1> }
}
