//! The program `rest`: the service for any database, in the place of PostgREST, whose variables it reads.
//!
//! It serves without a project, a gateway or a control plane in front of it, so it answers browsers' cross-origin questions
//! and limits the time for a request's head by itself.

mod connection_string;
mod cors;
mod dump;
mod file;
mod host;
mod libpq;
mod settings;
mod unsupported;
mod variables;

use std::{error::Error, io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use daemon::{Limits, ReloadSignals};
use project_context::{Pool, PoolError, PoolSettings, Verifier};

pub use dump::{dump, example};
pub use host::{Host, Place};
pub use settings::{DatabaseSettings, JwtSettings, Settings};
pub use variables::{SettingsError, Sources};

use host::Listener;

use crate::{options::Options, schema::InDatabase, state::State};

/// As PostgREST's HTTP server has it.
const LIMITS: Limits = Limits { head: Some(Duration::from_secs(30)), ..Limits::LENIENT };

/// Pauses between tries to reach the database at the start: from here, twice as long each time,
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// up to here, as PostgREST does it.
const LONGEST_PAUSE: Duration = Duration::from_secs(32);

/// A little more than `/ready` takes at most.
const HEALTH_AT_MOST: Duration = Duration::from_millis(2500);

/// Why the program could not serve.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The address is taken, or not this machine's.
    #[error(
        "can't listen on {host} port {port}; choose others by PGRST_SERVER_HOST, PGRST_SERVER_PORT or PGRST_ADMIN_SERVER_PORT"
    )]
    Listen {
        /// The host as it was given.
        host: String,
        /// The port.
        port: u16,
        #[source]
        source: io::Error,
    },
    /// Somebody else listens on the socket, or it can't be made.
    #[error("can't listen on {path}; choose another one by PGRST_SERVER_UNIX_SOCKET or PGRST_ADMIN_SERVER_UNIX_SOCKET")]
    ListenSocket {
        /// Its file.
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Signals can't be handled.
    #[error("can't handle signals")]
    Signals(#[source] io::Error),
    /// The database can't be reached, and that is not to be waited for.
    #[error("the database can't be reached, and PGRST_DB_POOL_AUTOMATIC_RECOVERY is false: {why}")]
    Unreachable {
        /// What was said.
        why: String,
    },
}

/// Serves until SIGTERM or SIGINT, lets requests in flight finish, and closes the connections to the database. Does not wait
/// for the database: requests are answered 503 until it is there.
///
/// # Errors
/// [`RunError`], before the first request or when the database is not to be waited for.
pub async fn run(settings: Settings) -> Result<(), RunError> {
    for warning in &settings.warnings {
        tracing::warn!(target: "startup", "{warning}");
    }
    let stop = daemon::stop_on_signals().map_err(RunError::Signals)?;
    let reloads = ReloadSignals::new().map_err(RunError::Signals)?;
    let listener = settings.place.listen().await?;
    let admin = match &settings.admin {
        Some(place) => Some(place.listen().await?),
        None => None,
    };
    tracing::info!(target: "startup", address = listener.shown(), admin = admin.as_ref().map(Listener::shown), "listening");
    let pool = Arc::new(Pool::new(PoolSettings {
        database: settings.database.reached,
        empty_path: settings.config.prepared_statements,
        max_connections: settings.database.pool,
        idle_after: settings.database.idle_after,
        max_lifetime: Some(settings.database.max_lifetime),
        wait: settings.database.wait,
    }));
    let verifier = settings.jwt.keys.map(|keys| Arc::new(Verifier::new(keys, settings.jwt.audience)));
    let cors_origins = settings.config.cors_allowed_origins.clone();
    let options = Options {
        project_ref: None,
        base_url: settings.base_url,
        config: Arc::new(settings.config),
        in_database_config: if settings.in_database_config { InDatabase::All } else { InDatabase::Nothing },
        app_settings: settings.app_settings,
    };
    let state = State::new(Arc::clone(&pool), verifier, options);
    let router = cors::around(crate::serve(Arc::clone(&state)), cors_origins);
    let reaching = tokio::spawn(reach(Arc::clone(&pool)));
    let reloading = tokio::spawn(reload_when_told(state, reloads));
    let administration = async {
        if let Some(admin) = admin {
            let pool = Arc::clone(&pool);
            admin.serve(daemon::admin_router(move || ready(Arc::clone(&pool))), stop.clone(), LIMITS).await;
        }
    };
    let serving = async { tokio::join!(listener.serve(router, stop.clone(), LIMITS), administration) };
    tokio::pin!(serving);
    let ended = tokio::select! {
        _ = &mut serving => Ok(()),
        why = pool.unreachable(), if !settings.database.recovers => {
            stop.cancel();
            serving.await;
            Err(RunError::Unreachable { why })
        }
    };
    reaching.abort();
    reloading.abort();
    pool.close();
    tracing::info!(target: "startup", "stopped");
    ended
}

/// PostgREST loads the schema again at one of these signals, and its settings at the other. Here both do both; what the
/// environment and the configuration file say holds until the next start.
async fn reload_when_told(state: Arc<State>, mut reloads: ReloadSignals) {
    loop {
        let signal = reloads.next().await;
        tracing::info!(signal, "loading the schema and the database's settings again");
        state.reload_now().await;
    }
}

/// Tries until the database is reached, so that the log says what is wrong before anyone asks.
async fn reach(pool: Arc<Pool>) {
    let mut pause = FIRST_PAUSE;
    while let Err(error) = pool.probe().await {
        tracing::warn!(target: "startup", cause = cause(&error), retry = ?pause, "{error}");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    tracing::info!(target: "startup", "the database is reached");
}

async fn ready(pool: Arc<Pool>) -> Result<(), String> {
    pool.probe().await.map_err(|error| match cause(&error) {
        Some(cause) => format!("The database can't be reached: {error}: {cause}."),
        None => format!("The database can't be reached: {error}."),
    })
}

fn cause(error: &PoolError) -> Option<String> {
    let mut cause = error.source()?;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    Some(cause.to_string())
}

/// Whether the program that listens there says that it is ready.
///
/// # Errors
/// What it says instead, or that it says nothing.
pub fn health(admin: &Place) -> Result<(), String> {
    let (shown, asked) = match admin {
        // A name is taken for this machine's.
        Place::Address { host, port, .. } => {
            let listen = format!("{}:{port}", host.shown()).parse();
            let address = daemon::loopback(listen.unwrap_or_else(|_| SocketAddr::from(([127, 0, 0, 1], *port))));
            (address.to_string(), daemon::ask(address, "/ready", HEALTH_AT_MOST))
        }
        Place::Socket { path, .. } => (path.display().to_string(), daemon::ask_unix(path, "/ready", HEALTH_AT_MOST)),
    };
    match asked {
        Ok(200) => Ok(()),
        Ok(status) => Err(format!("{shown}/ready answers {status}")),
        Err(error) => Err(format!("{shown} does not answer: {error}")),
    }
}
