//! A named value with the buttons that belong to it.

use leptos::prelude::*;

/// `buttons` stand at its end; `hint` beside its name.
#[component]
pub(crate) fn Value(
    name: &'static str,
    #[prop(into)] text: Signal<String>,
    #[prop(optional, into)] hint: Option<String>,
    children: Children,
) -> impl IntoView {
    view! {
        <div class="value" role="group" aria-label=name>
            <p class="value-name">
                <span class="label">{name}</span>
                {hint.map(|hint| view! { <span class="text-xs soft">{hint}</span> })}
            </p>
            <p class="value-text" data-testid="value">
                {text}
            </p>
            <div class="value-buttons">{children()}</div>
        </div>
    }
}
