//! An error that belongs to no field, above or beside what caused it.

use leptos::prelude::*;

use super::{Glyph, Icon};

/// Empty while there is no message; announced when there is one.
#[component]
pub(crate) fn FormAlert(#[prop(into)] message: Signal<Option<String>>) -> impl IntoView {
    view! {
        <div role="alert">
            {move || {
                message
                    .get()
                    .map(|message| {
                        view! {
                            <div class="alert">
                                <Icon glyph=Glyph::Failed />
                                <p>{message}</p>
                            </div>
                        }
                    })
            }}
        </div>
    }
}
