//! A form of settings that was sent to its page: saved, or shown again with what was typed and why.

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
    field::Form,
    forms::{HOOKS, Page, mail_named},
    hook, load, markup,
    scene::{Reply, address},
    typed::Typed,
};

/// Takes in a form that was posted to a page of settings. `Ok`: where to look next; `Err`: the page's request, to be answered
/// with the page as it is now.
pub async fn settings_posted(projects: &ProjectService, mut request: Request) -> Result<String, Request> {
    let read = read(&mut request).await;
    let again = |mut request: Request, reply: Reply| {
        *request.method_mut() = Method::GET;
        request.extensions_mut().insert(reply);
        Err(request)
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
    let id = typed.text("form").unwrap_or_default().to_owned();
    let alert = |alert: String| Reply { form: id.clone(), alert: Some(alert), ..Reply::default() };
    let document = projects.auth_config(&sent.caller, &sent.project_ref).await.map_err(|error| alert(error.to_string()))?;
    let forms = sent.page.forms(&document, sent.mail);
    let Some(form) = forms.iter().find(|form| form.id == id) else {
        return Err(alert("There is no such form here any more. Load the page again.".to_owned()));
    };
    let asked = typed.text(markup::ASK).unwrap_or("save").to_owned();
    let again = |typed: Typed| Reply { form: id.clone(), typed, ..Reply::default() };
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
        ("try" | "preview", ..) => Err(again(typed)),
        ("make-secret", ..) => Err(make_secret(again(typed))),
        ("send-test", ..) => Err(send_test(projects, sent, again(typed)).await),
        ("standard", ..) => {
            let patch = form.fields.iter().map(|field| (field.key.to_string(), Value::Null)).collect();
            save(projects, sent, form, again(typed), &patch).await
        }
        _ => {
            let change = change(projects, sent, form, &typed).await.map_err(|errors| Reply { errors, ..again(typed.clone()) })?;
            if asked == "command" {
                let command = command::patch(&sent.origin, &sent.project_ref, &change, sent.with_token);
                let said = command.is_none().then(|| "Nothing is changed here, so that there is no command for it.".to_owned());
                return Err(Reply { command, said, ..again(typed) });
            }
            save(projects, sent, form, again(typed), &change).await
        }
    }
}

/// What the form changes; or what is wrong with it that the document does not look at.
async fn change(
    projects: &ProjectService,
    sent: &Sent,
    form: &Form,
    typed: &Typed,
) -> Result<Map<String, Value>, std::collections::BTreeMap<String, String>> {
    let mut typed = typed.clone();
    if let Some(hook) = HOOKS.iter().find(|hook| sent.page == Page::Hooks && hook.name == form.id) {
        hook::into_keys(hook, &mut typed);
    }
    if let Some(mail) = sent.mail {
        load::standard_is_empty(projects, &sent.caller, &sent.project_ref, mail, form, &mut typed).await?;
    }
    Ok(typed.changes(form))
}

async fn save(
    projects: &ProjectService,
    sent: &Sent,
    form: &Form,
    again: Reply,
    patch: &Map<String, Value>,
) -> Result<String, Reply> {
    let saved = projects.update_auth_config(&sent.caller, &sent.project_ref, patch).await;
    match saved {
        Ok(_) => {
            let mail = sent.mail.map(|mail| format!("&mail={}", mail.name())).unwrap_or_default();
            Ok(format!("{}?saved={}{mail}", address(&sent.project_ref, sent.page), again.form))
        }
        Err(Error::AuthConfig(errors)) => Err(refused(again, form, errors)),
        Err(error) => {
            if error.code() == control_plane_api::ErrorCode::Internal {
                tracing::error!(error = &error as &dyn std::error::Error, "saving Auth settings failed");
            }
            Err(Reply { alert: Some(error.to_string()), ..again })
        }
    }
}

/// Each error at its field; those of keys that the form has not, above its buttons.
fn refused(again: Reply, form: &Form, errors: Vec<auth_settings::document::FieldError>) -> Reply {
    let mut reply = again;
    for error in errors {
        if form.fields.iter().any(|field| *field.key == *error.key) {
            reply.errors.insert(error.key, format!("This must be {}.", error.expected));
        } else {
            let alert = reply.alert.take().map(|alert| format!("{alert} ")).unwrap_or_default();
            reply.alert = Some(format!("{alert}{error}."));
        }
    }
    reply
}

fn make_secret(mut again: Reply) -> Reply {
    match control_plane::new_hook_secret() {
        Ok(secret) => {
            again.typed.set(hook::MADE, secret.expose_secret().to_owned());
            again.said = Some("This secret counts once the form is saved, and is not shown again. Copy it now.".to_owned());
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
        let form = Form::new("smtp", "", "", vec![Field::new("smtp_port", Kind::Text, "", "")]);
        let reply = refused(Reply::default(), &form, vec![error("smtp_port"), error("jwt_exp")]);
        assert_eq!(reply.errors.get("smtp_port").map(String::as_str), Some("This must be a port."));
        assert_eq!(reply.alert.as_deref(), Some("jwt_exp must be a port."));
    }
}
