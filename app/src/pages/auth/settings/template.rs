//! The mails: a list of them, and one to be edited beside what its reader would see.

use auth_settings::MailKind;
use leptos::prelude::*;

use super::{
    super::markup::ask_first,
    field::{Field, Section},
    forms::mail_title,
    markup,
    scene::{Example, Part, Scene},
    typed::Typed,
};
use crate::components::{Glyph, Icon};

/// Every mail, and whose words it has.
pub(super) fn list(scene: &Scene) -> AnyView {
    let lines = MailKind::ALL.map(|kind| {
        let name = kind.name();
        let is_own = is_own(scene, kind);
        let is_off = kind.event().is_some_and(|event| !scene.flag(&format!("mailer_notifications_{event}_enabled")));
        view! {
            <li class="template-line">
                <a class="ledger-name" href=format!("{}?mail={name}", scene.address()) rel="external">
                    {mail_title(kind)}
                </a>
                <span class="text-sm soft">
                    {match (is_own, is_off) {
                        (true, false) => "Your own",
                        (false, false) => "Standard",
                        (true, true) => "Your own, not sent",
                        (false, true) => "Not sent",
                    }}
                </span>
            </li>
        }
    });
    markup::sheet("templates", "Mails", None, view! { <ul class="templates">{lines}</ul> }.into_any())
}

/// The project has words of its own for it.
fn is_own(scene: &Scene, kind: MailKind) -> bool {
    let name = kind.name();
    scene.is_set(&format!("mailer_subjects_{name}")) || scene.is_set(&format!("mailer_templates_{name}_content"))
}

/// Subject and text of one mail; below, the mail.
pub(super) fn editor(scene: &Scene, kind: MailKind, sections: &[Section]) -> AnyView {
    let typed = scene.typed();
    let example = scene.example.clone().unwrap_or_default();
    let fields = sections.iter().flat_map(|section| &section.fields);
    let fields = fields.map(|field| source(scene, field, &typed, &example)).collect_view();
    let tools = view! {
        <button class="button" type="submit" name=markup::ASK value="preview">
            "Preview"
        </button>
    };
    let standard = is_own(scene, kind).then(back_to_the_standard);
    let hooked = scene.flag("hook_send_email_enabled").then(|| {
        view! { <p class="field-hint">"The hook Send e-mail is on: it sends mails in its own words, not in these."</p> }
    });
    let texts = view! { <div class="sheet-body form">{hooked} {fields} {variables(&example)} {standard}</div> };
    let form = view! {
        {markup::sheet("template", mail_title(kind), None, texts.into_any())}
        {preview(scene)}
    };
    view! {
        <a class="back" href=scene.address() rel="external">
            "All messages"
        </a>
        {markup::form(scene, form.into_any(), Some(tools.into_any()))}
    }
    .into_any()
}

/// Takes the project's own words away.
fn back_to_the_standard() -> AnyView {
    let button = view! {
        <button class="button button-danger" type="submit" name=markup::ASK value="standard">
            "Back to the standard"
        </button>
    };
    ask_first(
        "Your own subject and text are gone then.",
        "Back to the standard…",
        "Back to the standard…".to_owned(),
        button.into_any(),
    )
}

/// The template's own text or, where there is none, the standard's, to be begun with; and what is wrong with it.
fn source(scene: &Scene, field: &Field, typed: &Typed, example: &Example) -> AnyView {
    let part = Part::of(&field.key);
    let error = scene.error(&field.key).or_else(|| example.problems(part));
    let described = markup::described(field, &error);
    let text = typed.text(&field.key).unwrap_or(example.standard_of(part));
    let input = match part {
        Part::Content => markup::area(field, text, &described),
        Part::Subject => {
            let mut shown = Typed::default();
            shown.set(&field.key, text.to_owned());
            markup::text_input(field, &shown, &described, false)
        }
    };
    markup::labelled(field, None, input, error)
}

fn variables(example: &Example) -> AnyView {
    let lines = example.variables.iter().map(|(name, value)| {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        view! {
            <dt>
                <code>{format!("{{{{ .{name} }}}}")}</code>
            </dt>
            <dd>{if shown.is_empty() { "nothing in this mail".to_owned() } else { shown }}</dd>
        }
    });
    view! {
        <details class="variables">
            <summary>"Variables, as the example has them"</summary>
            <dl>{lines.collect_view()}</dl>
            <p class="field-hint">"Go's templates: {{ if .Data.full_name }}…{{ end }}, range, with, eq, printf and the others."</p>
        </details>
    }
    .into_any()
}

fn preview(scene: &Scene) -> AnyView {
    let content = match &scene.example {
        None => view! { <p class="sheet-body soft">"The preview is made by the project's Auth, which does not answer. Start the project to see it."</p> }
            .into_any(),
        Some(Example { html: None, .. }) => view! {
            <p class="sheet-body soft">
                <Icon glyph=Glyph::Failed />
                "There is nothing to show until the text can be read."
            </p>
        }
        .into_any(),
        Some(Example { subject, html: Some(html), .. }) => {
            let subject = subject.clone().unwrap_or_default();
            view! {
                <p class="sheet-body preview-subject">
                    <span class="label">"Subject"</span>
                    {subject}
                </p>
                // Nothing in it runs or leads anywhere.
                <iframe class="message-body" sandbox="" srcdoc=html.clone() title="Preview of the mail"></iframe>
            }
            .into_any()
        }
    };
    markup::sheet("preview", "Preview with an example", None, content)
}
