//! Where a database is and how it is reached: its servers, tried in turn, by TLS or without, as libpq does it.

use std::{
    collections::HashMap,
    error::Error as _,
    fmt,
    hash::{BuildHasher as _, RandomState},
    io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use secrecy::{ExposeSecret as _, SecretString};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    net::{TcpStream, UnixStream, lookup_host},
    time::timeout,
};
use tokio_postgres::{
    Client, Config, NoTls, SimpleQueryMessage, Socket,
    config::{Host, SslMode},
    error::SqlState,
    tls::{MakeTlsConnect, TlsStream},
};
use tokio_util::either::Either;

use crate::{
    connection::{self, Notifications},
    libpq,
    tls::{Attempt, Tls},
    wire::{Plain, Wire},
};

/// Time for connecting to one address, scram included, unless the configuration has another.
const CONNECT: Duration = Duration::from_secs(5);

/// A database, and who connects to it.
#[derive(Clone)]
pub struct Database {
    /// Everything but the servers.
    pub config: Config,
    /// Where it may be, in the order of trying.
    pub servers: Vec<Server>,
    /// Whether another order is taken each time.
    pub shuffles: bool,
    /// Which of the servers will do.
    pub wanted: Wanted,
    /// When to speak TLS. Never by a socket of this machine.
    pub encryption: Encryption,
    /// How to speak it; it is not spoken without.
    pub tls: Option<Tls>,
}

/// Where a server listens.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its name, or the folder of its socket.
    pub host: Host,
    /// Its address, if the name is not to be asked for it.
    pub address: Option<IpAddr>,
    /// The port; part of the socket's name.
    pub port: u16,
    /// The password there, if it is not the configuration's.
    pub password: Option<SecretString>,
}

/// `sslmode`, as far as it is about whether TLS is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// Never.
    Never,
    /// If the server does not let us in without.
    IfRefused,
    /// If the server can.
    IfOffered,
    /// Always.
    Always,
}

/// `target_session_attrs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Every server will do.
    Any,
    /// One that lets us write.
    ReadWrite,
    /// One that does not.
    ReadOnly,
    /// One that is not in recovery.
    Primary,
    /// One that is.
    Standby,
    /// The same, or any if there is none.
    PreferStandby,
}

/// Why a server could not be used. Its text says all, so that it can be shown as PostgreSQL's own clients show theirs.
#[derive(Debug, thiserror::Error)]
#[error("connection to server at {server} failed: {reason}")]
pub struct ConnectError {
    server: String,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    NoAddress(io::Error),
    TimedOut,
    Database(tokio_postgres::Error),
    Unwanted(&'static str),
}

/// Where a connection has come out, for another one to the same server.
#[derive(Debug, Clone)]
pub(crate) struct Reached {
    /// The name that its certificate should have.
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) encrypted: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Place {
    Address(SocketAddr),
    Socket { folder: PathBuf, port: u16 },
}

/// A connection that was just made.
pub(crate) struct Opened {
    pub(crate) client: Client,
    /// The connection itself, where it can be had past the client.
    pub(crate) wire: Option<Wire>,
    pub(crate) notifications: Notifications,
    pub(crate) reached: Reached,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The configuration's own `Debug` leaves the password out.
        f.debug_struct("Database").field("config", &self.config).field("servers", &self.servers).finish_non_exhaustive()
    }
}

impl Database {
    /// One server, without TLS.
    #[must_use]
    pub fn at(host: Host, port: u16, config: Config) -> Self {
        Self {
            config,
            servers: vec![Server { host, address: None, port, password: None }],
            shuffles: false,
            wanted: Wanted::Any,
            encryption: Encryption::Never,
            tls: None,
        }
    }

