//! Code to paste, with the project's address and key already in it.

use leptos::prelude::*;

use super::{CopyButton, Sheet};
use crate::{live::use_live, secret_key, snippets::Client};

/// One tab for each client. Radio buttons and CSS, so that they switch without scripts.
#[component]
pub(crate) fn ConnectPanel() -> impl IntoView {
    let live = use_live();
    let key = Memo::new(move |_| {
        live.keys.with(|keys| secret_key::for_clients(keys).map_or_else(|| "YOUR_KEY".to_owned(), |key| key.api_key.clone()))
    });
    let url = Memo::new(move |_| live.overview.read().project.api_url.clone());
    let panels = Client::ALL.map(|client| {
        let code = Memo::new(move |_| client.snippet(&url.read(), &key.read()));
        view! {
            <div class="tab-panel" data-client=client.label() role="group" aria-label=format!("{} snippet", client.label())>
                <div class="tab-panel-head">
                    <p class="text-sm soft">
                        {match client.install() {
                            Some(install) => view! { <code>{install}</code> }.into_any(),
                            None => view! { <span>"Nothing to install"</span> }.into_any(),
                        }}
                    </p>
                    <CopyButton text=code label=format!("Copy {} snippet", client.label()) />
                </div>
                <pre tabindex="0" role="region" aria-label=format!("{} code", client.label())>
                    <code>{code}</code>
                </pre>
            </div>
        }
    });
    let names = Client::ALL.map(|client| {
        view! {
            <label>
                <input type="radio" name="client" value=client.label() checked=client == Client::SupabaseJs />
                {client.label()}
            </label>
        }
    });
    view! {
        <Sheet id="connect" title="Connect">
            <div class="tabs">
                <div class="tab-names" role="radiogroup" aria-label="Client">
                    {names}
                </div>
                <div class="tab-panels">{panels}</div>
            </div>
        </Sheet>
    }
}
