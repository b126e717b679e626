//! The program `auth`: the service for any database, in the place of GoTrue, whose variables it reads.
//!
//! It serves without a project or a gateway in front of it, so it brings the schema up to date, answers browsers' cross-origin
//! questions and limits the time of requests by itself.

pub mod admin;
mod given;
mod reload;
mod requests;

use std::{
    error::Error,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs as _},
    sync::Arc,
    time::Duration,
};

use auth_schema::Place;
use daemon::{Limits, Log, ReloadSignals};
use project_context::{Database, Pool};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_postgres::Client;

pub use given::{Given, GivenError, Sources};

use crate::{
    context::{AuthContext, ContextError, Shared},
    outgoing::http::{HttpClient, HttpError, Options},
    password::{self, Hasher},
};

/// A head that takes longer to arrive is not waited for: nothing stands in front of the program that would see to it.
const LIMITS: Limits = Limits { head: Some(Duration::from_secs(30)), ..Limits::LENIENT };

/// Pauses between tries to reach the database at the start: from here, twice as long each time,
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// up to here.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

const HEALTH_AT_MOST: Duration = Duration::from_millis(2500);

/// Why the program could not serve.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The address is taken, or not this machine's.
    #[error("can't listen on {host:?} port {port}; choose others by GOTRUE_API_HOST and PORT")]
    Listen {
        /// The host as it was given.
        host: String,
        /// The port.
        port: u16,
        #[source]
        source: io::Error,
    },
    /// Signals can't be handled.
    #[error("can't handle signals")]
    Signals(#[source] io::Error),
    /// The database does not let the program in, which waiting does not change; or it can't be reached and is not waited for.
    #[error("the database refuses the login or can't be reached: {why}")]
    Database {
        /// What was said.
        why: String,
    },
    /// The schema can't be brought up to date.
    #[error(transparent)]
    Migration(#[from] auth_schema::Error),
    /// Settings that don't go together.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// The client for everything outside.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The threads that hash passwords.
    #[error("the threads that hash passwords can't be started")]
    Hasher(#[source] password::Error),
}

/// Serves until SIGTERM or SIGINT, and reads its settings again when it is told to. Lets requests in flight finish, and closes
/// the connections to the database. It first waits for the database and, with `migrates`, brings its schema up to date.
///
/// # Errors
/// [`RunError`], all before the first request.
pub async fn serve(given: Given, sources: Sources, log: Log, migrates: bool) -> Result<(), RunError> {
    for warning in &given.warnings {
        tracing::warn!("{warning}");
    }
    let stop = daemon::stop_on_signals().map_err(RunError::Signals)?;
    let signals = ReloadSignals::new().map_err(RunError::Signals)?;
    let hang_up = signal(SignalKind::hangup()).map_err(RunError::Signals)?;
    let (pool, context) = context(&given)?;
    let found = tokio::select! {
        () = stop.cancelled() => return Ok(()),
        found = once_it_is_there(&given.database, migrates) => found?,
    };
    context.found_own_tables(found);
    let listener = listen(&given.settings.api.host, given.settings.api.port).await?;
    let shown = listener.local_addr().map(|address| address.to_string()).unwrap_or_default();
    tracing::info!(address = shown, "listening");
    let at_the_start = reload::AtTheStart::of(&given);
    let reloaded = reload::Reloaded { context: Arc::clone(&context), log, signals, hang_up };
    let reloading = tokio::spawn(reload::when_told(reloaded, sources, at_the_start));
    let router = requests::around(crate::router(Arc::clone(&context)), &context);
    daemon::serve(listener, router, stop, LIMITS).await;
    reloading.abort();
    pool.close();
    tracing::info!("stopped");
    Ok(())
}

/// What requests work with. Does no IO.
fn context(given: &Given) -> Result<(Arc<Pool>, Arc<AuthContext>), RunError> {
    let shared = Shared {
        hasher: Hasher::new(password::Limits::default()).map_err(RunError::Hasher)?,
        http: HttpClient::new(Options { allowed_networks: given.allowed_networks.clone(), ..Options::default() })?,
    };
    let pool = Arc::new(Pool::new(given.pool()));
    let context = AuthContext::new(Arc::clone(&pool), given.settings.clone(), shared)?;
    Ok((pool, context))
}

/// Brings the schema up to date, or says at once why that can't be done.
///
/// # Errors
/// [`RunError`]
pub async fn migrate(given: &Given) -> Result<(), RunError> {
    bring_up_to_date(&mut connected(given).await?).await
}

async fn connected(given: &Given) -> Result<Client, RunError> {
    given.database.connect().await.map_err(|error| RunError::Database { why: told(&error) })
}

/// Waits for the database, brings its schema up to date where that is wanted, and says where our own tables are.
async fn once_it_is_there(database: &Database, migrates: bool) -> Result<Place, RunError> {
    let mut pause = FIRST_PAUSE;
    let mut client = loop {
        match database.connect().await {
            Ok(client) => break client,
            Err(error) if error.is_about_the_password() => return Err(RunError::Database { why: told(&error) }),
            Err(error) => {
                tracing::warn!(retry = ?pause, "the database can't be reached: {}", told(&error));
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    };
    if migrates {
        bring_up_to_date(&mut client).await?;
    }
    Ok(Place::of(&client).await?)
}

async fn bring_up_to_date(client: &mut Client) -> Result<(), RunError> {
    let migrations = auth_schema::migrate(client).await?;
    tracing::info!(migrations, "the schema is up to date");
    Ok(())
}

/// Every address where no host is given: of IPv6, which takes connections of IPv4, too, on machines that have it.
async fn listen(host: &str, port: u16) -> Result<TcpListener, RunError> {
    let bound = match host {
        "" => match TcpListener::bind(("::", port)).await {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await,
            bound => bound,
        },
        host => TcpListener::bind((host.trim_start_matches('[').trim_end_matches(']'), port)).await,
    };
    bound.map_err(|source| RunError::Listen { host: host.to_owned(), port, source })
}

/// Whether the program that listens there answers.
///
/// # Errors
/// What it says instead, or that it says nothing.
pub fn health(given: &Given) -> Result<(), String> {
    let api = &given.settings.api;
    // A name is taken for this machine's.
    let host: IpAddr = api.host.parse().unwrap_or(Ipv4Addr::LOCALHOST.into());
    let address = daemon::loopback(SocketAddr::new(host, api.port));
    match daemon::ask(address, "/health", HEALTH_AT_MOST) {
        Ok(200) => Ok(()),
        Ok(status) => Err(format!("{address}/health answers {status}")),
        Err(error) => Err(format!("{address} does not answer: {error}")),
    }
}

/// Whether an address of this machine answers well, as `wget --spider` asks: compose files and the command line of Supabase have
/// their health checks so, and there is no other wget in a container of this program.
///
/// # Errors
/// What it says instead, or why it can't be asked.
pub fn spider(url: &str) -> Result<(), String> {
    let rest = url.strip_prefix("http://").ok_or_else(|| format!("{url:?} is not an address of http"))?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let authority = if authority.rsplit(']').next().is_some_and(|end| end.contains(':')) {
        authority.to_owned()
    } else {
        format!("{authority}:80")
    };
    let addresses = authority.to_socket_addrs().map_err(|error| format!("{authority}: {error}"))?;
    let mut failed = format!("{authority} is nowhere");
    for address in addresses {
        match daemon::ask(address, &format!("/{path}"), HEALTH_AT_MOST) {
            Ok(200) => return Ok(()),
            Ok(status) => failed = format!("{url} answers {status}"),
            Err(error) => failed = format!("{url} does not answer: {error}"),
        }
    }
    Err(failed)
}

/// An error and what is below it.
fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let more = deeper.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = deeper.source();
    }
    text
}