    /// Reads a connection string, a URI or words of `key=value`. What it does not say is taken from libpq's variables and
    /// files, and `application` is the name for `pg_stat_activity` unless it says another.
    ///
    /// # Errors
    /// What is wrong. Shows nothing of the string, which has a password.
    pub fn parse(text: &str, variables: &HashMap<String, String>, application: &str) -> Result<Self, String> {
        libpq::database(text, variables, application)
    }

    /// A connection of its own, outside any pool. Ends with the client.
    ///
    /// # Errors
    /// [`ConnectError`] of the server that was tried last.
    pub async fn connect(&self) -> Result<Client, ConnectError> {
        Box::pin(self.open()).await.map(|opened| opened.client)
    }

    pub(crate) async fn open(&self) -> Result<Opened, ConnectError> {
        let rounds: &[Wanted] = match self.wanted {
            Wanted::PreferStandby => &[Wanted::Standby, Wanted::Any],
            ref wanted => std::slice::from_ref(wanted),
        };
        let nowhere = io::Error::new(io::ErrorKind::NotFound, "no server is named");
        let mut failed = ConnectError { server: "nowhere".to_owned(), reason: Reason::NoAddress(nowhere) };
        for wanted in rounds {
            for server in self.in_order() {
                match self.open_at(server, *wanted).await {
                    Err(error) if error.counts_for_all() => return Err(error),
                    Err(error) => failed = error,
                    opened => return opened,
                }
            }
        }
        Err(failed)
    }

    fn in_order(&self) -> Vec<&Server> {
        let mut servers: Vec<_> = self.servers.iter().enumerate().collect();
        if self.shuffles {
            let random = RandomState::new();
            servers.sort_by_cached_key(|(at, _)| random.hash_one(at));
        }
        servers.into_iter().map(|(_, server)| server).collect()
    }

    /// Time for each address.
    fn patience(&self) -> Duration {
        self.config.get_connect_timeout().copied().unwrap_or(CONNECT)
    }

