//! Vonage. Source: its "SMS API".

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::{Sms, SmsError, base, is_gsm, read};
use crate::outgoing::http::{HttpClient, Request};

const URL: &str = "https://rest.nexmo.com";

#[derive(Deserialize)]
struct Answers {
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default, rename = "message-id")]
    id: String,
    status: String,
    #[serde(default, rename = "error-text")]
    error: String,
}

pub(super) async fn send(
    client: &HttpClient,
    base_url: Option<&str>,
    (api_key, api_secret): (&str, &SecretString),
    from: &str,
    sms: &Sms<'_>,
) -> Result<String, SmsError> {
    let mut form = vec![
        ("from", from),
        ("to", sms.phone),
        ("text", sms.text),
        ("api_key", api_key),
        ("api_secret", api_secret.expose_secret()),
    ];
    if !is_gsm(sms.text) {
        form.push(("type", "unicode"));
    }
    let answer = client.send(Request::post_form(format!("{}/sms/json", base(base_url, URL)), &form).accept_json()).await?;
    // Refusals have status 200 and say so within.
    let messages = read::<Answers>(&answer)?.messages;
    let message = messages.into_iter().next().ok_or(SmsError::Answer(answer.status.as_u16()))?;
    if message.status != "0" || !answer.status.is_success() {
        return Err(SmsError::Provider(format!("vonage error: {} (status: {})", message.error, message.status)));
    }
    Ok(message.id)
}
