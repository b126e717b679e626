//! The list of social providers, each with its fields.

use leptos::prelude::*;

use super::{
    field::Section,
    forms::{PROVIDERS, Provider},
    markup,
    scene::Scene,
};
use crate::components::{Copied, CopyButton, Glyph, Icon};

/// How many are on, and the search for one.
pub(super) fn filter(scene: &Scene) -> AnyView {
    let enabled = PROVIDERS.iter().filter(|provider| scene.flag(&provider.key("enabled"))).count();
    view! {
        <div class="toolbar">
            <p class="text-sm soft">{format!("{enabled} of {} are on", PROVIDERS.len())}</p>
            <form class="filter" method="get" action=scene.address() role="search">
                <input
                    class="input"
                    type="search"
                    name="q"
                    value=wanted(scene)
                    aria-label="Filter by name"
                    placeholder="Filter by name"
                />
                <button class="button" type="submit">
                    "Filter"
                </button>
            </form>
        </div>
    }
    .into_any()
}

fn wanted(scene: &Scene) -> String {
    scene.query.text("q").unwrap_or_default().trim().to_owned()
}

/// All of them; those that the filter leaves out are hidden, so that nothing typed there is lost.
pub(super) fn list(scene: &Scene, sections: &[Section]) -> AnyView {
    let wanted = wanted(scene).to_lowercase();
    let fits = |provider: &Provider| provider.title.to_lowercase().contains(&wanted) || provider.name.contains(&wanted);
    let count = PROVIDERS.iter().filter(|provider| fits(provider)).count();
    let nothing = (count == 0).then(|| view! { <p class="empty">"No provider is found by this."</p> });
    let rows = PROVIDERS.iter().zip(sections).map(|(provider, section)| {
        let is_open = count == 1 || scene.is_at_work(section);
        row(scene, provider, section, is_open, !fits(provider))
    });
    view! {
        {nothing}
        <div class="providers" hidden=count == 0>
            {rows.collect_view()}
        </div>
        <p class="field-hint">
            "Any other OpenID Connect or OAuth 2.0 provider can be added by API, under /auth/v1/admin/custom-providers."
        </p>
    }
    .into_any()
}

fn row(scene: &Scene, provider: &Provider, section: &Section, is_open: bool, is_hidden: bool) -> AnyView {
    let callback = format!("{}/auth/v1/callback", scene.api_url);
    view! {
        <details class="provider" id=provider.name open=is_open hidden=is_hidden>
            <summary>
                <h2>{provider.title}</h2>
                {state(scene, provider)}
            </summary>
            <div class="sheet-body form">
                <div class="field" role="group" aria-label="Callback URL">
                    <span class="label">"Callback URL, to be given to the provider"</span>
                    <span class="callback">
                        <code>{callback.clone()}</code>
                        <CopyButton what=Copied::Text(callback) label="Copy the callback URL" />
                    </span>
                </div>
                {markup::fields(scene, section)}
            </div>
        </details>
    }
    .into_any()
}

fn state(scene: &Scene, provider: &Provider) -> AnyView {
    let is_on = scene.flag(&provider.key("enabled"));
    let is_told = scene.is_set(&provider.key("client_id")) && scene.is_set(&provider.key("secret"));
    if !is_on || is_told {
        return markup::state(is_on, "On", "Off");
    }
    view! {
        <span class="state state-busy">
            <Icon glyph=Glyph::Failed />
            "On, without ID or secret"
        </span>
    }
    .into_any()
}
