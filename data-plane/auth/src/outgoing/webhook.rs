//! Hooks: where one lies, and the call of those that are reached by HTTPS, signed as Standard Webhooks say.
//!
//! The function of a `pg-functions://` hook is called by whoever has the database; what it answers is read here too.
//!
//! Source: Supabase's documentation, "Auth Hooks"; the Standard Webhooks specification.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use standardwebhooks::Webhook;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use super::http::{HttpClient, HttpError, Request};

/// The most that an answer holds.
const PAYLOAD_BYTES: usize = 20 * 1024;

/// How often a hook that says "later" is called.
const ATTEMPTS: u32 = 3;

/// For a call with its second tries, and the pause before each of them.
#[derive(Debug, Clone, Copy)]
struct Times {
    whole: Duration,
    pause: Duration,
}

const TIMES: Times = Times { whole: Duration::from_secs(5), pause: Duration::from_secs(2) };

/// Where a hook lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookUri {
    /// `pg-functions://postgres/<schema>/<function>`.
    Function {
        schema: String,
        function: String,
    },
    Http(String),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HookSettingError {
    #[error("{0:?} is no hook; write pg-functions://postgres/<schema>/<function> or https://…")]
    Uri(String),
    #[error("a secret of a hook is not of the form v1,whsec_<base64>; correct it")]
    Secret,
}

impl FromStr for HookUri {
    type Err = HookSettingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || HookSettingError::Uri(text.to_owned());
        let url = reqwest::Url::parse(text).map_err(|_| wrong())?;
        match url.scheme() {
            "https" | "http" if url.host_str().is_some_and(|host| !host.is_empty()) => Ok(Self::Http(text.to_owned())),
            "pg-functions" if url.host_str() == Some("postgres") => {
                let names: Vec<_> = url.path().strip_prefix('/').unwrap_or_default().split('/').collect();
                match names.as_slice() {
                    [schema, function] if is_name(schema) && is_name(function) => {
                        Ok(Self::Function { schema: (*schema).to_owned(), function: (*function).to_owned() })
                    }
                    _ => Err(wrong()),
                }
            }
            _ => Err(wrong()),
        }
    }
}

/// A name that needs no quotes in SQL.
fn is_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The secrets of a hook; an answer is signed with each, so that one can be changed for another.
#[derive(Clone, Default)]
pub struct HookSecrets(Vec<SecretString>);

impl HookSecrets {
    /// Reads `v1,whsec_<base64>`, several of them separated by `|`. None at all leaves calls unsigned.
    pub fn parse(text: &str) -> Result<Self, HookSettingError> {
        let texts = text.split('|').map(str::trim).filter(|text| !text.is_empty());
        let secrets = texts.map(|text| {
            let secret = text.strip_prefix("v1,").filter(|secret| secret.starts_with("whsec_"));
            let secret = secret.ok_or(HookSettingError::Secret)?;
            Webhook::new(secret).map_err(|_| HookSettingError::Secret)?;
            Ok(SecretString::from(secret))
        });
        secrets.collect::<Result<_, _>>().map(Self)
    }

    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> Result<String, HookError> {
        let signatures = self.0.iter().map(|secret| {
            let webhook = Webhook::new(secret.expose_secret()).map_err(|_| HookError::Signature)?;
            webhook.sign(id, timestamp, body).map_err(|_| HookError::Signature)
        });
        Ok(signatures.collect::<Result<Vec<_>, _>>()?.join(" "))
    }
}

impl fmt::Debug for HookSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HookSecrets({})", self.0.len())
    }
}

