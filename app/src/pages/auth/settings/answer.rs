//! A form of settings that was sent to its page: saved, or shown again with what was typed and why.

use std::collections::BTreeMap;

use axum::{
    RequestExt as _,
    extract::{Extension, Form as Posted, Path, Query, Request},
    http::Method,
};
use control_plane::{Caller, Error, ProjectService};
use control_plane_api::ProjectRef;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use super::{
    command,
    field::Section,
    forms::{HOOKS, Page, mail_named},
    hook, load, markup,
    scene::{Reply, SAVED, address},
    typed::{BEFORE, Typed},
};

/// Takes in a form that was posted to a page of settings. `Ok`: where to look next; `Err`: the page's request, to be answered
/// with the page as it is now.
pub async fn settings_posted(projects: &ProjectService, mut request: Request) -> Result<String, Box<Request>> {
    let read = read(&mut request).await;
    let again = |mut request: Request, reply: Reply| {
        *request.method_mut() = Method::GET;
        request.extensions_mut().insert(reply);
        Err(Box::new(request))
    };
    let body = std::mem::take(request.body_mut());
    let typed = request_with(&request, body).extract::<Posted<Vec<(String, String)>>, _>().await;
    let (Some(sent), Ok(Posted(typed))) = (read, typed) else {
        let alert = Some("The form can't be read. It may be longer than 2 MB.".to_owned());
        return again(request, Reply { alert, ..Reply::default() });
    };
    match answer(projects, &sent, Typed(typed)).await {
        Ok(leads_to) => Ok(leads_to),
        Err(reply) => again(request, reply),
    }
}

/// Who sent a form, and to which page.
struct Sent {
    caller: Caller,
    project_ref: ProjectRef,
    page: Page,
    mail: Option<auth_settings::MailKind>,
    origin: String,
    with_token: bool,
}

async fn read(request: &mut Request) -> Option<Sent> {
    let Path((project_ref, page)) = request.extract_parts::<Path<(String, String)>>().await.ok()?;
    let Extension(caller) = request.extract_parts::<Extension<Caller>>().await.ok()?;
    let Query(query) = request.extract_parts::<Query<Vec<(String, String)>>>().await.ok()?;
    let origin = request.extensions().get::<crate::site::VisitedOrigin>().map(|origin| origin.0.clone()).unwrap_or_default();
    Some(Sent {
        with_token: caller != Caller::local(),
        caller,
        project_ref: project_ref.parse().ok()?,
        page: Page::at(&page)?,
        mail: Typed(query).text("mail").and_then(mail_named),
        origin,
    })
}

/// A request for the body's extractor, which takes its request whole.
fn request_with(request: &Request, body: axum::body::Body) -> Request {
    let mut posted = Request::new(body);
    *posted.method_mut() = Method::POST;
    *posted.headers_mut() = request.headers().clone();
    posted
}

async fn answer(projects: &ProjectService, sent: &Sent, mut typed: Typed) -> Result<String, Reply> {
    let again = |typed: Typed| Reply { typed, ..Reply::default() };
    let document = match projects.auth_config(&sent.caller, &sent.project_ref).await {
        Ok(document) => document,
        Err(error) => return Err(Reply { alert: Some(error.to_string()), ..again(typed) }),
    };
    // Without it, whatever is not sent would count as changed.
    if typed.text(BEFORE).is_none() {
        return Err(Reply { alert: Some("The form is not whole. Load the page again.".to_owned()), ..again(typed) });
    }
    let sections = sent.page.sections(&document, sent.mail);
    let asked = typed.text(markup::ASK).unwrap_or("save").to_owned();
    let mut words = asked.splitn(3, ' ');
    match (words.next().unwrap_or_default(), words.next(), words.next()) {
        ("add", Some(key), None) => {
            typed.add(key, "");
            Err(Reply { row_of: Some(key.to_owned()), ..again(typed) })
        }
        ("remove", Some(nth), Some(key)) => {
            typed.remove(key, nth.parse().unwrap_or(usize::MAX));
            Err(Reply { row_of: Some(key.to_owned()), ..again(typed) })
        }
        ("make-secret", Some(hook), None) => Err(make_secret(hook, again(typed))),
        ("try" | "preview", ..) => Err(again(typed)),
        ("send-test", ..) => Err(send_test(projects, sent, again(typed)).await),
        ("standard", ..) => {
            let keys = sections.iter().flat_map(|section| &section.fields).map(|field| field.key.to_string());
            let patch = keys.map(|key| (key, Value::Null)).collect();
            save(projects, sent, &sections, again(typed), &patch).await
        }
        _ => {
            let change = change(projects, sent, &sections, &typed).await;
            let change = change.map_err(|errors| Reply { errors, ..again(typed.clone()) })?;
            if asked == "command" {
                let command = command::patch(&sent.origin, &sent.project_ref, &change, sent.with_token);
                let said = command.is_none().then(|| "Nothing is changed here, so that there is no command for it.".to_owned());
                return Err(Reply { command, said, ..again(typed) });
            }
            save(projects, sent, &sections, again(typed), &change).await
        }
    }
}

