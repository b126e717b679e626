//! A button that puts text on the clipboard.

use std::time::Duration;

use leptos::prelude::*;

use super::{Glyph, Icon};
use crate::browser;

/// How long the button says that it has copied.
const THANKS: Duration = Duration::from_secs(2);

/// Copies `text`, read when the button is pressed. `label` says what it copies; only the icon and "Copy" are seen.
#[component]
pub(crate) fn CopyButton(
    #[prop(into)] text: Signal<String>,
    /// Accessible name, such as "Copy API URL".
    #[prop(into)]
    label: String,
    /// The word on the button; empty for an icon alone.
    #[prop(default = "Copy")]
    word: &'static str,
    #[prop(default = Glyph::Copy)] glyph: Glyph,
) -> impl IntoView {
    let copied = RwSignal::new(false);
    let on_click = move |_| {
        browser::copy(&text.get_untracked());
        copied.set(true);
        set_timeout(move || _ = copied.try_set(false), THANKS);
    };
    let title = label.clone();
    view! {
        <button class="button-small needs-script" type="button" aria-label=label title=title on:click=on_click>
            {move || if copied.get() { view! { <Icon glyph=Glyph::Check /> } } else { view! { <Icon glyph /> } }}
            {(!word.is_empty()).then(|| view! { <span>{move || if copied.get() { "Copied" } else { word }}</span> })}
            <span class="heard" role="status">
                {move || copied.get().then_some("Copied")}
            </span>
        </button>
    }
}
