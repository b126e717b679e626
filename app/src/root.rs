//! The app: routes, and what stands on every page.

#![expect(unreachable_pub, reason = "leptos makes the inner function of a component `pub`")]

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{FlatRoutes, Route, Router},
    hooks::use_location,
    path,
};

use crate::{
    browser,
    clock::provide_clock,
    components::{SiteHeader, provide_copying},
    pages::{AuthPage, DeletePage, NewProjectPage, NotFoundPage, ProjectPage, ProjectsPage, SignInPage},
    visibility::provide_visibility,
};

/// The dashboard. Every page is rendered whole by the server, then hydrated.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    provide_clock();
    provide_visibility();
    provide_copying();
    // Tells tests and styles that handlers are in place.
    Effect::new(|_| browser::set_root_attribute("data-hydrated", "true"));
    view! {
        <Title formatter=|title: String| if title.is_empty() { "supacloud".to_owned() } else { format!("{title} · supacloud") } />
        <Router>
            <a class="skip-link" href="#main" rel="external">
                "Skip to content"
            </a>
            <SiteHeader />
            <main id="main" tabindex="-1">
                <FocusOnNavigation />
                <FlatRoutes fallback=NotFoundPage>
                    <Route path=path!("/") view=ProjectsPage ssr=SsrMode::Async />
                    <Route path=path!("/new") view=NewProjectPage ssr=SsrMode::Async />
                    <Route path=path!("/project/:ref") view=ProjectPage ssr=SsrMode::Async />
                    <Route path=path!("/project/:ref/delete") view=DeletePage ssr=SsrMode::Async />
                    <Route path=path!("/project/:ref/auth/*page") view=AuthPage ssr=SsrMode::Async />
                    <Route path=path!("/sign-in") view=SignInPage ssr=SsrMode::Async />
                </FlatRoutes>
            </main>
        </Router>
    }
}

/// After a navigation without a page load, screen readers and the keyboard continue at the new page's content.
#[component]
fn FocusOnNavigation() -> impl IntoView {
    let path = use_location().pathname;
    Effect::new(move |before: Option<String>| {
        let now = path.get();
        if before.is_some_and(|before| before != now) {
            browser::focus("main");
        }
        now
    });
}
