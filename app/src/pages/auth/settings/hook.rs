//! A hook: off, a function of the database, or an address.

use leptos::prelude::*;
use serde_json::{Map, Value, json};

use super::{field::Section, forms::Hook, markup, scene::Scene, typed::Typed};
use crate::components::{Copied, CopyButton, Glyph, Icon};

const FUNCTIONS: &str = "pg-functions://postgres/";
/// The field with a secret that was made up.
pub(super) const MADE: &str = "made";

/// A field of the hook's that is no key of the document's.
pub(super) fn named(hook: &str, field: &str) -> String {
    format!("{hook}-{field}")
}

/// A hook, with its state in its head.
pub(super) fn section(scene: &Scene, hook: &Hook, section: &Section) -> AnyView {
    let shown = Shown::of(scene, hook);
    let content = view! {
        <div class="sheet-body form hook">
            <p class="field-hint">{hook.intro}</p>
            {ways(hook, shown.way)}
            {function(scene, hook, &shown)}
            {address(scene, hook, section, &shown)}
        </div>
    };
    let state = markup::state(scene.flag(&hook.key("enabled")), "On", "Off");
    markup::sheet(hook.name, hook.title, Some(state), content.into_any())
}

/// What stands in the fields, which are not the document's: the way, a function's name, an address.
struct Shown {
    way: &'static str,
    function: String,
    url: String,
    /// A secret that was made up for the form and is not saved yet.
    made: String,
    error: Option<String>,
    secret_error: Option<String>,
}

const OFF: &str = "off";
const FUNCTION: &str = "function";
const HTTPS: &str = "https";
const WAY: &str = "way";
const URL: &str = "url";

impl Shown {
    fn of(scene: &Scene, hook: &Hook) -> Self {
        let (error, secret_error) = (scene.error(&hook.key("uri")), scene.error(&hook.key("secrets")));
        if let Some(typed) = scene.sent() {
            let text = |field: &str| typed.text(&named(hook.name, field)).unwrap_or_default().to_owned();
            let way = way(hook, typed);
            return Self { way, function: text(FUNCTION), url: text(URL), made: text(MADE), error, secret_error };
        }
        let uri = scene.text(&hook.key("uri"));
        let is_function = uri.starts_with(FUNCTIONS);
        Self {
            way: match (scene.flag(&hook.key("enabled")), is_function) {
                (false, _) => OFF,
                (true, true) => FUNCTION,
                (true, false) => HTTPS,
            },
            function: uri.strip_prefix(FUNCTIONS).map(|name| name.replacen('/', ".", 1)).unwrap_or_default(),
            url: if is_function { String::new() } else { uri.to_owned() },
            made: String::new(),
            error,
            secret_error,
        }
    }
}

fn way(hook: &Hook, typed: &Typed) -> &'static str {
    match typed.text(&named(hook.name, WAY)) {
        Some(FUNCTION) => FUNCTION,
        Some(HTTPS) => HTTPS,
        _ => OFF,
    }
}

/// What the form means for the document's keys. One that is switched off keeps its address.
pub(super) fn into_keys(hook: &Hook, typed: &mut Typed) {
    let text = |field: &str| typed.text(&named(hook.name, field)).unwrap_or_default().trim().to_owned();
    let (way, name, url, made) = (way(hook, typed), text(FUNCTION).replacen('.', "/", 1), text(URL), text(MADE));
    let before: Map<String, Value> =
        typed.text(super::typed::BEFORE).and_then(|before| serde_json::from_str(before).ok()).unwrap_or_default();
    let uri = match way {
        FUNCTION if name.is_empty() => String::new(),
        FUNCTION => format!("{FUNCTIONS}{name}"),
        HTTPS => url,
        _ => before.get(&hook.key("uri")).and_then(Value::as_str).unwrap_or_default().to_owned(),
    };
    if way != OFF {
        typed.set(&hook.key("enabled"), json!(true).to_string());
    }
    typed.set(&hook.key("uri"), uri);
    if !made.is_empty() {
        typed.set(&hook.key("secrets"), made);
    }
}

fn ways(hook: &Hook, chosen: &'static str) -> AnyView {
    let choices = [(OFF, "Off"), (FUNCTION, "PostgreSQL function"), (HTTPS, "HTTPS")].map(|(value, name)| {
        view! {
            <label class="choice">
                <input type="radio" name=named(hook.name, WAY) value=value checked=value == chosen />
                <span>{name}</span>
            </label>
        }
    });
    view! {
        <fieldset class="ways">
            <legend class="heard">{format!("{}: how it is asked", hook.title)}</legend>
            {choices}
        </fieldset>
    }
    .into_any()
}

