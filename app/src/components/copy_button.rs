//! A button that puts text on the clipboard.

use std::time::Duration;

use leptos::{
    ev::{self, MouseEvent},
    prelude::*,
    task::spawn_local,
};
use wasm_bindgen::JsCast as _;
use web_sys::Element;

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
    let asked_of = use_context::<Live>().zip(use_context::<Problem>());
    let text = if let Copied::Text(text) = &what { Some(text.clone()) } else { None };
    let on_click = move |click: MouseEvent| {
        let Some(button) = pressed(&click) else { return };
        match (&what, asked_of) {
            (Copied::Typed(text), _) => spawn_local(copy(button, text.get_untracked())),
            (Copied::Secret(secret), Some((live, Problem(problem)))) => {
                let secret = secret.clone();
                spawn_local(async move {
                    if let Some(text) = secret.fetch(live, problem).await {
                        copy(button, text).await;
                    }
                });
            }
            // As on pages that are HTML: see `provide_copying`.
            (Copied::Text(_), _) | (Copied::Secret(_), None) => {}
        }
    };
    let title = label.clone();
    view! {
        <button class="button-small needs-script" type="button" data-copy=text aria-label=label title=title on:click=on_click>
            <Icon glyph />
            {(!word.is_empty()).then_some(word)}
        </button>
        <span class="heard" role="status"></span>
    }
}

/// Has every button that says in `data-copy` what it copies do so.
pub(crate) fn provide_copying() {
    Effect::new(|_| {
        // Lives as long as the app.
        drop(window_event_listener(ev::click, |click| {
            let button = pressed(&click);
            if let Some((button, text)) = button.and_then(|button| button.get_attribute("data-copy").map(|text| (button, text))) {
                spawn_local(copy(button, text));
            }
        }));
    });
}

/// The button that a click was on.
fn pressed(click: &MouseEvent) -> Option<Element> {
    click.target()?.dyn_into::<Element>().ok()?.closest("button").ok().flatten()
}

/// Copies the text and says so: on the button for a while, and beside it to who listens.
async fn copy(button: Element, text: String) {
    let (seen, heard) = if browser::copy(&text).await { (COPIED, COPIED) } else { ("Failed", NOT_COPIED) };
    let status = button.next_element_sibling();
    _ = button.set_attribute("data-said", seen);
    status.iter().for_each(|status| status.set_text_content(Some(heard)));
    let forget = move || {
        _ = button.remove_attribute("data-said");
        status.iter().for_each(|status| status.set_text_content(None));
    };
    set_timeout(forget, THANKS);
}
