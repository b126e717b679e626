//! The program `rest`: the service for any database, in the place of PostgREST, whose variables it reads.
//!
//! It serves without a project, a gateway or a control plane in front of it, so it answers browsers' cross-origin questions,
//! limits the time for a request's head, and writes down its requests by itself.

mod access_log;
mod admin;
mod cors;
mod dump;
mod file;
mod host;
mod metrics;
mod reload;
mod requests;
mod settings;
mod unsupported;
mod variables;

use std::{collections::BTreeMap, error::Error, io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use daemon::{Limits, Log, ReloadSignals};
use project_context::{Pool, PoolError, PoolSettings};
use tokio::sync::watch;

pub use dump::{dump, example};
pub use host::{Host, Place};
pub use settings::{DatabaseSettings, JwtSettings, Settings};
pub use variables::{SettingsError, Sources};

use host::Listener;
use reload::Reloaded;

use crate::{schema, state::State};

/// As PostgREST's HTTP server has it.
const LIMITS: Limits = Limits { head: Some(Duration::from_secs(30)), ..Limits::LENIENT };

/// Pauses between tries to reach the database at the start: from here, twice as long each time,
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// up to here, as PostgREST does it.
const LONGEST_PAUSE: Duration = Duration::from_secs(32);

/// A little more than `/ready` takes at most.
const HEALTH_AT_MOST: Duration = Duration::from_millis(2500);

/// Reads a configuration file, and tells nothing of it.
#[cfg(any(test, fuzzing))]
pub(crate) fn read_file(text: &str) {
    drop(file::parse(text, &std::collections::HashMap::new()));
}

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
    /// The system does not say where the program listens.
    #[error("can't find out where the program listens")]
    Reach {
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
    /// The database does not let the program in, which waiting does not change.
    #[error("the database refuses the login: {why}")]
    Refused {
        /// What was said.
        why: String,
    },
}

/// Serves until SIGTERM or SIGINT, by what the sources made of the settings, and reads those again when it is told to. Lets requests in
/// flight finish, and closes the connections to the database. Does not wait for the database: requests are answered 503 until it
/// is there.
///
/// # Errors
/// [`RunError`], before the first request or when the database is not to be waited for.
pub async fn run(settings: Settings, sources: Sources, log: Log) -> Result<(), RunError> {
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
    let (level, options) = (Arc::new(ArcSwap::from_pointee(settings.level)), settings.options());
    let (recovers, recovery) = watch::channel(settings.database.recovers);
    let pool = Arc::new(pool(&settings));
    let state = State::new(Arc::clone(&pool), settings.verifier(), options);
    let mut reaching = tokio::spawn(reach(Arc::clone(&state)));
    let reloading = tokio::spawn(reload::when_told(
        Reloaded { state: Arc::clone(&state), log, level: Arc::clone(&level), recovers },
        sources,
        reloads,
    ));
    let main = listener.reach().map_err(|source| RunError::Reach { source })?;
    let administration = async {
        if let Some(admin) = admin {
            admin.serve(admin::router(Arc::clone(&state), main), stop.clone(), LIMITS).await;
        }
    };
    let serving =
        async { tokio::join!(listener.serve(requests::router(Arc::clone(&state), level), stop.clone(), LIMITS), administration) };
    tokio::pin!(serving);
    let ended = tokio::select! {
        _ = &mut serving => Ok(()),
        why = lost(&pool, recovery) => {
            stop.cancel();
            serving.await;
            Err(RunError::Unreachable { why })
        }
        Ok(why) = &mut reaching => {
            stop.cancel();
            serving.await;
            Err(RunError::Refused { why })
        }
    };
    reaching.abort();
    reloading.abort();
    pool.close();
    tracing::info!(target: "startup", "stopped");
    ended
}

/// Waits until the database can't be reached while that is not to be waited for: why it can't.
async fn lost(pool: &Pool, mut recovery: watch::Receiver<bool>) -> String {
    loop {
        if recovery.wait_for(|recovers| !recovers).await.is_err() {
            std::future::pending::<()>().await;
        }
        let why = pool.unreachable().await;
        if !*recovery.borrow() {
            return why;
        }
    }
}

fn pool(settings: &Settings) -> Pool {
    let database = &settings.database;
    Pool::new(PoolSettings {
        database: database.reached.clone(),
        empty_path: settings.config.prepared_statements,
        max_connections: database.pool,
        idle_after: database.idle_after,
        max_lifetime: Some(database.max_lifetime),
        wait: database.wait,
    })
}

/// Tries until the database is reached and its schema known, so that the log says what is wrong before anyone asks, and the
/// first request does not wait. Returns only if the database refuses the login.
async fn reach(state: Arc<State>) -> String {
    let mut pauses = Pauses(FIRST_PAUSE);
    while let Err(error) = state.pool.probe().await {
        // PostgREST ends for that as well.
        if let PoolError::Connect(refused) = &error
            && refused.is_about_the_password()
        {
            return refused.to_string();
        }
        let pause = pauses.next();
        tracing::warn!(target: "startup", cause = cause(&error), retry = ?pause, "{error}");
        tokio::time::sleep(pause).await;
    }
    let version = version(&state.pool).await;
    tracing::info!(target: "startup", version, "the database is reached");
    let mut pauses = Pauses(FIRST_PAUSE);
    while state.warm().await.is_err() {
        // What is wrong was said by whoever found it.
        tokio::time::sleep(pauses.next()).await;
    }
    if let Some(loaded) = state.cache() {
        let schema = &loaded.schema;
        let relations: usize = schema.relations.values().map(BTreeMap::len).sum();
        let relationships: usize = schema.relationships.values().map(Vec::len).sum();
        let functions: usize = schema.functions.values().map(BTreeMap::len).sum();
        let took = state.loads.took();
        tracing::info!(target: "startup", relations, relationships, functions, ?took, "the schema is loaded");
    }
    std::future::pending().await
}

/// What the server says that it is.
async fn version(pool: &Pool) -> Option<String> {
    let connection = pool.connection().await.ok()?;
    connection.begin_work();
    let row = connection.client().query_typed("select version()", &[]).await;
    connection.end_work();
    row.ok()?.first()?.try_get(0).ok()
}

/// The next pause, each twice as long as the one before.
struct Pauses(Duration);

impl Pauses {
    fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}

fn cause(error: &PoolError) -> Option<String> {
    let mut cause = error.source()?;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    Some(cause.to_string())
}

/// What the service would know of the database, as JSON.
///
/// # Errors
/// Why that can't be found out.
pub async fn dump_schema(settings: &Settings) -> Result<String, String> {
    let pool = pool(settings);
    let connection = pool.connection().await.map_err(|error| told(&error))?;
    connection.begin_work();
    let loaded = schema::load(connection.client(), None, &settings.options()).await;
    connection.end_work();
    loaded.map(|cache| schema::dump(&cache).to_string()).map_err(|error| told(&error))
}

/// An error and what is below it.
fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}

/// Asks the program that listens there whether it is ready; where it was asked, if it is.
///
/// # Errors
/// What it says instead, or that it says nothing.
pub fn health(admin: &Place) -> Result<String, String> {
    let (shown, asked) = match admin {
        // A name is taken for this machine's.
        Place::Address { host, port, .. } => {
            let given = format!("{}:{port}", host.shown());
            let (address, shown) = match given.parse().map(daemon::loopback) {
                Ok(address) => (address, address.to_string()),
                Err(_) => (SocketAddr::from(([127, 0, 0, 1], *port)), given),
            };
            (format!("http://{shown}"), daemon::ask(address, "/ready", HEALTH_AT_MOST))
        }
        Place::Socket { path, .. } => (path.display().to_string(), daemon::ask_unix(path, "/ready", HEALTH_AT_MOST)),
    };
    match asked {
        Ok(200) => Ok(format!("{shown}/ready")),
        Ok(status) => Err(format!("{shown}/ready answers {status}")),
        Err(error) => Err(format!("{shown} does not answer: {error}")),
    }
}
