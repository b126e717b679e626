//! Under construction.
use leptos::prelude::*;

/// Under construction.
#[component]
pub(crate) fn ProjectPage() -> impl IntoView {
    view! { <h1>"ProjectPage"</h1> }
}
