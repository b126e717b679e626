//! MessageBird. Source: its "SMS Messaging" REST API.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::{Sms, SmsError, base, is_gsm, read};
use crate::outgoing::http::{HttpClient, Request};

const URL: &str = "https://rest.messagebird.com";

#[derive(Deserialize)]
struct Message {
    id: String,
    #[serde(default)]
    recipients: Recipients,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Recipients {
    total_sent_count: u32,
}

#[derive(Deserialize)]
struct Problems {
    errors: Vec<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    code: i64,
    description: String,
    parameter: Option<String>,
}

pub(super) async fn send(
    client: &HttpClient,
    base_url: Option<&str>,
    access_key: &SecretString,
    originator: &str,
    sms: &Sms<'_>,
) -> Result<String, SmsError> {
    let coding = if is_gsm(sms.text) { "plain" } else { "unicode" };
    let form =
        [("originator", originator), ("body", sms.text), ("recipients", sms.phone), ("type", "sms"), ("datacoding", coding)];
    let request = Request::post_form(format!("{}/messages", base(base_url, URL)), &form)
        .authorization(&format!("AccessKey {}", access_key.expose_secret()))
        .accept_json();
    let answer = client.send(request).await?;
    if !answer.status.is_success() {
        let problems: Problems = read(&answer)?;
        let told = problems.errors.iter().map(|problem| {
            let parameter = problem.parameter.as_deref().map(|name| format!(" parameter: {name}")).unwrap_or_default();
            format!("api error: {} code: {}{parameter}", problem.description, problem.code)
        });
        return Err(SmsError::Provider(told.collect::<Vec<_>>().join(", ")));
    }
    let message: Message = read(&answer)?;
    if message.recipients.total_sent_count == 0 {
        return Err(SmsError::Provider("messagebird error: total sent count: 0".to_owned()));
    }
    Ok(message.id)
}
