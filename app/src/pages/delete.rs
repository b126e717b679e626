//! Under construction.
use leptos::prelude::*;

/// Under construction.
#[component]
pub(crate) fn DeletePage() -> impl IntoView {
    view! { <h1>"DeletePage"</h1> }
}
