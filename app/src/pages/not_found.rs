//! No such page.

use leptos::prelude::*;
use leptos_meta::Title;

pub(super) const TITLE: &str = "Page not found";

/// Answers an address that leads nowhere, with status 404.
#[component]
pub(crate) fn NotFoundPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    crate::session::set_status(404);
    view! {
        <Title text=TITLE />
        {notice()}
    }
}

/// What the page says.
pub(super) fn notice() -> AnyView {
    view! {
        <section class="notice">
            <p class="label">"404"</p>
            <h1>"There is no page at this address"</h1>
            <p>"The link may be old, or the project may have been deleted."</p>
            <a class="button button-primary" href="/">
                "Go to projects"
            </a>
        </section>
    }
    .into_any()
}
