//! The list of social providers, each with its form.

use leptos::prelude::*;

use super::{
    field::Form,
    forms::{PROVIDERS, Provider},
    markup,
    scene::Scene,
};

/// Those that the filter leaves.
pub(super) fn list(scene: &Scene, forms: &[Form]) -> AnyView {
    let wanted = scene.query.text("q").unwrap_or_default().trim().to_owned();
    let fits = |provider: &Provider| {
        let lower = wanted.to_lowercase();
        provider.title.to_lowercase().contains(&lower) || provider.name.contains(&lower)
    };
    let shown: Vec<_> = PROVIDERS.iter().zip(forms).filter(|(provider, _)| fits(provider)).collect();
    let alone = shown.len() == 1;
    let enabled = PROVIDERS.iter().filter(|provider| scene.flag(&provider.key("enabled"))).count();
    let nothing = shown.is_empty().then(|| view! { <p class="empty">"No provider is found by this."</p> });
    let rows = shown.into_iter().map(|(provider, form)| row(scene, provider, form, alone)).collect_view();
    view! {
        <div class="toolbar">
            <p class="text-sm soft">{format!("{enabled} of {} are on", PROVIDERS.len())}</p>
            <form class="filter" method="get" action=scene.address() role="search">
                <input class="input" type="search" name="q" value=wanted aria-label="Filter by name" placeholder="Filter by name" />
                <button class="button" type="submit">
                    "Filter"
                </button>
            </form>
        </div>
        {nothing}
        <div class="providers">{rows}</div>
        <p class="field-hint">
            "Any other OpenID Connect or OAuth 2.0 provider can be added by API, under /auth/v1/admin/custom-providers."
        </p>
    }
    .into_any()
}

fn row(scene: &Scene, provider: &Provider, form: &Form, alone: bool) -> AnyView {
    let is_open = alone || scene.reply(provider.name).is_some() || scene.is_saved(provider.name);
    let is_on = scene.flag(&provider.key("enabled"));
    let is_told = scene.is_set(&provider.key("client_id")) && scene.is_set(&provider.key("secret"));
    let state = match (is_on, is_told) {
        (true, true) => markup::state(true, "On", ""),
        (true, false) => view! {
            <span class="state state-busy">
                <crate::components::Icon glyph=crate::components::Glyph::Failed />
                "On, without ID or secret"
            </span>
        }
        .into_any(),
        (false, _) => markup::state(false, "", "Off"),
    };
    let typed = scene.typed(form);
    let fields = form.fields.iter().map(|field| markup::field(scene, form, field, &typed)).collect_view();
    let callback = format!("{}/auth/v1/callback", scene.api_url);
    view! {
        <details class="provider" id=provider.name name="provider" open=is_open>
            <summary>
                <h2>{provider.title}</h2>
                {state}
            </summary>
            {markup::posted(
                scene,
                form,
                view! {
                    <div class="sheet-body form">
                        <div class="field" role="group" aria-label="Callback URL">
                            <span class="label">"Callback URL, to be given to the provider"</span>
                            <span class="callback">
                                <code>{callback.clone()}</code>
                                {markup::copy(callback, "Copy the callback URL")}
                            </span>
                        </div>
                        {fields}
                    </div>
                    {markup::footer(scene, form, None)}
                }
                    .into_any(),
            )}
        </details>
    }
    .into_any()
}
