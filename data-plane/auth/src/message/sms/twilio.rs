//! Twilio: messages (SMS and WhatsApp) and Verify, which makes and checks codes itself.
//!
//! Source: Twilio's documentation, "Messages resource", "Verification" and "VerificationCheck".

use http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Channel, Sms, SmsError, base, read};
use crate::outgoing::http::{Answer, HttpClient, Request};

const MESSAGES: &str = "https://api.twilio.com";
const VERIFY: &str = "https://verify.twilio.com";

pub(super) struct Account<'a> {
    pub(super) sid: &'a str,
    pub(super) token: &'a SecretString,
    pub(super) base_url: Option<&'a str>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    sid: String,
    #[serde(default)]
    status: Value,
    #[serde(default)]
    valid: bool,
    error_code: Option<Value>,
    error_message: Option<String>,
}

/// What a status of 400 and more comes with.
#[derive(Deserialize)]
struct Problem {
    message: String,
    #[serde(default)]
    more_info: String,
}

pub(super) async fn send(
    client: &HttpClient,
    account: &Account<'_>,
    sender: &str,
    content_sid: Option<&str>,
    sms: &Sms<'_>,
) -> Result<String, SmsError> {
    let url = format!("{}/2010-04-01/Accounts/{}/Messages.json", base(account.base_url, MESSAGES), segment(account.sid));
    let (to, from) = match sms.channel {
        Channel::Sms => (format!("+{}", sms.phone), sender.to_owned()),
        Channel::Whatsapp if is_service(sender) => (format!("whatsapp:+{}", sms.phone), sender.to_owned()),
        Channel::Whatsapp => {
            let sender = format!("+{}", sender.trim_start_matches('+'));
            (format!("whatsapp:+{}", sms.phone), format!("whatsapp:{sender}"))
        }
    };
    let variables = json!({"1": sms.code}).to_string();
    let mut form = vec![("To", to.as_str()), ("Channel", sms.channel.as_str())];
    // A service is a sender too, under its own name.
    form.push(if is_service(sender) { ("MessagingServiceSid", sender) } else { ("From", &from) });
    match content_sid.filter(|sid| sms.channel == Channel::Whatsapp && !sid.is_empty()) {
        Some(sid) => form.extend([("ContentSid", sid), ("ContentVariables", &variables)]),
        None => form.push(("Body", sms.text)),
    }
    let answer = client.send(Request::post_form(url, &form).basic_auth(account.sid, account.token).accept_json()).await?;
    let message = checked(&answer)?;
    if message.status == "failed" || message.status == "undelivered" {
        let code = message.error_code.map(|code| code.to_string()).unwrap_or_default();
        return Err(SmsError::Provider(format!("twilio error: {} {code}", message.error_message.unwrap_or_default())));
    }
    Ok(message.sid)
}

pub(super) async fn start_verification(
    client: &HttpClient,
    account: &Account<'_>,
    service: &str,
    sms: &Sms<'_>,
) -> Result<String, SmsError> {
    let url = format!("{}/v2/Services/{}/Verifications", base(account.base_url, VERIFY), segment(service));
    let to = format!("+{}", sms.phone);
    let form = [("To", to.as_str()), ("Channel", sms.channel.as_str())];
    let answer = client.send(Request::post_form(url, &form).basic_auth(account.sid, account.token).accept_json()).await?;
    Ok(checked(&answer)?.sid)
}

pub(super) async fn check_verification(
    client: &HttpClient,
    account: &Account<'_>,
    service: &str,
    phone: &str,
    code: &str,
) -> Result<bool, SmsError> {
    let url = format!("{}/v2/Services/{}/VerificationCheck", base(account.base_url, VERIFY), segment(service));
    let to = format!("+{phone}");
    let form = [("To", to.as_str()), ("Code", code)];
    let answer = client.send(Request::post_form(url, &form).basic_auth(account.sid, account.token).accept_json()).await?;
    // A verification that has passed, or was used, or never was, is not found.
    if answer.status == StatusCode::NOT_FOUND {
        return Ok(false);
    }
    let check = checked(&answer)?;
    Ok(check.status == "approved" && check.valid)
}

fn checked(answer: &Answer) -> Result<Message, SmsError> {
    if answer.status.is_success() {
        return read(answer);
    }
    let problem: Problem = read(answer)?;
    let more = if problem.more_info.is_empty() { String::new() } else { format!(" More information: {}", problem.more_info) };
    Err(SmsError::Provider(problem.message + &more))
}

fn is_service(sender: &str) -> bool {
    sender.len() == 34 && sender.starts_with("MG")
}

/// A setting as a part of a path, which it does not leave.
fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
