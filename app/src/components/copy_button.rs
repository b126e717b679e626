//! A button that puts text on the clipboard.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};

use super::{Glyph, Icon, Problem};
use crate::{browser, live::Live, secret::Secret};

/// How long the button says that it has copied.
const THANKS: Duration = Duration::from_secs(2);

const COPIED: &str = "Copied";
const NOT_COPIED: &str = "Can't copy here. Select the text and copy it by hand.";

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
    let said = RwSignal::new(None::<String>);
    let asked_of = use_context::<Live>().zip(use_context::<Problem>());
    let put = move |text: String| async move {
        let words = if browser::copy(&text).await { COPIED } else { NOT_COPIED };
        _ = said.try_set(Some(words.to_owned()));
        set_timeout(move || _ = said.try_set(None), THANKS);
    };
    let on_click = move |_| match (&what, asked_of) {
        (Copied::Text(text), _) => spawn_local(put(text.clone())),
        (Copied::Typed(text), _) => spawn_local(put(text.get_untracked())),
        (Copied::Secret(secret), Some((live, Problem(problem)))) => {
            let secret = secret.clone();
            spawn_local(async move {
                if let Some(text) = secret.fetch(live, problem).await {
                    put(text).await;
                }
            });
        }
        (Copied::Secret(_), None) => {}
    };
    // The button's look and word: as they are, copied, not copied.
    let is_copied = move || said.read().as_deref().map(|words| words == COPIED);
    let glyph = move || is_copied().map_or(glyph, |copied| if copied { Glyph::Check } else { Glyph::Failed });
    let word = (!word.is_empty()).then(|| {
        let word = move || is_copied().map_or(word, |copied| if copied { COPIED } else { "Failed" });
        view! { <span>{word}</span> }
    });
    let title = label.clone();
    view! {
        <button class="button-small needs-script" type="button" aria-label=label title=title on:click=on_click>
            {move || view! { <Icon glyph=glyph() /> }}
            {word}
        </button>
        <span class="heard" role="status">
            {said}
        </span>
    }
}
