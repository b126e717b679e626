//! A mail server: reached at a checked address, encrypted as far as it can be, and tried again when it says "later".

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{AsyncSmtpTransportBuilder, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, sleep, timeout_at};

use crate::outgoing::address::{ResolveError, Resolver};

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// The port on which encryption begins at once.
const IMPLICIT_PORT: u16 = 465;

/// How often a mail is offered to a server, and the pause between.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encryption {
    /// At once on port 465. Otherwise by STARTTLS where the server offers it, and without it neither a password nor a
    /// mail leaves for a server that is not in a listed network.
    #[default]
    Automatic,
    /// At once, whatever the port.
    Implicit,
    /// By STARTTLS or not at all.
    StartTls,
    /// By STARTTLS where the server offers it, even across the internet.
    Opportunistic,
}

#[derive(Debug, Clone)]
pub struct SmtpSettings {
    pub host: String,
    pub port: u16,
    /// None: the server asks for no password.
    pub user: Option<String>,
    pub password: SecretString,
    pub encryption: Encryption,
    /// The name that we say we have; the machine's if there is none.
    pub hello: Option<String>,
    /// For a mail as a whole, with its second tries.
    pub time: Duration,
    /// Connections that are open at once.
    pub connections: u32,
    /// Certificates (PEM) to believe besides the system's.
    pub roots: Vec<String>,
}

impl Default for SmtpSettings {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 587,
            user: None,
            password: SecretString::default(),
            encryption: Encryption::Automatic,
            hello: None,
            time: Duration::from_secs(15),
            connections: 4,
            roots: Vec::new(),
        }
    }
}

/// A mail server by its settings. Clones share its connections.
#[derive(Clone)]
pub struct Smtp {
    settings: Arc<SmtpSettings>,
    resolver: Resolver,
    tls: TlsParameters,
    /// The address that was reached last, and its connections.
    last: Arc<Mutex<Option<(IpAddr, Transport)>>>,
}