/// What the form changes; or what is wrong with it that the document does not look at.
async fn change(
    projects: &ProjectService,
    sent: &Sent,
    sections: &[Section],
    typed: &Typed,
) -> Result<Map<String, Value>, BTreeMap<String, String>> {
    let mut typed = typed.clone();
    if sent.page == Page::Hooks {
        HOOKS.iter().for_each(|hook| hook::into_keys(hook, &mut typed));
    }
    if let Some(mail) = sent.mail {
        load::standard_is_empty(projects, &sent.caller, &sent.project_ref, mail, sections, &mut typed).await?;
    }
    Ok(typed.changes(sections))
}

async fn save(
    projects: &ProjectService,
    sent: &Sent,
    sections: &[Section],
    again: Reply,
    patch: &Map<String, Value>,
) -> Result<String, Reply> {
    if patch.is_empty() {
        return Err(Reply { said: Some("Nothing is changed here, so that nothing was saved.".to_owned()), ..again });
    }
    match projects.update_auth_config(&sent.caller, &sent.project_ref, patch).await {
        Ok(_) => Ok(saved(sent, sections, patch)),
        Err(Error::AuthConfig(errors)) => Err(refused(again, sections, errors)),
        Err(error) => {
            if error.code() == control_plane_api::ErrorCode::Internal {
                tracing::error!(error = &error as &dyn std::error::Error, "saving Auth settings failed");
            }
            Err(Reply { alert: Some(error.to_string()), ..again })
        }
    }
}

/// The page again, told of which sections something was saved.
fn saved(sent: &Sent, sections: &[Section], patch: &Map<String, Value>) -> String {
    let is_in = |section: &&Section| section.fields.iter().any(|field| patch.contains_key(&*field.key));
    let ids: Vec<_> = sections.iter().filter(is_in).map(|section| &*section.id).collect();
    let mail = sent.mail.map(|mail| format!("&mail={}", mail.name())).unwrap_or_default();
    format!("{}?{SAVED}={}{mail}", address(&sent.project_ref, sent.page), ids.join("+"))
}

/// Each error at its field; those of keys that the page has not, above its buttons.
fn refused(again: Reply, sections: &[Section], errors: Vec<auth_settings::document::FieldError>) -> Reply {
    let mut reply = again;
    for error in errors {
        if sections.iter().flat_map(|section| &section.fields).any(|field| *field.key == *error.key) {
            reply.errors.insert(error.key, format!("This must be {}.", error.expected));
        } else {
            let alert = reply.alert.take().map(|alert| format!("{alert} ")).unwrap_or_default();
            reply.alert = Some(format!("{alert}{error}."));
        }
    }
    if reply.alert.is_none() {
        reply.alert = Some("Nothing was saved: see what is wrong above.".to_owned());
    }
    reply
}

fn make_secret(hook: &str, mut again: Reply) -> Reply {
    match control_plane::new_hook_secret() {
        Ok(secret) => {
            again.typed.set(&hook::named(hook, hook::MADE), secret.expose_secret().to_owned());
            again.said = Some("This secret counts once the page is saved, and is not shown again then. Copy it now.".to_owned());
        }
        Err(error) => again.alert = Some(error.to_string()),
    }
    again
}

/// Has the project's Auth send a mail to the typed address.
async fn send_test(projects: &ProjectService, sent: &Sent, mut again: Reply) -> Reply {
    let to = again.typed.text("to").unwrap_or_default().trim().to_owned();
    let body = Some(json!({ "email": to }));
    match projects.ask_auth(&sent.caller, &sent.project_ref, "POST", "/admin/messages/test", body).await {
        Ok(answer) if answer["delivered_by"] == "smtp" => {
            again.said = Some(format!("The mail server took a message to {to}, by the settings that are in force."));
        }
        Ok(_) => again.said = Some(format!("There is no mail server in force: a message to {to} is in the mailbox.")),
        Err(error) => {
            let mut said = error.to_string();
            said.get_mut(..1).map(str::make_ascii_uppercase);
            again.alert = Some(format!("Not sent: {said}"));
        }
    }
    again
}

#[cfg(test)]
mod tests {
    use auth_settings::document::FieldError;

    use super::*;
    use crate::pages::auth::settings::field::{Field, Kind};

    #[test]
    fn an_error_stands_at_its_field_or_above_the_buttons() {
        let error = |key: &str| FieldError { key: key.to_owned(), expected: "a port".to_owned() };
        let sections = [Section::new("smtp", "", "", vec![Field::new("smtp_port", Kind::Text, "", "")])];
        let reply = refused(Reply::default(), &sections, vec![error("smtp_port"), error("jwt_exp")]);
        assert_eq!(reply.errors.get("smtp_port").map(String::as_str), Some("This must be a port."));
        assert_eq!(reply.alert.as_deref(), Some("jwt_exp must be a port."));
    }
}
