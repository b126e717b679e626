//! What is read again when the program is told to: the schema, by SIGUSR1, and its settings, too, by SIGUSR2.
//!
//! Source: PostgREST's documentation, "Configuration Reloading".

use std::sync::Arc;

use arc_swap::ArcSwap;
use daemon::{Log, ReloadSignal, ReloadSignals};
use tokio::sync::watch;

use super::{
    access_log::Level,
    dump::key,
    settings::Settings,
    variables::{SettingsError, Sources},
};
use crate::{causes::deepest, options::Options, state::State};

/// Settings that the program takes at its start only.
const AT_THE_START: [&str; 16] = [
    "PGRST_ADMIN_SERVER_HOST",
    "PGRST_ADMIN_SERVER_PORT",
    "PGRST_ADMIN_SERVER_UNIX_SOCKET",
    "PGRST_ADMIN_SERVER_UNIX_SOCKET_MODE",
    "PGRST_DB_POOL",
    "PGRST_DB_POOL_ACQUISITION_TIMEOUT",
    "PGRST_DB_POOL_MAX_IDLETIME",
    "PGRST_DB_POOL_MAX_LIFETIME",
    "PGRST_DB_POOL_TIMEOUT",
    "PGRST_DB_URI",
    "PGRST_SERVER_HOST",
    "PGRST_SERVER_PORT",
    "PGRST_SERVER_REUSEPORT",
    "PGRST_SERVER_TEMP_FILE_LIMIT",
    "PGRST_SERVER_UNIX_SOCKET",
    "PGRST_SERVER_UNIX_SOCKET_MODE",
];

/// What follows the settings while the program runs.
pub(super) struct Reloaded {
    pub(super) state: Arc<State>,
    pub(super) log: Log,
    /// Which requests the log shows.
    pub(super) level: Arc<ArcSwap<Level>>,
    /// Whether the program waits for a database that can't be reached.
    pub(super) recovers: watch::Sender<bool>,
}

/// Reads again at each signal, for as long as the program runs.
pub(super) async fn when_told(reloaded: Reloaded, mut sources: Sources, mut signals: ReloadSignals) {
    loop {
        match signals.next().await {
            ReloadSignal::First => tracing::info!("loading the schema and the database's settings again"),
            ReloadSignal::Second => match settings(&reloaded, &sources).await {
                Ok(newer) => sources = newer,
                Err(error) => {
                    tracing::warn!(target: "startup", cause = deepest(&error), "the settings stay as they were: {error}");
                }
            },
        }
        reloaded.state.reload_now().await;
    }
}

/// Takes over what can be changed now. Nothing is if anything can't be used.
async fn settings(reloaded: &Reloaded, before: &Sources) -> Result<Sources, SettingsError> {
    let sources = before.again()?;
    let settings = Settings::parse(&sources)?;
    for warning in &settings.warnings {
        tracing::warn!(target: "startup", "{warning}");
    }
    for name in AT_THE_START.iter().filter(|name| sources.value(name) != before.value(name)) {
        tracing::warn!(target: "startup", "{} has changed, which takes effect at the next start", key(&[name]));
    }
    let state = &reloaded.state;
    // What a running service can't take over.
    let options = Options { base_url: state.options().base_url.clone(), ..settings.options() };
    reloaded.level.store(Arc::new(settings.level));
    if let Err(error) = reloaded.log.refilter(&settings.log) {
        tracing::warn!(target: "startup", "the log stays as it was: {error}");
    }
    reloaded.recovers.send_replace(settings.database.recovers);
    state.replace(options).await;
    tracing::info!(target: "startup", "the settings were read again");
    Ok(sources)
}
