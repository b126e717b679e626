//! Shows a secret, or hides it again. A link, so that it works without scripts.

use leptos::{prelude::*, task::spawn_local};

use super::{Glyph, Icon};
use crate::DashboardError;

/// `which` is the word in `?reveal=…`. `fetch` gets the secret; `revealed` holds it while it is shown.
#[component]
pub(crate) fn RevealLink<Fetch, Fut>(
    #[prop(into)] which: String,
    #[prop(into)] label: String,
    revealed: RwSignal<Option<String>>,
    fetch: Fetch,
) -> impl IntoView
where
    Fetch: Fn() -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<String, DashboardError>> + 'static,
{
    let shown = Memo::new(move |_| revealed.read().is_some());
    let on_click = move |click: leptos::ev::MouseEvent| {
        click.prevent_default();
        if shown.get_untracked() {
            revealed.set(None);
            return;
        }
        let secret = fetch();
        spawn_local(async move {
            if let Ok(secret) = secret.await {
                _ = revealed.try_set(Some(secret));
            }
        });
    };
    let href = move || if shown.get() { "?".to_owned() } else { format!("?reveal={which}") };
    let name = move || format!("{} {label}", if shown.get() { "Hide" } else { "Reveal" });
    view! {
        <a class="button-small" href=href aria-label=name rel="nofollow" on:click=on_click>
            {move || {
                let glyph = if shown.get() { Glyph::EyeOff } else { Glyph::Eye };
                view! { <Icon glyph /> }
            }} <span>{move || if shown.get() { "Hide" } else { "Reveal" }}</span>
        </a>
    }
}
