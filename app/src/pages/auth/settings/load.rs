//! What a page of settings needs to know, from the control plane and from the project's Auth.

use std::collections::BTreeMap;

use auth_settings::MailKind;
use control_plane::{Caller, Error, ProjectService};
use control_plane_api::ProjectRef;
use serde_json::json;

use super::{
    field::Section,
    forms::Page,
    page,
    scene::{Example, Function, Part, Reply, Scene},
    typed::Typed,
};

/// A page as HTML.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) project_name: String,
    pub(crate) html: String,
    /// A form was refused.
    pub(crate) is_refused: bool,
    /// A mail is in it, whose styles are its own.
    pub(crate) has_mail: bool,
}

/// The page at this path, if there is one; what its address asks for is in `query`.
pub(crate) async fn load(
    projects: &ProjectService,
    caller: &Caller,
    project_ref: &ProjectRef,
    path: &str,
    query: &str,
    reply: Option<Reply>,
) -> Result<Option<Loaded>, Error> {
    let Some(page) = Page::at(path) else { return Ok(None) };
    let project = projects.get(caller, project_ref).await?;
    let document = projects.auth_config(caller, project_ref).await?;
    let mut scene = Scene {
        page,
        project_ref: project_ref.clone(),
        api_url: project.api_url,
        state: project.state,
        document,
        defaults: Scene::defaults(),
        query: Typed::of_query(query),
        reply,
        example: None,
        functions: None,
    };
    match (page, scene.mail()) {
        (Page::Messages, Some(mail)) => scene.example = shown_example(projects, caller, &scene, mail).await,
        (Page::Hooks, _) => scene.functions = functions(projects, caller, project_ref).await,
        _ => {}
    }
    Ok(Some(Loaded {
        project_name: project.name,
        html: page::html(&scene),
        is_refused: scene.reply.as_ref().is_some_and(|reply| reply.alert.is_some() || !reply.errors.is_empty()),
        has_mail: scene.example.is_some(),
    }))
}

/// The mail as it would be with what stands in the form.
async fn shown_example(projects: &ProjectService, caller: &Caller, scene: &Scene, mail: MailKind) -> Option<Example> {
    example(projects, caller, &scene.project_ref, mail, &scene.typed()).await
}

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

async fn functions(projects: &ProjectService, caller: &Caller, project_ref: &ProjectRef) -> Option<Vec<Function>> {
    let answer = projects.ask_auth(caller, project_ref, "GET", "/admin/hooks/functions", None).await.ok()?;
    serde_json::from_value(answer["functions"].clone()).ok()
}