/// Why a hook has given no answer. The texts are GoTrue's where a client sees them.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// The hook says no: its own status and message, which go to the client.
    #[error("{message}")]
    Rejected { http_code: u16, message: String },
    /// `hook_timeout`.
    #[error("Failed to reach hook within maximum time of {:.6} seconds", TIMES.whole.as_secs_f64())]
    Timeout,
    /// `hook_timeout_after_retry`.
    #[error("Failed to reach hook after maximum retries")]
    TimeoutAfterRetry,
    /// `hook_payload_over_size_limit`.
    #[error("Payload size exceeded size limit of {PAYLOAD_BYTES} bytes")]
    PayloadOverSizeLimit,
    /// `hook_payload_invalid_content_type`.
    #[error("Invalid JSON response. Received content-type: {0}")]
    InvalidContentType(String),
    #[error("Error unmarshaling JSON output.")]
    InvalidJson(#[source] serde_json::Error),
    #[error("Invalid payload sent to hook")]
    InvalidPayload,
    #[error("Hook requires authorization token")]
    Unauthorized,
    #[error("Unexpected status code returned from hook: {0}")]
    Status(u16),
    #[error("Error executing Hook")]
    Http(#[source] HttpError),
    #[error("the call of the hook could not be signed")]
    Signature,
}

/// Calls a hook by HTTP. Answers without a body are an empty object.
pub async fn call(client: &HttpClient, url: &str, secrets: &HookSecrets, event: &Value) -> Result<Value, HookError> {
    call_within(TIMES, client, url, secrets, event).await
}

async fn call_within(
    times: Times,
    client: &HttpClient,
    url: &str,
    secrets: &HookSecrets,
    event: &Value,
) -> Result<Value, HookError> {
    let body = serde_json::to_vec(event).map_err(HookError::InvalidJson)?;
    let id = Uuid::new_v4().to_string();
    let deadline = Instant::now() + times.whole;
    for attempt in 1..=ATTEMPTS {
        let late = if attempt == 1 { HookError::Timeout } else { HookError::TimeoutAfterRetry };
        // The time is signed too, so that every try is signed for itself.
        let request = signed(url, secrets, &id, &body)?.time(times.whole);
        let answer = match timeout_at(deadline, client.send(request)).await {
            Ok(Ok(answer)) => answer,
            Err(_) | Ok(Err(HttpError::Time(_))) => return Err(late),
            Ok(Err(HttpError::Size(_))) => return Err(HookError::PayloadOverSizeLimit),
            Ok(Err(error)) => return Err(HookError::Http(error)),
        };
        let later = matches!(answer.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        if !later || answer.headers.get("retry-after").is_none_or(HeaderValue::is_empty) {
            return read(&answer);
        }
        if attempt < ATTEMPTS && timeout_at(deadline, sleep(times.pause)).await.is_err() {
            break;
        }
    }
    Err(HookError::TimeoutAfterRetry)
}

fn signed(url: &str, secrets: &HookSecrets, id: &str, body: &[u8]) -> Result<Request, HookError> {
    let mut request = Request::post(url, "application/json", body.to_vec()).answer_bytes(PAYLOAD_BYTES);
    let timestamp = OffsetDateTime::now_utc().unix_timestamp();
    let mut headers = vec![("webhook-id", id.to_owned()), ("webhook-timestamp", timestamp.to_string())];
    if !secrets.0.is_empty() {
        headers.push(("webhook-signature", secrets.sign(id, timestamp, body)?));
    }
    for (name, value) in headers {
        let value = HeaderValue::from_str(&value).map_err(|_| HookError::Signature)?;
        request = request.header(HeaderName::from_static(name), value);
    }
    Ok(request)
}

fn read(answer: &super::http::Answer) -> Result<Value, HookError> {
    match answer.status {
        StatusCode::OK | StatusCode::ACCEPTED | StatusCode::NO_CONTENT => {}
        StatusCode::BAD_REQUEST => return Err(HookError::InvalidPayload),
        StatusCode::UNAUTHORIZED => return Err(HookError::Unauthorized),
        status => return Err(HookError::Status(status.as_u16())),
    }
    if answer.body.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    let content_type = answer.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(HookError::InvalidContentType(content_type.to_owned()));
    }
    accepted(serde_json::from_slice(&answer.body).map_err(HookError::InvalidJson)?)
}

/// An answer of a hook of either kind, unless it is `{"error": {"http_code", "message"}}`.
pub fn accepted(answer: Value) -> Result<Value, HookError> {
    let Some(error) = answer.get("error").filter(|error| !error.is_null()) else {
        return Ok(answer);
    };
    let code = error.get("http_code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
    // An error without a message is none for GoTrue.
    if message.is_empty() && error.is_object() {
        return Ok(answer);
    }
    let message = if error.is_object() { message.to_owned() } else { "Error executing Hook".to_owned() };
    let http_code = code.filter(|code| (400..600).contains(code)).unwrap_or(500);
    Err(HookError::Rejected { http_code, message })
}

#[cfg(test)]
mod tests;
