//! Holds the list's place while it loads after a navigation in the browser; the server never sends it.

use leptos::prelude::*;

/// Rows of the height that real ones have.
#[component]
pub(crate) fn ListSkeleton() -> impl IntoView {
    let row = |_| {
        view! {
            <div class="ledger-row">
                <div>
                    <span class="ghost">"a project's name"</span>
                    <p class="ref">
                        <span class="ghost">"abcdefghijklmnopqrst"</span>
                    </p>
                </div>
            </div>
        }
    };
    view! {
        <div aria-busy="true">
            <p class="heard" role="status">
                "Loading"
            </p>
            <div class="toolbar"></div>
            <div class="ledger" aria-hidden="true">
                {(0..4).map(row).collect_view()}
            </div>
        </div>
    }
}
