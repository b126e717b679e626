//! How the engine reaches a provider: one call, one bounded answer. Which addresses may be reached is the transport's to decide.

use std::{fmt, time::Duration};

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use http::StatusCode;
use reqwest::Url;

/// Bytes of an answer at most.
pub const LARGEST_ANSWER: usize = 1024 * 1024;

/// From the first byte sent to the last received, at most.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A request to a provider.
#[derive(Clone)]
pub struct Call {
    /// Where to.
    pub url: Url,
    /// Names and values; they may hold tokens.
    pub headers: Vec<(&'static str, String)>,
    /// GET without, POST of a form with.
    pub form: Option<Vec<(String, String)>>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// As sent.
    pub status: StatusCode,
    /// All of it.
    pub body: Bytes,
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// More than [`LARGEST_ANSWER`].
    #[error("the answer is larger than {LARGEST_ANSWER} bytes")]
    TooLarge,
    /// Longer than [`PATIENCE`].
    #[error("no whole answer within {PATIENCE:?}")]
    TooSlow,
    /// Not reached, or not allowed to be reached.
    #[error("the call failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Something that makes calls. It follows no redirect, and keeps to [`LARGEST_ANSWER`] and [`PATIENCE`].
pub trait Transport: fmt::Debug + Send + Sync {
    /// Makes one call.
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Answer, TransportError>>;
}

impl Call {
    /// A GET that asks for JSON.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self { url, headers: vec![("accept", "application/json".to_owned())], form: None }
    }

    /// A POST of a form that asks for JSON.
    #[must_use]
    pub fn post(url: Url, form: Vec<(String, String)>) -> Self {
        Self { form: Some(form), ..Self::get(url) }
    }

    /// With one header more.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// Neither the query, nor headers, nor the form: each may hold a secret.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = if self.form.is_some() { "POST" } else { "GET" };
        write!(f, "{method} {}{}", self.url.origin().ascii_serialization(), self.url.path())
    }
}

/// A client as [`client`] makes it; any other may follow redirects.
impl Transport for reqwest::Client {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Answer, TransportError>> {
        Box::pin(send_within(PATIENCE, self, call))
    }
}

pub(super) async fn send_within(patience: Duration, client: &reqwest::Client, call: Call) -> Result<Answer, TransportError> {
    tokio::time::timeout(patience, send(client, call)).await.map_err(|_| TransportError::TooSlow)?
}

async fn send(client: &reqwest::Client, call: Call) -> Result<Answer, TransportError> {
    let failed = |error: reqwest::Error| TransportError::Failed(error.without_url().into());
    let mut request = match call.form {
        None => client.get(call.url),
        Some(form) => client
            .post(call.url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(super::form::encode(form.iter().map(|(name, value)| (name.as_str(), value.as_str())))),
    };
    for (name, value) in call.headers {
        request = request.header(name, value);
    }
    let mut response = request.header("user-agent", "supacloud-auth").send().await.map_err(failed)?;
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(TransportError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status: response.status(), body: body.freeze() })
}

/// A client without redirects and proxies, which reaches every address: for tests.
///
/// # Errors
/// TLS can't be set up.
pub fn client() -> Result<reqwest::Client, reqwest::Error> {
    // Another part of the program may have chosen already; it is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()
}
