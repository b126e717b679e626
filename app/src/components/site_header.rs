//! The bar at the top of every page.

use leptos::prelude::*;

use super::{SignOut, ThemeSwitch};

/// Wordmark, sign-out and theme.
#[component]
pub(crate) fn SiteHeader() -> impl IntoView {
    view! {
        <header class="site-header">
            <div class="site-header-row">
                <a class="wordmark" href="/" aria-label="supacloud, all projects">
                    <svg viewBox="0 0 32 32" fill="none" stroke="currentColor" stroke-width="2" stroke-linejoin="round" aria-hidden="true">
                        <path d="M3 23l13 6.5L29 23"></path>
                        <path d="M3 16l13 6.5L29 16"></path>
                        <path d="M16 2.5 29 9 16 15.5 3 9Z" fill="currentColor"></path>
                    </svg>
                    <span>"supacloud"</span>
                </a>
                <div class="page-actions">
                    <SignOut />
                    <ThemeSwitch />
                </div>
            </div>
        </header>
    }
}