    async fn open_at(&self, server: &Server, wanted: Wanted) -> Result<Opened, ConnectError> {
        let places = match timeout(self.patience(), server.places()).await {
            Ok(Ok(places)) => places,
            Ok(Err(error)) => return Err(ConnectError { server: server.shown(), reason: Reason::NoAddress(error) }),
            Err(_) => return Err(ConnectError { server: server.shown(), reason: Reason::TimedOut }),
        };
        let mut failed = Reason::NoAddress(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        let mut shown = server.shown();
        for place in places {
            shown = server.shown_at(&place);
            match self.open_place(server, place, wanted).await {
                Err(reason @ Reason::Database(_)) if counts_for_all(&reason) => {
                    failed = reason;
                    break;
                }
                Err(reason) => failed = reason,
                Ok(opened) => return Ok(opened),
            }
        }
        Err(ConnectError { server: shown, reason: failed })
    }

    /// Tries with TLS and without, as far as that is allowed.
    async fn open_place(&self, server: &Server, place: Place, wanted: Wanted) -> Result<Opened, Reason> {
        let by_socket = matches!(place, Place::Socket { .. });
        let Some(tls) = self.tls.as_ref().filter(|_| !by_socket && self.encryption != Encryption::Never) else {
            return self.attempt(server, place, SslMode::Disable, None, wanted).await;
        };
        let attempt = tls.attempt();
        let encrypted = Some(&attempt);
        match self.encryption {
            Encryption::Never | Encryption::IfRefused => {
                match self.attempt(server, place.clone(), SslMode::Disable, None, wanted).await {
                    Err(reason) if reason.is_refusal() => self.attempt(server, place, SslMode::Require, encrypted, wanted).await,
                    outcome => outcome,
                }
            }
            Encryption::IfOffered => match self.attempt(server, place.clone(), SslMode::Prefer, encrypted, wanted).await {
                Err(reason) if attempt.began() && (reason.is_about_the_way() || reason.is_refusal()) => {
                    // What was wrong with TLS says more than that there is no way without.
                    self.attempt(server, place, SslMode::Disable, None, wanted).await.map_err(|_| reason)
                }
                outcome => outcome,
            },
            Encryption::Always => self.attempt(server, place, SslMode::Require, encrypted, wanted).await,
        }
    }

    async fn attempt(
        &self,
        server: &Server,
        place: Place,
        mode: SslMode,
        tls: Option<&Attempt>,
        wanted: Wanted,
    ) -> Result<Opened, Reason> {
        let mut config = self.config.clone();
        config.ssl_mode(mode);
        if let Some(password) = &server.password {
            config.password(password.expose_secret());
        }
        let name = match (&place, &server.host) {
            (Place::Socket { folder, port }, _) => {
                config.host_path(folder).port(*port);
                String::new()
            }
            (Place::Address(address), host) => {
                let name = match host {
                    Host::Tcp(name) => name.clone(),
                    Host::Unix(_) => address.ip().to_string(),
                };
                config.host(&name).hostaddr(address.ip()).port(address.port());
                name
            }
        };
        let connecting = async {
            let (client, notifications, wire) = match tls {
                Some(tls) => drive(&config, tls.clone()).await?,
                None => match place.plain(&config).await {
                    Ok(socket) => drive_plain(&config, socket).await?,
                    // The client finds out for itself, and says it in its words.
                    Err(_) => drive(&config, NoTls).await?,
                },
            };
            wanted.check(&client).await?;
            Ok((client, notifications, wire))
        };
        let (client, notifications, wire) = timeout(self.patience(), connecting).await.unwrap_or(Err(Reason::TimedOut))?;
        let encrypted = tls.is_some_and(Attempt::began);
        Ok(Opened { client, wire, notifications, reached: Reached { name, place, encrypted } })
    }
}

async fn drive<T>(config: &Config, tls: T) -> Result<(Client, Notifications, Option<Wire>), Reason>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: TlsStream + Unpin + Send + 'static,
{
    let (client, connection) = config.connect(tls).await.map_err(Reason::Database)?;
    Ok((client, connection::drive(connection), None))
}

async fn drive_plain(config: &Config, socket: Plain) -> Result<(Client, Notifications, Option<Wire>), Reason> {
    let wire = Wire::new(socket);
    let (client, connection) = config.connect_raw(wire.clone(), NoTls).await.map_err(Reason::Database)?;
    Ok((client, connection::drive(connection), Some(wire)))
}

impl Place {
    /// Connects without TLS, with the options that the client sets on its own sockets.
    async fn plain(&self, config: &Config) -> io::Result<Plain> {
        let address = match self {
            Self::Socket { folder, port } => {
                return UnixStream::connect(folder.join(format!(".s.PGSQL.{port}"))).await.map(Either::Left);
            }
            Self::Address(address) => address,
        };
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        socket.set_tcp_user_timeout(config.get_tcp_user_timeout().copied())?;
        if config.get_keepalives() {
            let mut keepalive = TcpKeepalive::new().with_time(config.get_keepalives_idle());
            if let Some(interval) = config.get_keepalives_interval() {
                keepalive = keepalive.with_interval(interval);
            }
            if let Some(retries) = config.get_keepalives_retries() {
                keepalive = keepalive.with_retries(retries);
            }
            socket.set_tcp_keepalive(&keepalive)?;
        }
        Ok(Either::Right(stream))
    }
}

impl Server {
    async fn places(&self) -> io::Result<Vec<Place>> {
        match (&self.host, self.address) {
            (_, Some(address)) => Ok(vec![Place::Address((address, self.port).into())]),
            (Host::Unix(folder), None) => Ok(vec![Place::Socket { folder: folder.clone(), port: self.port }]),
            (Host::Tcp(name), None) => Ok(lookup_host((name.as_str(), self.port)).await?.map(Place::Address).collect()),
        }
    }

    fn shown(&self) -> String {
        match &self.host {
            Host::Unix(folder) => format!("\"{}\", port {}", folder.display(), self.port),
            Host::Tcp(name) => format!("\"{name}\", port {}", self.port),
        }
    }

