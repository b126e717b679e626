//! The program `rest`: the service for any database, in the place of PostgREST, whose variables it reads.
//!
//! It serves without a project, a gateway or a control plane in front of it, so it answers browsers' cross-origin questions
//! and limits the time for a request's head by itself. It does not read configuration files.

mod connection_string;
mod cors;
mod host;
mod settings;
mod unsupported;
mod variables;

use std::{error::Error, io, net::SocketAddr, sync::Arc, time::Duration};

use daemon::Limits;
use project_context::{Pool, PoolError, PoolSettings, Verifier};

pub use host::Host;
pub use settings::{DatabaseSettings, JwtSettings, Settings};
pub use variables::SettingsError;

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
    /// Signals can't be handled.
    #[error("can't handle signals")]
    Signals(#[source] io::Error),
}

/// Serves until SIGTERM or SIGINT, lets requests in flight finish, and closes the connections to the database. Does not wait
/// for the database: requests are answered 503 until it is there.
///
/// # Errors
/// [`RunError`], all before the first request.
pub async fn run(settings: Settings) -> Result<(), RunError> {
    for warning in &settings.warnings {
        tracing::warn!(target: "startup", "{warning}");
    }
    let stop = daemon::stop_on_signals().map_err(RunError::Signals)?;
    let listener = settings.host.listen(settings.port).await?;
    let admin = match settings.admin_port {
        Some(port) => Some(settings.admin_host.listen(port).await?),
        None => None,
    };
    let shown = |listener: &tokio::net::TcpListener| listener.local_addr().map(|address| address.to_string()).unwrap_or_default();
    tracing::info!(target: "startup", address = shown(&listener), admin = admin.as_ref().map(shown), "listening");
    let pool = Arc::new(Pool::new(PoolSettings {
        config: settings.database.config,
        max_connections: settings.database.pool,
        idle_after: settings.database.idle_after,
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
    let router = cors::around(crate::serve(State::new(Arc::clone(&pool), verifier, options)), cors_origins);
    let reaching = tokio::spawn(reach(Arc::clone(&pool)));
    let administration = async {
        if let Some(admin) = admin {
            let pool = Arc::clone(&pool);
            daemon::serve(admin, daemon::admin_router(move || ready(Arc::clone(&pool))), stop.clone(), LIMITS).await;
        }
    };
    tokio::join!(daemon::serve(listener, router, stop.clone(), LIMITS), administration);
    reaching.abort();
    pool.close();
    tracing::info!(target: "startup", "stopped");
    Ok(())
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
pub fn health(admin: SocketAddr) -> Result<(), String> {
    let address = daemon::loopback(admin);
    match daemon::ask(address, "/ready", HEALTH_AT_MOST) {
        Ok(200) => Ok(()),
        Ok(status) => Err(format!("{address}/ready answers {status}")),
        Err(error) => Err(format!("{address} does not answer: {error}")),
    }
}
