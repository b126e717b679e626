//! What a provider answers with: tokens, JSON, or an error in one of many forms.

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::{
    Provider, ProviderError, Tokens,
    description::{Description, Source},
    form,
    http::Answer,
};

/// Letters of a provider's own words that are passed on, at most.
const LONGEST_REASON: usize = 300;

pub(super) fn is_unknown_client(answer: &Answer) -> bool {
    let error = || serde_json::from_slice::<Value>(&answer.body).ok()?.get("error")?.as_str().map(str::to_owned);
    answer.status == ::http::StatusCode::UNAUTHORIZED || error().as_deref() == Some("invalid_client")
}

pub(super) fn tokens(provider: &Provider, answer: &Answer) -> Result<Tokens, ProviderError> {
    // GitHub and old Facebook answer with a form to those who do not ask for JSON, and some to all.
    let body: Map<String, Value> = serde_json::from_slice(&answer.body).unwrap_or_else(|_| {
        let pairs = form::decode(&String::from_utf8_lossy(&answer.body));
        pairs.into_iter().map(|(name, value)| (name, Value::String(value))).collect()
    });
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    // Some have errors with status 200.
    if !answer.status.is_success() || body.get("error").is_some_and(|error| !error.is_null()) {
        return Err(refusal(&body, answer));
    }
    let access_token = text("access_token").ok_or_else(|| ProviderError::Answer("there is no access token".to_owned()))?;
    let secret = |name| text(name).map(SecretString::from);
    let expires = body.get("expires_in");
    let profile = match provider {
        Provider::Known(Description { source: Source::TokenAnswer(at), .. }) => Value::Object(body.clone()).pointer(at).cloned(),
        Provider::Known(_) | Provider::Custom(_) => None,
    };
    Ok(Tokens {
        access_token: access_token.into(),
        refresh_token: secret("refresh_token"),
        id_token: secret("id_token"),
        expires_in: expires.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok())),
        token_secret: None,
        profile,
    })
}

/// In the provider's own words, without what could forge a line of a log.
fn refusal(body: &Map<String, Value>, answer: &Answer) -> ProviderError {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let error = body.get("error");
    let code = text(error).or_else(|| text(error?.get("type")));
    let why = text(body.get("error_description")).or_else(|| text(error?.get("message")));
    let reason = match (code, why) {
        (None, None) => format!("status {}", answer.status.as_u16()),
        (code, why) => [code, why].into_iter().flatten().collect::<Vec<_>>().join(": "),
    };
    ProviderError::Refused(reason.chars().filter(|letter| !letter.is_control()).take(LONGEST_REASON).collect())
}

pub(super) fn json(answer: &Answer) -> Result<Value, ProviderError> {
    if !answer.status.is_success() {
        let body = serde_json::from_slice(&answer.body).unwrap_or_default();
        return Err(refusal(&body, answer));
    }
    serde_json::from_slice(&answer.body).map_err(|_| ProviderError::Answer("it is no JSON".to_owned()))
}