    fn shown_at(&self, place: &Place) -> String {
        match (&self.host, place) {
            (Host::Tcp(name), Place::Address(address)) if *name != address.ip().to_string() => {
                format!("\"{name}\" ({}), port {}", address.ip(), self.port)
            }
            _ => self.shown(),
        }
    }
}

impl Reached {
    /// What became of a connection that was made.
    pub(crate) fn failed(&self, error: tokio_postgres::Error) -> ConnectError {
        let server = match &self.place {
            Place::Address(address) => format!("\"{}\", port {}", self.name, address.port()),
            Place::Socket { folder, port } => format!("\"{}\", port {port}", folder.display()),
        };
        ConnectError { server, reason: Reason::Database(error) }
    }
}

impl Wanted {
    async fn check(self, client: &Client) -> Result<(), Reason> {
        const QUESTION: &str = "select pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only')";
        if self == Self::Any {
            return Ok(());
        }
        let answer = client.simple_query(QUESTION).await.map_err(Reason::Database)?;
        let row = answer.iter().find_map(|message| if let SimpleQueryMessage::Row(row) = message { Some(row) } else { None });
        let [in_recovery, read_only] =
            [(0, "t"), (1, "on")].map(|(column, yes)| row.is_some_and(|row| row.get(column) == Some(yes)));
        match self {
            Self::ReadWrite if in_recovery || read_only => Err(Reason::Unwanted("session is read-only")),
            Self::ReadOnly if !(in_recovery || read_only) => Err(Reason::Unwanted("session is not read-only")),
            Self::Primary if in_recovery => Err(Reason::Unwanted("server is in hot standby mode")),
            Self::Standby if !in_recovery => Err(Reason::Unwanted("server is not in hot standby mode")),
            Self::Any | Self::ReadWrite | Self::ReadOnly | Self::Primary | Self::Standby | Self::PreferStandby => Ok(()),
        }
    }
}

impl ConnectError {
    /// Whether nothing was heard of the server in time.
    #[must_use]
    pub fn is_time_out(&self) -> bool {
        matches!(self.reason, Reason::TimedOut)
    }

    /// Whether the password is wrong, or missing where one is asked for.
    #[must_use]
    pub fn is_about_the_password(&self) -> bool {
        let Reason::Database(error) = &self.reason else { return false };
        // The client has no code for what it is not given.
        error.code() == Some(&SqlState::INVALID_PASSWORD) || self.to_string().contains("password missing")
    }

    fn counts_for_all(&self) -> bool {
        counts_for_all(&self.reason)
    }
}

/// Whether another server would say the same: who is refused is not to try everywhere. One that can't take anyone now may
/// have a neighbour that can.
fn counts_for_all(reason: &Reason) -> bool {
    let Reason::Database(error) = reason else { return false };
    error.code().is_some_and(|code| *code != SqlState::CANNOT_CONNECT_NOW)
}

impl Reason {
    /// Whether the server lets nobody in by this way, with TLS or without.
    fn is_refusal(&self) -> bool {
        matches!(self, Self::Database(error) if error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION))
    }

    /// Whether the way broke before the server had a word.
    fn is_about_the_way(&self) -> bool {
        matches!(self, Self::Database(error) if error.as_db_error().is_none())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress(error) => write!(f, "{error}"),
            Self::TimedOut => f.write_str("timeout expired"),
            Self::Unwanted(why) => f.write_str(why),
            Self::Database(error) => {
                if let Some(error) = error.as_db_error() {
                    return write!(f, "{}:  {}", error.severity(), error.message());
                }
                write!(f, "{error}")?;
                let mut cause = error.source();
                while let Some(error) = cause {
                    write!(f, ": {error}")?;
                    cause = error.source();
                }
                Ok(())
            }
        }
    }
}
