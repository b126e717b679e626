//! Textlocal. Source: its "Send SMS" API.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::{Sms, SmsError, base, is_gsm, read};
use crate::outgoing::http::{HttpClient, Request};

const URL: &str = "https://api.textlocal.in";

#[derive(Deserialize)]
struct Outcome {
    status: String,
    #[serde(default)]
    errors: Vec<Problem>,
    #[serde(default)]
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Problem {
    code: i64,
    message: String,
}

#[derive(Deserialize)]
struct Message {
    /// A text in some answers, a number in others.
    id: Value,
}

pub(super) async fn send(
    client: &HttpClient,
    base_url: Option<&str>,
    api_key: &SecretString,
    sender: &str,
    sms: &Sms<'_>,
) -> Result<String, SmsError> {
    let mut form = vec![("sender", sender), ("apikey", api_key.expose_secret()), ("message", sms.text), ("numbers", sms.phone)];
    if !is_gsm(sms.text) {
        form.push(("unicode", "true"));
    }
    let answer = client.send(Request::post_form(format!("{}/send", base(base_url, URL)), &form).accept_json()).await?;
    let outcome: Outcome = read(&answer)?;
    if outcome.status != "success" {
        let told = outcome.errors.iter().map(|problem| format!("textlocal error: {} (code: {})", problem.message, problem.code));
        return Err(SmsError::Provider(told.collect::<Vec<_>>().join(", ")));
    }
    match outcome.messages.into_iter().next().map(|message| message.id) {
        Some(Value::String(id)) => Ok(id),
        Some(Value::Number(id)) => Ok(id.to_string()),
        _ => Err(SmsError::Answer(answer.status.as_u16())),
    }
}
