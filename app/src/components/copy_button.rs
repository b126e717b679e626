//! A button that puts text on the clipboard.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};

use super::{Glyph, Icon};
use crate::{browser, live::Live, secret::Secret};

/// How long the button says that it has copied.
const THANKS: Duration = Duration::from_secs(2);

/// What a button copies.
#[derive(Debug, Clone)]
pub(crate) enum Copied {
    Text(String),
    /// What is in the signal when the button is pressed.
    Typed(RwSignal<String>),
    /// Fetched when the button is pressed, and not shown.
    Secret(Secret),
}

/// Copies `what`. `label` is the accessible name, such as "Copy API URL"; only the icon and `word` are seen.
#[component]
pub(crate) fn CopyButton(
    what: Copied,
    #[prop(into)] label: String,
    /// The word on the button; empty for an icon alone.
    #[prop(default = "Copy")]
    word: &'static str,
    #[prop(default = Glyph::Copy)] glyph: Glyph,
) -> impl IntoView {
    let copied = RwSignal::new(false);
    let live = use_context::<Live>();
    let done = move |text: &str| {
        browser::copy(text);
        _ = copied.try_set(true);
        set_timeout(move || _ = copied.try_set(false), THANKS);
    };
    let on_click = move |_| match (&what, live) {
        (Copied::Text(text), _) => done(text),
        (Copied::Typed(text), _) => done(&text.read_untracked()),
        (Copied::Secret(secret), Some(live)) => {
            let secret = secret.clone();
            spawn_local(async move {
                if let Ok(text) = secret.fetch(live).await {
                    done(&text);
                }
            });
        }
        (Copied::Secret(_), None) => {}
    };
    let title = label.clone();
    view! {
        <button class="button-small needs-script" type="button" aria-label=label title=title on:click=on_click>
            {move || {
                let glyph = if copied.get() { Glyph::Check } else { glyph };
                view! { <Icon glyph /> }
            }} <span>{move || if copied.get() && !word.is_empty() { "Copied" } else { word }}</span>
            <span class="heard" role="status">
                {move || if copied.get() { "Copied" } else { "" }}
            </span>
        </button>
    }
}
