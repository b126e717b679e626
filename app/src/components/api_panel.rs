//! Address and keys of a project.

use leptos::prelude::*;

use super::{Copied, CopyButton, RevealLink, Sheet, Value};
use crate::{
    key_line::KeyLine,
    live::use_live,
    secret::{Secret, revealed_by_address},
};

/// API URL and keys; secret keys masked.
#[component]
pub(crate) fn ApiPanel() -> impl IntoView {
    let detail = use_live().detail.read_untracked();
    let url = detail.api_url.clone();
    let keys = detail.keys.iter().cloned().map(|key| view! { <Key key /> }).collect_view();
    view! {
        <Sheet id="api" title="API">
            <div class="values">
                <Value name="API URL" text=Signal::stored(url.clone())>
                    <CopyButton what=Copied::Text(url) label="Copy API URL" />
                </Value>
                {keys}
            </div>
        </Sheet>
    }
}

#[component]
fn Key(key: KeyLine) -> impl IntoView {
    let KeyLine { id, kind, text } = key;
    let label = format!("Copy {}", kind.title());
    if !kind.is_secret() {
        return view! {
            <Value name=kind.title() text=Signal::stored(text.clone()) hint=kind.hint()>
                <CopyButton what=Copied::Text(text) label />
            </Value>
        };
    }
    let secret = Secret::ApiKey(id);
    let revealed = RwSignal::new(revealed_by_address(&secret));
    let shown = Signal::derive(move || revealed.get().unwrap_or_else(|| text.clone()));
    view! {
        <Value name=kind.title() text=shown hint=kind.hint()>
            <RevealLink secret=secret.clone() label=kind.title() revealed />
            <CopyButton what=Copied::Secret(secret) label />
        </Value>
    }
}
