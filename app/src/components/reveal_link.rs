//! Shows a secret, or hides it again. A link, so that it works without scripts.

use leptos::{prelude::*, task::spawn_local};

use super::{Glyph, Icon, Problem};
use crate::{live::use_live, secret::Secret};

/// `revealed` holds the secret while it is shown. `at` is where on the page it is, such as `#api`.
#[component]
pub(crate) fn RevealLink(
    secret: Secret,
    label: &'static str,
    at: &'static str,
    revealed: RwSignal<Option<String>>,
) -> impl IntoView {
    let live = use_live();
    let Problem(problem) = expect_context();
    let shown = move || revealed.read().is_some();
    let which = secret.word().to_owned();
    let on_click = move |click: leptos::ev::MouseEvent| {
        click.prevent_default();
        if revealed.read_untracked().is_some() {
            revealed.set(None);
            return;
        }
        let secret = secret.clone();
        spawn_local(async move {
            if let Some(text) = secret.fetch(live, problem).await {
                _ = revealed.try_set(Some(text));
            }
        });
    };
    let href = move || if shown() { format!("?{at}") } else { format!("?reveal={which}{at}") };
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
