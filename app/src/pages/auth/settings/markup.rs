//! A form of settings as HTML. It posts to its own page and needs no scripts.

use leptos::prelude::*;

use super::{
    super::markup::mark,
    field::{Field, Kind, Section},
    scene::Scene,
    typed::{BEFORE, REMOVED, Typed},
};
use crate::components::{Copied, CopyButton, Glyph, Icon};

/// Characters of a line in a text's field.
const WIDTH: usize = 84;

/// The name of the buttons that send a form, with what they ask for as their value.
pub(super) const ASK: &str = "ask";

/// The page's form around its sections: one, so that nothing typed is lost where something else is saved.
pub(super) fn form(scene: &Scene, sections: AnyView, tools: Option<AnyView>) -> AnyView {
    let typed = scene.typed();
    let meaning = || serde_json::Value::Object(typed.meaning(&scene.sections())).to_string();
    let before = typed.text(BEFORE).map_or_else(meaning, str::to_owned);
    let action = match scene.mail() {
        Some(mail) => format!("{}?mail={}", scene.address(), mail.name()),
        None => scene.address(),
    };
    view! {
        <form class="project-column" method="post" action=action>
            <input type="hidden" name=BEFORE value=before />
            // What Enter does in a field is what the first button does.
            <button class="heard" type="submit" name=ASK value="save" tabindex="-1" aria-hidden="true"></button>
            {sections}
            {save_bar(scene, tools)}
        </form>
    }
    .into_any()
}

/// A section with all its fields; `more` stands below them.
pub(super) fn section(scene: &Scene, section: &Section, more: Option<AnyView>) -> AnyView {
    let intro = (!section.intro.is_empty()).then(|| view! { <p class="field-hint">{section.intro.to_string()}</p> });
    let content = view! {
        <div class="sheet-body form">{intro} {fields(scene, section)} {more}</div>
    };
    sheet(&section.id, &section.title, None, content.into_any())
}

/// A titled part of the page; `state` stands at the other end of its head.
pub(super) fn sheet(id: &str, title: &str, state: Option<AnyView>, content: AnyView) -> AnyView {
    let title_id = format!("{id}-title");
    let labelled_by = title_id.clone();
    view! {
        <section class="sheet" id=id.to_owned() aria-labelledby=labelled_by>
            <div class="sheet-head">
                <h2 id=title_id>{title.to_owned()}</h2>
                {state}
            </div>
            {content}
        </section>
    }
    .into_any()
}

/// The section's fields, with what stands in them.
pub(super) fn fields(scene: &Scene, section: &Section) -> AnyView {
    let typed = scene.typed();
    section.fields.iter().map(|one| field(scene, one, &typed)).collect_view().into_any()
}

/// What has become of the form, and its buttons: always in sight.
fn save_bar(scene: &Scene, tools: Option<AnyView>) -> AnyView {
    let reply = scene.reply.as_ref();
    let has_errors = reply.is_some_and(|reply| !reply.errors.is_empty());
    let alert = reply.and_then(|reply| reply.alert.clone()).map(|alert| {
        view! {
            // Where a field is wrong, the focus is there.
            <div class="alert" role="alert" tabindex="-1" autofocus=!has_errors>
                <Icon glyph=Glyph::Failed />
                <p>{alert}</p>
            </div>
        }
    });
    let saved = scene.is_saved().then(|| {
        let runs = scene.state == control_plane_api::ProjectState::Running;
        if runs { "Saved, and in force now." } else { "Saved. In force as soon as the project runs." }.to_owned()
    });
    let said = saved.or_else(|| reply.and_then(|reply| reply.said.clone()));
    let said = said.map(|said| {
        view! {
            <p class="said" role="status" tabindex="-1" autofocus=true>
                <Icon glyph=Glyph::Check />
                {said}
            </p>
        }
    });
    let command = reply.and_then(|reply| reply.command.clone()).map(|command| {
        view! {
            <div class="command" role="group" aria-label="This change as a command" tabindex="-1" autofocus=true>
                <code>{command.clone()}</code>
                <CopyButton what=Copied::Text(command) label="Copy the command" />
            </div>
        }
    });
    view! {
        <div class="sheet save-bar">
            {alert} {said} {command}
            <div class="form-actions">
                <button class="button button-primary" type="submit" name=ASK value="save">
                    "Save"
                </button>
                {tools}
                <button class="button" type="submit" name=ASK value="command">
                    <Icon glyph=Glyph::Terminal />
                    "Show as curl"
                </button>
            </div>
        </div>
    }
    .into_any()
}

