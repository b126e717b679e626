//! What a page of settings needs to know, from the control plane and from the project's Auth.

use std::collections::BTreeMap;

use auth_settings::MailKind;
use control_plane::{Caller, Error, ProjectService};
use control_plane_api::ProjectRef;
use leptos::prelude::use_context;
use serde_json::json;

use super::{
    super::{load::Content, visit::Visit},
    field::Section,
    forms::Page,
    page,
    scene::{Example, Function, Part, Reply, Scene},
    typed::Typed,
};
use crate::{session::set_status, shell::allow_styles_of_mails};

/// The page at this path, as the settings are now; after a form of it was sent, with what has become of that.
pub(in super::super) async fn load(visit: &Visit, path: &str) -> Result<Content, Error> {
    let page = Page::at(path).unwrap_or(Page::SignIn);
    let mut scene = Scene {
        page,
        project_ref: visit.project_ref().clone(),
        api_url: visit.project.api_url.clone(),
        state: visit.project.state,
        document: visit.projects.auth_config(&visit.caller, visit.project_ref()).await?,
        defaults: Scene::defaults(),
        query: Typed::of_query(visit.query()),
        reply: use_context::<axum::http::request::Parts>().and_then(|parts| parts.extensions.get::<Reply>().cloned()),
        example: None,
        functions: None,
    };
    match (page, scene.mail()) {
        (Page::Messages, Some(mail)) => {
            scene.example = example(&visit.projects, &visit.caller, &scene.project_ref, mail, &scene.typed()).await;
        }
        (Page::Hooks, _) => scene.functions = functions(visit).await,
        _ => {}
    }
    if scene.reply.as_ref().is_some_and(|reply| reply.alert.is_some() || !reply.errors.is_empty()) {
        set_status(422);
    }
    if scene.example.is_some() {
        allow_styles_of_mails();
    }
    Ok(Content { title: format!("Auth settings: {}", page.name()), html: page::html(&scene) })
}

/// The mail as it would be with what stands in the form.
async fn example(
    projects: &ProjectService,
    caller: &Caller,
    project_ref: &ProjectRef,
    mail: MailKind,
    typed: &Typed,
) -> Option<Example> {
    let text = |key: String| typed.text(&key).map(|text| text.replace("\r\n", "\n")).filter(|text| !text.trim().is_empty());
    let body = json!({
        "kind": mail.name(),
        "subject": text(format!("mailer_subjects_{}", mail.name())),
        "content": text(format!("mailer_templates_{}_content", mail.name())),
    });
    let answer = projects.ask_auth(caller, project_ref, "POST", "/admin/messages/preview", Some(body)).await.ok()?;
    serde_json::from_value(answer).ok()
}

/// Of a mail's texts, those that are the standard's are none of the project's own. Those that can't be read are refused, with the
/// line: no mail of theirs could be sent.
pub(super) async fn standard_is_empty(
    projects: &ProjectService,
    caller: &Caller,
    project_ref: &ProjectRef,
    mail: MailKind,
    sections: &[Section],
    typed: &mut Typed,
) -> Result<(), BTreeMap<String, String>> {
    let Some(example) = example(projects, caller, project_ref, mail, typed).await else { return Ok(()) };
    let mut errors = BTreeMap::new();
    for field in sections.iter().flat_map(|section| &section.fields) {
        let part = Part::of(&field.key);
        if let Some(problems) = example.problems(part) {
            errors.insert(field.key.to_string(), problems);
        }
        let standard = example.standard_of(part).trim();
        let is_standard = typed.text(&field.key).is_some_and(|text| text.replace("\r\n", "\n").trim() == standard);
        if is_standard {
            typed.set(&field.key, String::new());
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

async fn functions(visit: &Visit) -> Option<Vec<Function>> {
    let answer = visit.ask("/admin/hooks/functions").await.ok()?;
    serde_json::from_value(answer["functions"].clone()).ok()
}
