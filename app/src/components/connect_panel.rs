//! Code to paste, with the project's address and key already in it.

use leptos::prelude::*;

use super::{Copied, CopyButton, Sheet};
use crate::{key_line, live::use_live, snippets::Client};

/// One tab for each client. Radio buttons and CSS, so that they switch without scripts.
#[component]
pub(crate) fn ConnectPanel() -> impl IntoView {
    let detail = use_live().detail.read_untracked();
    let key = key_line::for_clients(&detail.keys).map_or("YOUR_KEY", |key| key.text.as_str());
    let panels = Client::ALL.map(|client| {
        let code = client.snippet(&detail.api_url, key);
        let what = Copied::Text(code.clone());
        view! {
            <div class="tab-panel" data-client=client.label() role="group" aria-label=format!("{} snippet", client.label())>
                <div class="tab-panel-head">
                    <p class="text-sm soft">
                        {match client.install() {
                            Some(install) => view! { <code>{install}</code> }.into_any(),
                            None => view! { <span>"Nothing to install"</span> }.into_any(),
                        }}
                    </p>
                    <CopyButton what label=format!("Copy {} snippet", client.label()) />
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