/// A state in a word.
pub(super) fn state(is_on: bool, on: &'static str, off: &'static str) -> AnyView {
    let (class, glyph, word) =
        if is_on { ("state state-good", Glyph::Check, on) } else { ("state state-idle", Glyph::Minus, off) };
    mark(class, glyph, word)
}

/// A field with its label, what belongs there and what is wrong.
fn field(scene: &Scene, field: &Field, typed: &Typed) -> AnyView {
    let error = scene.error(&field.key);
    let inner = match field.kind {
        Kind::Flag | Kind::Unless => flag(field, typed, error),
        Kind::Rows => {
            let is_new = scene.reply.as_ref().is_some_and(|reply| reply.row_of.as_deref() == Some(&*field.key));
            rows(field, typed, error, is_new)
        }
        Kind::Secret => labelled(field, None, secret(scene, field, &described(field, &error)), error),
        Kind::Number(unit) => {
            let input = text_input(field, typed, &described(field, &error), true);
            let input = view! { <div class="input-unit">{input} <span class="text-sm soft">{unit}</span></div> }.into_any();
            labelled(field, scene.default_of(field), input, error)
        }
        Kind::Hours => {
            let input = text_input(field, typed, &described(field, &error), true);
            let input = view! { <div class="input-unit">{input} <span class="text-sm soft">"hours"</span></div> }.into_any();
            labelled(field, None, input, error)
        }
        Kind::Text => labelled(field, scene.default_of(field), text_input(field, typed, &described(field, &error), false), error),
        Kind::Area => {
            let area = area(field, typed.text(&field.key).unwrap_or_default(), &described(field, &error));
            labelled(field, scene.default_of(field), area, error)
        }
        Kind::Choice(choices) => {
            let chosen = typed.text(&field.key).unwrap_or_default().to_owned();
            let options =
                choices.iter().map(|(value, name)| view! { <option value=*value selected=*value == chosen>{*name}</option> });
            let described = described(field, &error);
            let select = view! {
                <select class="input" id=field.key.to_string() name=field.key.to_string() aria-describedby=described.ids aria-invalid=described.invalid>
                    {options.collect_view()}
                </select>
            };
            labelled(field, None, select.into_any(), error)
        }
    };
    match field.only {
        Some((key, value)) => view! { <div data-only=format!("{key}={value}")>{inner}</div> }.into_any(),
        None => inner,
    }
}

/// How an input is tied to its hint and error.
pub(super) struct Described {
    pub(super) ids: String,
    pub(super) invalid: Option<&'static str>,
}

pub(super) fn described(field: &Field, error: &Option<String>) -> Described {
    Described { ids: format!("{0}-hint {0}-error", field.key), invalid: error.as_ref().map(|_| "true") }
}

/// The label above and the words below an input.
pub(super) fn labelled(field: &Field, default: Option<String>, input: AnyView, error: Option<String>) -> AnyView {
    view! {
        <div class="field">
            <label for=field.key.to_string()>{field.label.to_string()}</label>
            {input}
            {below(field, default, error)}
        </div>
    }
    .into_any()
}

fn below(field: &Field, default: Option<String>, error: Option<String>) -> AnyView {
    let default = default.map(|default| format!("Default: {default}."));
    let hint = [Some(field.hint.to_string()).filter(|hint| !hint.is_empty()), default].into_iter().flatten();
    let hint = hint.collect::<Vec<_>>().join(" ");
    let error = error.map(|error| view! { <p class="field-error">{error}</p> });
    view! {
        {(!hint.is_empty())
            .then(|| {
                view! {
                    <p class="field-hint" id=format!("{}-hint", field.key)>
                        {hint}
                    </p>
                }
            })}
        <div id=format!("{}-error", field.key)>{error}</div>
    }
    .into_any()
}

