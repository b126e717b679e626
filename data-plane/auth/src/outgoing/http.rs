//! The one HTTP client for everything that a tenant's settings can point at.
//!
//! It speaks https, and http only to networks that are listed; it connects to checked addresses alone, follows no
//! redirect, uses no proxy of the environment, and is bounded in time, in the size of answers and in how many calls run.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use ipnet::IpNet;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::address::{Lookup, ResolveError, Resolver};

/// What bounds the client.
#[derive(Debug, Clone)]
pub struct Options {
    /// Private networks that may be reached, and by http too.
    pub allowed_networks: Vec<IpNet>,
    /// For a call as a whole, if its request says nothing else.
    pub time: Duration,
    /// For an answer's body, if its request says nothing else.
    pub answer_bytes: usize,
    /// Calls that run at once; others wait within their time.
    pub concurrency: usize,
    /// Certificates (DER) to believe besides the system's, or Mozilla's where the system has none.
    pub roots: Vec<Vec<u8>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            allowed_networks: Vec::new(),
            time: Duration::from_secs(10),
            answer_bytes: 1024 * 1024,
            concurrency: 64,
            roots: Vec::new(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("{0:?} is no URL that can be called; write one such as https://example.com/path")]
    Url(String),
    #[error("{0} would be called by http, unencrypted; use https, or have its network allowed")]
    Plain(String),
    #[error(transparent)]
    Address(#[from] ResolveError),
    #[error("no answer within {0:?}")]
    Time(Duration),
    #[error("the answer has more than {0} bytes")]
    Size(usize),
    #[error("the connection failed; see whether the server runs and its certificate is valid")]
    Connection(#[source] reqwest::Error),
    #[error("the exchange failed")]
    Exchange(#[source] reqwest::Error),
    #[error("the answer is not the JSON that was expected")]
    Json(#[source] serde_json::Error),
    #[error("the client could not be made")]
    Client(#[source] reqwest::Error),
}

/// A call. Its `Debug` shows neither headers nor body.
#[derive(Clone)]
pub struct Request {
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Bytes,
    time: Option<Duration>,
    answer_bytes: Option<usize>,
}

/// An answer of whatever status, redirects among them.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

#[derive(Debug, Clone)]
pub struct HttpClient {
    https: Client,
    /// Reaches listed networks alone.
    http: Client,
    resolver: Resolver,
    time: Duration,
    answer_bytes: usize,
    permits: Arc<Semaphore>,
}

impl HttpClient {
    pub fn new(options: Options) -> Result<Self, HttpError> {
        let resolver = Resolver::new(options.allowed_networks.clone());
        Self::with_resolver(options, resolver)
    }

    /// With names that a test has made up.
    #[cfg_attr(not(test), expect(dead_code, reason = "for tests"))]
    pub(crate) fn with_lookup(options: Options, lookup: Lookup) -> Result<Self, HttpError> {
        let resolver = Resolver::with_lookup(options.allowed_networks.clone(), lookup);
        Self::with_resolver(options, resolver)
    }

    fn with_resolver(options: Options, resolver: Resolver) -> Result<Self, HttpError> {
        // reqwest is built without a provider of its own. If there is one already, that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            https: client(&options, resolver.clone(), false)?,
            http: client(&options, resolver.clone(), true)?,
            resolver,
            time: options.time,
            answer_bytes: options.answer_bytes,
            permits: Arc::new(Semaphore::new(options.concurrency)),
        })
    }

    /// The same client with a bound of its own on calls that run at once: one project's slow hooks hold up no other's.
    #[must_use]
    pub fn with_concurrency(&self, concurrency: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(concurrency)), ..self.clone() }
    }

    /// Which addresses may be reached, for what is not HTTP.
    pub fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    /// Whether a setting holds a URL that could be called, without calling it: for the moment when it is set.
    pub async fn check(&self, url: &str) -> Result<(), HttpError> {
        let (url, plain) = parse(url)?;
        self.resolve(&url, plain).await
    }

    async fn resolve(&self, url: &Url, plain: bool) -> Result<(), HttpError> {
        let host = url.host_str().unwrap_or_default();
        match self.resolver.resolve(host, 0, plain).await {
            Ok(_) => Ok(()),
            Err(ResolveError::Closed(host)) if plain => Err(HttpError::Plain(host)),
            Err(error) => Err(error.into()),
        }
    }

    pub async fn send(&self, request: Request) -> Result<Answer, HttpError> {
        let time = request.time.unwrap_or(self.time);
        let deadline = Instant::now() + time;
        let exchange = async {
            // The semaphore is never closed.
            let _permit = self.permits.acquire().await.ok();
            self.exchange(request).await
        };
        timeout_at(deadline, exchange).await.unwrap_or(Err(HttpError::Time(time)))
    }

    async fn exchange(&self, request: Request) -> Result<Answer, HttpError> {
        let (url, plain) = parse(&request.url)?;
        // An address in a URL is not resolved by the client, and thus not checked by it.
        if is_address(&url) {
            self.resolve(&url, plain).await?;
        }
        let client = if plain { &self.http } else { &self.https };
        let most = request.answer_bytes.unwrap_or(self.answer_bytes);
        let sent = client.request(request.method, url).headers(request.headers).body(request.body).send().await;
        let mut response = sent.map_err(|error| failure(error, plain))?;
        if response.content_length().is_some_and(|length| length > most as u64) {
            return Err(HttpError::Size(most));
        }
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| HttpError::Exchange(error.without_url()))? {
            if body.len() + chunk.len() > most {
                return Err(HttpError::Size(most));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body: body.freeze() })
    }
}

