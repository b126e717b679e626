//! Shows a secret, or hides it again. A link, so that it works without scripts.

use leptos::{prelude::*, task::spawn_local};

use super::{Glyph, Icon};
use crate::{live::use_live, secret::Secret};

/// `revealed` holds the secret while it is shown.
#[component]
pub(crate) fn RevealLink(secret: Secret, label: &'static str, revealed: RwSignal<Option<String>>) -> impl IntoView {
    let live = use_live();
    let shown = move || revealed.read().is_some();
    let which = secret.word();
    let on_click = move |click: leptos::ev::MouseEvent| {
        click.prevent_default();
        if revealed.read_untracked().is_some() {
            revealed.set(None);
            return;
        }
        let secret = secret.clone();
        spawn_local(async move {
            if let Ok(text) = secret.fetch(live).await {
                _ = revealed.try_set(Some(text));
            }
        });
    };
    let href = move || if shown() { "?".to_owned() } else { format!("?reveal={which}") };
    let name = move || format!("{} {label}", if shown() { "Hide" } else { "Reveal" });
    view! {
        <a class="button-small" href=href aria-label=name rel="nofollow" on:click=on_click>
            {move || {
                let glyph = if shown() { Glyph::EyeOff } else { Glyph::Eye };
                view! { <Icon glyph /> }
            }} <span>{move || if shown() { "Hide" } else { "Reveal" }}</span>
        </a>
    }
}
