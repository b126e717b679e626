//! Captcha: asks hCaptcha or Cloudflare's Turnstile whether a token is a human's.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::http::{HttpClient, HttpError, Request};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptchaProvider {
    Hcaptcha,
    Turnstile,
}

impl CaptchaProvider {
    /// By its name in settings.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "hcaptcha" => Some(Self::Hcaptcha),
            "turnstile" => Some(Self::Turnstile),
            _ => None,
        }
    }

    fn verify_url(self) -> &'static str {
        match self {
            Self::Hcaptcha => "https://hcaptcha.com/siteverify",
            Self::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/siteverify",
        }
    }
}

#[derive(Debug, Clone)]
pub struct CaptchaSettings {
    pub provider: CaptchaProvider,
    pub secret: SecretString,
    /// Where to ask instead of the provider's own address.
    pub verify_url: Option<String>,
}

/// Why a request goes no further. The text is what GoTrue answers with `captcha_failed`.
#[derive(Debug, thiserror::Error)]
pub enum CaptchaError {
    #[error("captcha protection: request disallowed (no captcha_token found)")]
    Missing,
    /// With the provider's codes, such as `invalid-input-response`.
    #[error("captcha protection: request disallowed ({})", .0.join(", "))]
    Disallowed(Vec<String>),
    /// Not the caller's fault: a 500.
    #[error("captcha verification process failed")]
    Failed(#[source] HttpError),
}

#[derive(Deserialize)]
struct Verdict {
    success: bool,
    #[serde(default, rename = "error-codes")]
    error_codes: Vec<String>,
}

/// Asks whether a token is a human's. `address` is the caller's, if it is known.
pub async fn verify(
    client: &HttpClient,
    settings: &CaptchaSettings,
    token: &str,
    address: Option<&str>,
) -> Result<(), CaptchaError> {
    let token = token.trim();
    if token.is_empty() {
        return Err(CaptchaError::Missing);
    }
    let mut form = vec![("secret", settings.secret.expose_secret()), ("response", token)];
    form.extend(address.map(|address| ("remoteip", address)));
    let url = settings.verify_url.as_deref().unwrap_or(settings.provider.verify_url());
    let answer = client.send(Request::post_form(url, &form).accept_json()).await.map_err(CaptchaError::Failed)?;
    let verdict: Verdict = answer.json().map_err(CaptchaError::Failed)?;
    if verdict.success { Ok(()) } else { Err(CaptchaError::Disallowed(verdict.error_codes)) }
}

#[cfg(test)]
mod tests {
    use super::{CaptchaError, CaptchaProvider, CaptchaSettings, verify};
    use crate::outgoing::testing::{Server, client, json};

    fn settings(server: &Server) -> CaptchaSettings {
        let verify_url = Some(server.url("/siteverify"));
        CaptchaSettings { provider: CaptchaProvider::Turnstile, secret: "s3cret".into(), verify_url }
    }

    #[tokio::test]
    async fn a_token_is_asked_about() {
        let server = Server::start(|_| json("200 OK", "{\"success\":true}")).await;
        verify(&client(), &settings(&server), " token ", Some("203.0.113.9")).await.unwrap();
        let received = &server.received()[0];
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = vec![pair("secret", "s3cret"), pair("response", "token"), pair("remoteip", "203.0.113.9")];
        assert_eq!((received.method.as_str(), received.path.as_str(), received.form()), ("POST", "/siteverify", expected));
    }

    #[tokio::test]
    async fn a_refusal_has_its_codes() {
        let body = "{\"success\":false,\"error-codes\":[\"invalid-input-response\",\"timeout-or-duplicate\"]}";
        let server = Server::start(move |_| json("200 OK", body)).await;
        let error = verify(&client(), &settings(&server), "token", None).await.unwrap_err();
        let expected = "captcha protection: request disallowed (invalid-input-response, timeout-or-duplicate)";
        assert_eq!(error.to_string(), expected);
        assert!(!format!("{error:?} {:?}", settings(&server)).contains("s3cret"));
    }

    #[tokio::test]
    async fn no_token_asks_nobody() {
        let server = Server::start(|_| json("200 OK", "{\"success\":true}")).await;
        let error = verify(&client(), &settings(&server), " ", None).await.unwrap_err();
        assert_eq!(error.to_string(), "captcha protection: request disallowed (no captcha_token found)");
        assert!(server.received().is_empty());
    }

    #[tokio::test]
    async fn a_provider_that_fails_lets_nobody_through() {
        let server = Server::start(|_| json("500 Internal Server Error", "<html>")).await;
        let error = verify(&client(), &settings(&server), "token", None).await.unwrap_err();
        assert!(matches!(error, CaptchaError::Failed(_)));
    }
}