#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    #[error("the mail server's name {0:?} can't be used for encryption; correct the SMTP host")]
    Host(String, #[source] lettre::transport::smtp::Error),
    #[error("a certificate of the SMTP settings is none; write it as PEM")]
    Certificate(#[source] lettre::transport::smtp::Error),
    #[error(transparent)]
    Address(#[from] ResolveError),
    #[error("the mail server did not take the mail within {0:?}; see whether host and port are right")]
    Time(Duration),
    #[error("the mail server offers no encryption (STARTTLS); use port 465, or have its network allowed")]
    Unencrypted(#[source] lettre::transport::smtp::Error),
    #[error("encryption with the mail server failed; see whether its certificate is valid for its name")]
    Tls(#[source] lettre::transport::smtp::Error),
    #[error("the mail server refused the user or the password; correct them")]
    Credentials(#[source] lettre::transport::smtp::Error),
    /// In the server's words, or why it can't be spoken to: an address that it does not understand, for one.
    #[error("the mail server said: {said}")]
    Refused {
        said: String,
        #[source]
        source: lettre::transport::smtp::Error,
    },
    #[error("the mail server can't be reached; see whether host and port are right")]
    Connection(#[source] lettre::transport::smtp::Error),
}

impl Smtp {
    pub fn new(settings: SmtpSettings, resolver: Resolver) -> Result<Self, SmtpError> {
        let mut tls = TlsParameters::builder(settings.host.clone());
        for pem in &settings.roots {
            tls = tls.add_root_certificate(Certificate::from_pem(pem.as_bytes()).map_err(SmtpError::Certificate)?);
        }
        let tls = tls.build().map_err(|error| SmtpError::Host(settings.host.clone(), error))?;
        Ok(Self { settings: Arc::new(settings), resolver, tls, last: Arc::default() })
    }

    /// Connects, greets and gives the password, without a mail: whether the settings are right.
    pub async fn check(&self) -> Result<(), SmtpError> {
        self.within(None).await
    }

    pub(super) async fn send(&self, message: &Message) -> Result<(), SmtpError> {
        self.within(Some(message)).await
    }

    async fn within(&self, message: Option<&Message>) -> Result<(), SmtpError> {
        let deadline = Instant::now() + self.settings.time;
        timeout_at(deadline, self.tries(message)).await.unwrap_or(Err(SmtpError::Time(self.settings.time)))
    }

    async fn tries(&self, message: Option<&Message>) -> Result<(), SmtpError> {
        let mut attempt = 1;
        let mut with_user = self.settings.user.is_some();
        loop {
            let transport = self.transport(with_user).await?;
            let outcome = match message {
                Some(message) => transport.send(message.clone()).await.map(drop),
                None => transport.test_connection().await.map(drop),
            };
            let Err(error) = outcome else { return Ok(()) };
            // A server that asks for no password is told none: mail catchers, which are given some user all the same.
            if with_user && asks_for_no_password(&error) {
                self.forget();
                with_user = false;
                continue;
            }
            // A server that can't be spoken to may be another one the next time.
            let later = error.is_transient() || !(error.is_permanent() || error.is_client() || is_tls(&error));
            if !error.is_transient() {
                self.forget();
            }
            if attempt == ATTEMPTS || !later {
                return Err(failure(error));
            }
            sleep(PAUSE * attempt).await;
            attempt += 1;
        }
    }

    /// Connections to an address that the host has now; those that are there already, whether they have told the user or not.
    async fn transport(&self, with_user: bool) -> Result<Transport, SmtpError> {
        let settings = &self.settings;
        let addresses = self.resolver.resolve(&settings.host, settings.port, false).await?;
        let last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        if let Some((address, transport)) = last
            && addresses.iter().any(|known| known.ip() == address)
        {
            return Ok(transport);
        }
        let address = self.reachable(&addresses).await.unwrap_or(addresses[0].ip());
        let listed = self.resolver.resolve(&address.to_string(), settings.port, true).await.is_ok();
        let transport = self.builder(address, listed, with_user).build();
        *self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some((address, transport.clone()));
        Ok(transport)
    }

    /// The first of several addresses that takes a connection.
    async fn reachable(&self, addresses: &[std::net::SocketAddr]) -> Option<IpAddr> {
        if let [address] = addresses {
            return Some(address.ip());
        }
        for address in addresses {
            let connecting = tokio::net::TcpStream::connect(address);
            if let Ok(Ok(_)) = tokio::time::timeout(Duration::from_secs(3), connecting).await {
                return Some(address.ip());
            }
        }
        None
    }

    fn builder(&self, address: IpAddr, listed: bool, with_user: bool) -> AsyncSmtpTransportBuilder {
        let settings = &self.settings;
        let tls = self.tls.clone();
        let tls = match settings.encryption {
            Encryption::Implicit => Tls::Wrapper(tls),
            Encryption::Automatic if settings.port == IMPLICIT_PORT => Tls::Wrapper(tls),
            Encryption::Automatic if listed => Tls::Opportunistic(tls),
            Encryption::Automatic | Encryption::StartTls => Tls::Required(tls),
            // A password is not shown to whoever listens.
            Encryption::Opportunistic if settings.user.is_some() && !listed => Tls::Required(tls),
            Encryption::Opportunistic => Tls::Opportunistic(tls),
        };
        let mut builder = Transport::builder_dangerous(address.to_string())
            .port(settings.port)
            .tls(tls)
            .timeout(Some(settings.time))
            .pool_config(PoolConfig::new().min_idle(0).max_size(settings.connections).idle_timeout(Duration::from_secs(60)));
        if let Some(name) = &settings.hello {
            builder = builder.hello_name(ClientId::Domain(name.clone()));
        }
        if let Some(user) = settings.user.as_ref().filter(|_| with_user) {
            let credentials = Credentials::new(user.clone(), settings.password.expose_secret().to_owned());
            builder = builder.credentials(credentials).authentication(vec![Mechanism::Plain, Mechanism::Login]);
        }
        builder
    }

    fn forget(&self) {
        *self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp").field("settings", &self.settings).finish_non_exhaustive()
    }
}

fn failure(error: lettre::transport::smtp::Error) -> SmtpError {
    let code = error.status().map(|code| code.to_string()).unwrap_or_default();
    let said = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    if matches!(code.as_str(), "530" | "534" | "535" | "538") {
        SmtpError::Credentials(error)
    } else if error.is_client() && said.contains("STARTTLS") {
        SmtpError::Unencrypted(error)
    } else if error.is_response() || error.is_transient() || error.is_permanent() || error.is_client() {
        SmtpError::Refused { said: format!("{code} {said}").trim().to_owned(), source: error }
    } else if is_tls(&error) {
        SmtpError::Tls(error)
    } else {
        SmtpError::Connection(error)
    }
}

/// What the server offers has no way to tell it a password. Found here, before anything was sent.
fn asks_for_no_password(error: &lettre::transport::smtp::Error) -> bool {
    let said = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    error.is_client() && said.contains("No compatible authentication mechanism")
}

/// A handshake that fails is an error of the connection, with its reason within.
fn is_tls(error: &lettre::transport::smtp::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let within = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if within.is_some_and(|within| within.is::<rustls::Error>()) || cause.is::<rustls::Error>() {
            return true;
        }
        source = cause.source();
    }
    error.is_tls()
}

#[cfg(test)]
mod server;
#[cfg(test)]
mod tests;
