//! A titled part of a page.

use leptos::prelude::*;

/// A section with a heading; `tools` stand at the other end of its head.
#[component]
pub(crate) fn Sheet(
    id: &'static str,
    title: &'static str,
    #[prop(optional, into)] tools: ViewFn,
    children: Children,
) -> impl IntoView {
    let title_id = format!("{id}-title");
    let labelled_by = title_id.clone();
    view! {
        <section class="sheet" id=id aria-labelledby=labelled_by>
            <div class="sheet-head">
                <h2 id=title_id>{title}</h2>
                {move || tools.run()}
            </div>
            {children()}
        </section>
    }
}