impl Request {
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self { method, url: url.into(), headers: HeaderMap::new(), body: Bytes::new(), time: None, answer_bytes: None }
    }

    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::GET, url)
    }

    pub fn post(url: impl Into<String>, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut request = Self::new(Method::POST, url).header(CONTENT_TYPE, HeaderValue::from_static(content_type));
        request.body = body.into();
        request
    }

    /// A form, `application/x-www-form-urlencoded`.
    pub fn post_form(url: impl Into<String>, fields: &[(&str, &str)]) -> Self {
        let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        Self::post(url, "application/x-www-form-urlencoded", fields.join("&"))
    }

    pub fn post_json(url: impl Into<String>, body: &impl Serialize) -> Result<Self, HttpError> {
        Ok(Self::post(url, "application/json", serde_json::to_vec(body).map_err(HttpError::Json)?))
    }

    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Asks for JSON.
    #[must_use]
    pub fn accept_json(self) -> Self {
        self.header(ACCEPT, HeaderValue::from_static("application/json"))
    }

    #[must_use]
    pub fn basic_auth(self, user: &str, password: &SecretString) -> Self {
        let encoded = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
        self.authorization(&format!("Basic {encoded}"))
    }

    #[must_use]
    pub fn bearer(self, token: &SecretString) -> Self {
        self.authorization(&format!("Bearer {}", token.expose_secret()))
    }

    /// `Authorization`, kept out of logs. What can't stand in a header is left out, and the server will say so.
    #[must_use]
    pub fn authorization(mut self, value: &str) -> Self {
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(true);
            self.headers.insert(AUTHORIZATION, value);
        }
        self
    }

    #[must_use]
    pub fn time(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }

    #[must_use]
    pub fn answer_bytes(mut self, most: usize) -> Self {
        self.answer_bytes = Some(most);
        self
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.split(['?', '#']).next().unwrap_or_default();
        f.debug_struct("Request").field("method", &self.method).field("url", &url).finish_non_exhaustive()
    }
}

impl Answer {
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        serde_json::from_slice(&self.body).map_err(HttpError::Json)
    }
}

/// What a form leaves as it is; a space becomes `+`.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_').remove(b' ');

fn encode(text: &str) -> String {
    utf8_percent_encode(text, FORM).to_string().replace(' ', "+")
}

/// The URL, and whether it is unencrypted.
fn parse(text: &str) -> Result<(Url, bool), HttpError> {
    let wrong = || HttpError::Url(text.split(['?', '#']).next().unwrap_or_default().to_owned());
    let url = Url::parse(text).map_err(|_| wrong())?;
    let named = url.host_str().is_some_and(|host| !host.is_empty()) && url.username().is_empty() && url.password().is_none();
    match url.scheme() {
        "https" if named => Ok((url, false)),
        "http" if named => Ok((url, true)),
        _ => Err(wrong()),
    }
}

fn is_address(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok()
}

fn client(options: &Options, resolver: Resolver, listed: bool) -> Result<Client, HttpError> {
    let roots = options.roots.iter().map(|der| Certificate::from_der(der));
    let roots = roots.collect::<Result<Vec<_>, _>>().map_err(HttpError::Client)?;
    let builder = || {
        Client::builder()
            .user_agent(concat!("supacloud-auth/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Checked { resolver: resolver.clone(), listed })
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .https_only(!listed)
            .connect_timeout(Duration::from_secs(5))
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(4)
    };
    if let Ok(client) = builder().tls_certs_merge(roots.clone()).build() {
        return Ok(client);
    }
    // A system without certificates, as a bare container is: Mozilla's, as of the build, serve.
    let bundled = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|der| Certificate::from_der(der));
    let bundled = bundled.collect::<Result<Vec<_>, _>>().map_err(HttpError::Client)?;
    builder().tls_certs_only(bundled.into_iter().chain(roots)).build().map_err(HttpError::Client)
}

struct Checked {
    resolver: Resolver,
    listed: bool,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (resolver, listed) = (self.resolver.clone(), self.listed);
        Box::pin(async move {
            let addresses = resolver.resolve(name.as_str(), 0, listed).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// What our resolver said, if it was that; otherwise by where the exchange ended.
fn failure(error: reqwest::Error, plain: bool) -> HttpError {
    let error = error.without_url();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        match cause.downcast_ref::<ResolveError>() {
            Some(ResolveError::Closed(host)) if plain => return HttpError::Plain(host.clone()),
            Some(ResolveError::Closed(host)) => return ResolveError::Closed(host.clone()).into(),
            Some(ResolveError::Unknown(host, _)) => return ResolveError::Unknown(host.clone(), None).into(),
            None => source = cause.source(),
        }
    }
    if error.is_connect() { HttpError::Connection(error) } else { HttpError::Exchange(error) }
}

#[cfg(test)]
mod tests;