fn function(scene: &Scene, hook: &Hook, shown: &Shown) -> AnyView {
    let (id, list, hint) =
        (format!("{}-function", hook.name), format!("{}-functions", hook.name), format!("{}-function-hint", hook.name));
    let known = scene.functions.as_deref();
    let options = known
        .unwrap_or_default()
        .iter()
        .map(|function| view! { <option value=format!("{}.{}", function.schema, function.name)></option> });
    let hint_text = match known {
        Some([]) => "The database has no function that takes one jsonb and answers jsonb.",
        Some(_) => "One that takes one jsonb and answers jsonb; those that there are, are offered.",
        None => "One that takes one jsonb and answers jsonb. Those that there are can be listed only while the project runs.",
    };
    let chosen =
        known.unwrap_or_default().iter().find(|function| format!("{}.{}", function.schema, function.name) == shown.function);
    let missing = known.is_some() && chosen.is_none() && !shown.function.is_empty();
    let warning = match chosen {
        Some(function) if !function.callable => {
            let (schema, name) = (&function.schema, &function.name);
            Some(format!(
                "Auth may not call it. Run: grant usage on schema {schema} to supabase_auth_admin; \
                 grant execute on function {schema}.{name} to supabase_auth_admin;"
            ))
        }
        _ if missing => Some("There is no such function in the database.".to_owned()),
        _ => None,
    };
    let error = shown.error.clone().filter(|_| shown.way == FUNCTION);
    view! {
        <div class="field" data-way=FUNCTION>
            <label for=id.clone()>"Function"</label>
            <input
                class="input"
                id=id
                name=named(hook.name, FUNCTION)
                list=list.clone()
                value=shown.function.clone()
                placeholder="public.my_hook"
                autocomplete="off"
                spellcheck="false"
                aria-describedby=hint.clone()
                aria-invalid=error.as_ref().map(|_| "true")
                autofocus=error.is_some()
            />
            <datalist id=list>{options.collect_view()}</datalist>
            <div id=hint>
                <p class="field-hint">{hint_text}</p>
                {warning
                    .map(|warning| {
                        view! {
                            <p class="field-warning">
                                <Icon glyph=Glyph::Failed />
                                {warning}
                            </p>
                        }
                    })}
                {error.map(|error| view! { <p class="field-error">{error}</p> })}
            </div>
        </div>
    }
    .into_any()
}

fn address(scene: &Scene, hook: &Hook, section: &Section, shown: &Shown) -> AnyView {
    let (id, hint) = (format!("{}-url", hook.name), format!("{}-url-hint", hook.name));
    let error = shown.error.clone().filter(|_| shown.way == HTTPS);
    view! {
        <div class="field" data-way=HTTPS>
            <label for=id.clone()>"URL"</label>
            <input
                class="input"
                id=id
                name=named(hook.name, URL)
                value=shown.url.clone()
                placeholder="https://app.example.com/hook"
                autocomplete="off"
                spellcheck="false"
                aria-describedby=hint.clone()
                aria-invalid=error.as_ref().map(|_| "true")
                autofocus=error.is_some()
            />
            <div id=hint>
                <p class="field-hint">"https, or http on this machine."</p>
                {error.map(|error| view! { <p class="field-error">{error}</p> })}
            </div>
        </div>
        <div data-way=HTTPS>{secret(scene, hook, section, shown)}</div>
    }
    .into_any()
}

fn secret(scene: &Scene, hook: &Hook, section: &Section, shown: &Shown) -> AnyView {
    let key = hook.key("secrets");
    let Some(field) = section.fields.iter().find(|field| *field.key == *key) else { return ().into_any() };
    let mut field = field.clone();
    field.label = "Signing secret".into();
    field.hint = "Of Standard Webhooks, v1,whsec_…; several with | between them, each of which signs.".into();
    let described = markup::described(&field, &shown.secret_error);
    let made = (!shown.made.is_empty()).then(|| {
        view! {
            <div class="command" role="group" aria-label="New secret" tabindex="-1" autofocus=true>
                <code>{shown.made.clone()}</code>
                <CopyButton what=Copied::Text(shown.made.clone()) label="Copy the new secret" />
            </div>
            <input type="hidden" name=named(hook.name, MADE) value=shown.made.clone() />
        }
    });
    let input = match made {
        Some(made) => made.into_any(),
        None => view! {
            {markup::secret(scene, &field, &described)}
            <button class="button-small justify-self-start" type="submit" name=markup::ASK value=format!("make-secret {}", hook.name)>
                <Icon glyph=Glyph::Plus />
                "Make one up"
            </button>
        }
        .into_any(),
    };
    markup::labelled(&field, None, input, shown.secret_error.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::auth::settings::forms::HOOKS;

    fn keys(typed: &[(&str, &str)], was: &Value) -> Value {
        let hook = &HOOKS[0];
        let named = |(field, text): &(&str, &str)| (named(hook.name, field), (*text).to_owned());
        let mut typed = Typed(typed.iter().map(named).collect());
        typed.set("was", was.to_string());
        into_keys(hook, &mut typed);
        Value::Object(typed.changes(&[hook.section()]))
    }

    #[test]
    fn a_way_becomes_the_document_s_keys() {
        let off = json!({ "hook_custom_access_token_enabled": false, "hook_custom_access_token_uri": null });
        let function = keys(&[("way", "function"), ("function", " public.claims ")], &off);
        let uri = "pg-functions://postgres/public/claims";
        assert_eq!(function, json!({ "hook_custom_access_token_enabled": true, "hook_custom_access_token_uri": uri }));
        let https = keys(&[("way", "https"), ("url", "https://a.test"), ("function", "public.claims")], &off);
        assert_eq!(https["hook_custom_access_token_uri"], "https://a.test");
        assert_eq!(keys(&[("way", "off"), ("function", "x")], &off), json!({}));
    }

    #[test]
    fn a_hook_that_is_switched_off_keeps_its_address() {
        let on = json!({ "hook_custom_access_token_enabled": true, "hook_custom_access_token_uri": "https://a.test" });
        let off = keys(&[("way", "off"), ("url", "https://a.test")], &on);
        assert_eq!(off, json!({ "hook_custom_access_token_enabled": false }));
    }
}
