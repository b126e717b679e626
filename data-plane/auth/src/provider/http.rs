//! How the engine reaches a provider: one call, one bounded answer. Which addresses may be reached is the client's to decide.

use std::fmt;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderName, HeaderValue, StatusCode, header::AUTHORIZATION};
use reqwest::Url;

use crate::outgoing::http::{HttpClient, HttpError, Request};

/// Bytes of an answer at most.
pub const LARGEST_ANSWER: usize = 1024 * 1024;

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
    /// Longer than the client waits.
    #[error("no whole answer in time")]
    TooSlow,
    /// Not reached, or not allowed to be reached.
    #[error("the call failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Something that makes calls. It follows no redirect, and its answers are bounded in size and time.
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

impl Transport for HttpClient {
    fn send(&self, call: Call) -> BoxFuture<'_, Result<Answer, TransportError>> {
        Box::pin(async move {
            let request = request(call)?.answer_bytes(LARGEST_ANSWER);
            match Self::send(self, request).await {
                Ok(answer) => Ok(Answer { status: answer.status, body: answer.body }),
                Err(HttpError::Size(_)) => Err(TransportError::TooLarge),
                Err(HttpError::Time(_)) => Err(TransportError::TooSlow),
                Err(error) => Err(TransportError::Failed(error.into())),
            }
        })
    }
}

fn request(call: Call) -> Result<Request, TransportError> {
    let mut request = match &call.form {
        None => Request::get(call.url),
        Some(form) => {
            let fields: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            Request::post_form(call.url, &fields)
        }
    };
    for (name, value) in call.headers {
        let name = HeaderName::from_static(name);
        let mut value = HeaderValue::from_str(&value).map_err(|error| TransportError::Failed(error.into()))?;
        value.set_sensitive(name == AUTHORIZATION);
        request = request.header(name, value);
    }
    Ok(request)
}
