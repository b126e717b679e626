//! Holds a project page's place while it loads after a navigation in the browser; the server never sends it.

use leptos::prelude::*;

/// Sheets where the real ones will be.
#[component]
pub(crate) fn ProjectSkeleton() -> impl IntoView {
    view! {
        <div aria-busy="true">
            <p class="heard" role="status">
                "Loading"
            </p>
            <div aria-hidden="true">
                <p class="crumbs">
                    <span class="ghost">"Projects"</span>
                </p>
                <div class="page-head">
                    <div>
                        <p class="text-xl">
                            <span class="ghost">"a project's name"</span>
                        </p>
                        <p class="project-facts">
                            <span class="ghost">"abcdefghijklmnopqrst"</span>
                        </p>
                    </div>
                </div>
                <div class="project-columns">
                    <div class="project-column">
                        <div class="sheet min-h-80"></div>
                        <div class="sheet min-h-80"></div>
                    </div>
                    <div class="project-column">
                        <div class="sheet min-h-60"></div>
                        <div class="sheet min-h-60"></div>
                    </div>
                </div>
            </div>
        </div>
    }
}
