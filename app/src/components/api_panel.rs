//! Address and keys of a project.

use control_plane_api::{ApiKey, ApiKeyType};
use leptos::{prelude::*, task::spawn_local};

use super::{CopyButton, Glyph, Icon, RevealLink, Sheet, Value};
use crate::{browser, live::use_live, secret_key, server_fns::reveal_api_key};

/// A secret that the address asked for, for pages without scripts: which one, and the secret.
#[derive(Clone, Debug, Default)]
pub(crate) struct RevealedByAddress(pub(crate) Option<(String, String)>);

/// What the address revealed of `which`.
pub(crate) fn revealed_by_address(which: &str) -> Option<String> {
    let RevealedByAddress(revealed) = use_context().unwrap_or_default();
    revealed.filter(|(name, _)| name == which).map(|(_, secret)| secret)
}

/// API URL and keys; secret keys masked.
#[component]
pub(crate) fn ApiPanel() -> impl IntoView {
    let live = use_live();
    let url = Memo::new(move |_| live.overview.read().project.api_url.clone());
    view! {
        <Sheet id="api" title="API">
            <div class="values">
                <Value name="API URL" text=url>
                    <CopyButton text=url label="Copy API URL" />
                </Value>
                {move || in_order(&live.keys.read()).into_iter().map(|key| view! { <Key key /> }).collect_view()}
            </div>
        </Sheet>
    }
}

#[component]
fn Key(key: ApiKey) -> impl IntoView {
    let (name, hint) = words(&key);
    let is_secret = secret_key::is_secret(&key);
    let revealed = RwSignal::new(is_secret.then(|| revealed_by_address(&key.id)).flatten());
    let masked = key.api_key.clone();
    let text = Signal::derive(move || revealed.get().unwrap_or_else(|| masked.clone()));
    let project_ref = use_live().project_ref();
    let key_id = key.id.clone();
    let fetch = move || reveal_api_key(project_ref.clone(), key_id.clone());
    let buttons = if is_secret {
        let fetch_to_copy = fetch.clone();
        view! {
            <RevealLink which=key.id.clone() label=name revealed fetch />
            <CopySecret label=format!("Copy {name}") fetch=move || fetch_to_copy() />
        }
        .into_any()
    } else {
        view! { <CopyButton text=text label=format!("Copy {name}") /> }.into_any()
    };
    view! {
        <Value name text hint>
            {buttons}
        </Value>
    }
}

/// Copies a secret without showing it.
#[component]
pub(crate) fn CopySecret<Fetch, Fut>(#[prop(into)] label: String, fetch: Fetch) -> impl IntoView
where
    Fetch: Fn() -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<String, crate::DashboardError>> + 'static,
{
    let copied = RwSignal::new(false);
    let on_click = move |_| {
        let secret = fetch();
        spawn_local(async move {
            if let Ok(secret) = secret.await {
                browser::copy(&secret);
                _ = copied.try_set(true);
                set_timeout(move || _ = copied.try_set(false), std::time::Duration::from_secs(2));
            }
        });
    };
    let title = label.clone();
    view! {
        <button class="button-small needs-script" type="button" aria-label=label title=title on:click=on_click>
            {move || {
                let glyph = if copied.get() { Glyph::Check } else { Glyph::Copy };
                view! { <Icon glyph /> }
            }} <span>{move || if copied.get() { "Copied" } else { "Copy" }}</span>
            <span class="heard" role="status">
                {move || copied.get().then_some("Copied")}
            </span>
        </button>
    }
}

/// The new keys first; the legacy ones are there for clients that know no others.
fn in_order(keys: &[ApiKey]) -> Vec<ApiKey> {
    let of = |key_type| keys.iter().filter(move |key| key.key_type == key_type).cloned();
    of(ApiKeyType::Publishable).chain(of(ApiKeyType::Secret)).chain(of(ApiKeyType::Legacy)).collect()
}

fn words(key: &ApiKey) -> (&'static str, &'static str) {
    match (key.key_type, secret_key::is_secret(key)) {
        (ApiKeyType::Publishable, _) => ("Publishable key", "safe in a browser"),
        (ApiKeyType::Secret, _) => ("Secret key", "for servers only, bypasses row level security"),
        (ApiKeyType::Legacy, false) => ("anon key", "legacy JWT, safe in a browser"),
        (ApiKeyType::Legacy, true) => ("service_role key", "legacy JWT, for servers only, bypasses row level security"),
    }
}
