//! Address and keys of a project.

use leptos::prelude::*;

use super::{Copied, CopyButton, RevealLink, Sheet, Value};
use crate::{
    key_line::{DOTS, KeyLine},
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
                <Hidden
                    secret=Secret::Jwt
                    name="JWT secret"
                    masked=DOTS.to_owned()
                    hint="signs tokens, for servers only: who has it can be anyone"
                />
            </div>
        </Sheet>
    }
}

#[component]
fn Key(key: KeyLine) -> impl IntoView {
    let KeyLine { id, kind, text } = key;
    if !kind.is_secret() {
        return view! {
            <Value name=kind.title() text=Signal::stored(text.clone()) hint=kind.hint()>
                <CopyButton what=Copied::Text(text) label=format!("Copy {}", kind.title()) />
            </Value>
        }
        .into_any();
    }
    view! { <Hidden secret=Secret::ApiKey(id) name=kind.title() masked=text hint=kind.hint() /> }.into_any()
}

/// A secret that is shown when asked for; until then `masked` stands in its place.
#[component]
fn Hidden(secret: Secret, name: &'static str, masked: String, hint: &'static str) -> impl IntoView {
    let revealed = RwSignal::new(revealed_by_address(&secret));
    let shown = Signal::derive(move || revealed.get().unwrap_or_else(|| masked.clone()));
    view! {
        <Value name text=shown hint>
            <RevealLink secret=secret.clone() label=name at="#api" revealed />
            <CopyButton what=Copied::Secret(secret) label=format!("Copy {name}") />
        </Value>
    }
}
