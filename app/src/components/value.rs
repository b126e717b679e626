//! A named value with the buttons that belong to it.

use leptos::prelude::*;

/// Why what a value's button was asked for can't be had; shown at the value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Problem(pub(crate) RwSignal<Option<String>>);

/// The children, buttons, stand at its end; `hint` beside its name.
#[component]
pub(crate) fn Value(
    name: &'static str,
    #[prop(into)] text: Signal<String>,
    #[prop(optional, into)] hint: Option<String>,
    children: Children,
) -> impl IntoView {
    let problem = RwSignal::new(None);
    provide_context(Problem(problem));
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
            <p class="field-error" role="alert">
                {problem}
            </p>
        </div>
    }
}
