//! The bar at the top of every page.

use leptos::prelude::*;

/// Name of the product.
#[component]
pub(crate) fn SiteHeader() -> impl IntoView {
    view! {
        <header class="site-header">
            <a href="/">"supacloud"</a>
        </header>
    }
}