fn flag(field: &Field, typed: &Typed, error: Option<String>) -> AnyView {
    let described = described(field, &error);
    view! {
        <div class="field">
            <label class="choice">
                <input
                    type="checkbox"
                    id=field.key.to_string()
                    name=field.key.to_string()
                    value="true"
                    checked=typed.text(&field.key).is_some()
                    aria-describedby=described.ids
                    aria-invalid=described.invalid
                    autofocus=error.is_some()
                />
                <span>{field.label.to_string()}</span>
            </label>
            {below(field, None, error)}
        </div>
    }
    .into_any()
}

pub(super) fn text_input(field: &Field, typed: &Typed, described: &Described, is_number: bool) -> AnyView {
    view! {
        <input
            class="input"
            id=field.key.to_string()
            name=field.key.to_string()
            type="text"
            inputmode=is_number.then_some("decimal")
            value=typed.text(&field.key).unwrap_or_default().to_owned()
            autocomplete="off"
            spellcheck="false"
            aria-describedby=described.ids.clone()
            aria-invalid=described.invalid
            autofocus=described.invalid.is_some()
        />
    }
    .into_any()
}

pub(super) fn area(field: &Field, text: &str, described: &Described) -> AnyView {
    // As many as the text fills on a wide screen.
    let rows = text.lines().map(|line| 1 + line.len() / WIDTH).sum::<usize>().clamp(3, 24).to_string();
    view! {
        <textarea
            class="input area"
            id=field.key.to_string()
            name=field.key.to_string()
            rows=rows
            spellcheck="false"
            aria-describedby=described.ids.clone()
            aria-invalid=described.invalid
            autofocus=described.invalid.is_some()
        >
            // A browser leaves out the first end of line.
            {format!("\n{text}")}
        </textarea>
    }
    .into_any()
}

/// An input that is always empty, and whether there is something to keep.
pub(super) fn secret(scene: &Scene, field: &Field, described: &Described) -> AnyView {
    let is_set = scene.is_set(&field.key);
    let removed = format!("{}{REMOVED}", field.key);
    view! {
        <div class="input-unit">
            <input
                class="input"
                id=field.key.to_string()
                name=field.key.to_string()
                type="password"
                placeholder=is_set.then_some("Leave empty to keep it")
                autocomplete="new-password"
                aria-describedby=described.ids.clone()
                aria-invalid=described.invalid
                autofocus=described.invalid.is_some()
            />
            {state(is_set, "Set", "Not set")}
        </div>
        {is_set
            .then(|| {
                view! {
                    <label class="choice">
                        <input type="checkbox" name=removed value="true" />
                        <span>"Remove it"</span>
                    </label>
                }
            })}
    }
    .into_any()
}

/// A row for each entry and one more; each can be taken away. `is_new`: rows were just added or taken away.
fn rows(field: &Field, typed: &Typed, error: Option<String>, is_new: bool) -> AnyView {
    let key = field.key.to_string();
    let mut texts: Vec<String> = typed.all(&key).map(str::to_owned).collect();
    if texts.last().is_none_or(|last| !last.is_empty()) {
        texts.push(String::new());
    }
    let described = described(field, &error);
    let count = texts.len();
    let rows = texts.into_iter().enumerate().map(|(at, text)| {
        let label = format!("{}, row {}", field.label, at + 1);
        let remove = (!text.is_empty()).then(|| {
            view! {
                <button class="button-small" type="submit" name=ASK value=format!("remove {at} {key}") aria-label=format!("Remove row {}", at + 1)>
                    <Icon glyph=Glyph::Close />
                </button>
            }
        });
        view! {
            <div class="input-unit">
                <input
                    class="input"
                    name=key.clone()
                    type="text"
                    value=text
                    autocomplete="off"
                    spellcheck="false"
                    aria-label=label
                    aria-describedby=described.ids.clone()
                    aria-invalid=described.invalid
                    autofocus=(described.invalid.is_some() && at == 0) || (is_new && at + 1 == count)
                />
                {remove}
            </div>
        }
    });
    let legend = field.label.to_string();
    view! {
        <fieldset class="field" id=key.clone()>
            <legend>{legend}</legend>
            {rows.collect_view()}
            <button class="button-small justify-self-start" type="submit" name=ASK value=format!("add {key}")>
                <Icon glyph=Glyph::Plus />
                "Add a row"
            </button>
            {below(field, None, error)}
        </fieldset>
    }
    .into_any()
}
