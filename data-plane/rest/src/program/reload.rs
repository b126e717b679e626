//! What is read again when the program is told to: the schema, by SIGUSR1, and its settings, too, by SIGUSR2.
//!
//! Source: PostgREST's documentation, "Configuration Reloading".

use std::{error::Error, sync::Arc};

use daemon::{ReloadSignal, ReloadSignals};

use super::{
    dump::key,
    settings::Settings,
    variables::{SettingsError, Sources},
};
use crate::{options::Options, state::State};

/// Settings that the program takes at its start only.
const AT_THE_START: [&str; 20] = [
    "PGRST_ADMIN_SERVER_HOST",
    "PGRST_ADMIN_SERVER_PORT",
    "PGRST_ADMIN_SERVER_UNIX_SOCKET",
    "PGRST_ADMIN_SERVER_UNIX_SOCKET_MODE",
    "PGRST_DB_CHANNEL",
    "PGRST_DB_CHANNEL_ENABLED",
    "PGRST_DB_POOL",
    "PGRST_DB_POOL_ACQUISITION_TIMEOUT",
    "PGRST_DB_POOL_AUTOMATIC_RECOVERY",
    "PGRST_DB_POOL_MAX_IDLETIME",
    "PGRST_DB_POOL_MAX_LIFETIME",
    "PGRST_DB_POOL_TIMEOUT",
    "PGRST_DB_URI",
    "PGRST_LOG_LEVEL",
    "PGRST_SERVER_HOST",
    "PGRST_SERVER_PORT",
    "PGRST_SERVER_REUSEPORT",
    "PGRST_SERVER_TEMP_FILE_LIMIT",
    "PGRST_SERVER_UNIX_SOCKET",
    "PGRST_SERVER_UNIX_SOCKET_MODE",
];

/// Reads again at each signal, for as long as the program runs.
pub(super) async fn when_told(state: Arc<State>, mut sources: Sources, mut signals: ReloadSignals) {
    loop {
        match signals.next().await {
            ReloadSignal::First => tracing::info!("loading the schema and the database's settings again"),
            ReloadSignal::Second => match settings(&state, &sources).await {
                Ok(newer) => sources = newer,
                Err(error) => {
                    let cause = error.source().map(ToString::to_string);
                    tracing::warn!(target: "startup", cause, "the settings stay as they were: {error}");
                }
            },
        }
        state.reload_now().await;
    }
}

/// Takes over what can be changed now. Nothing is if anything can't be used.
async fn settings(state: &State, before: &Sources) -> Result<Sources, SettingsError> {
    let sources = before.again()?;
    let settings = Settings::parse(&sources)?;
    for warning in &settings.warnings {
        tracing::warn!(target: "startup", "{warning}");
    }
    for name in AT_THE_START.iter().filter(|name| sources.value(name) != before.value(name)) {
        tracing::warn!(target: "startup", "{} has changed, which takes effect at the next start", key(&[name]));
    }
    let mut options = settings.options();
    keep(&mut options, &state.options());
    state.replace(options, settings.verifier()).await;
    tracing::info!(target: "startup", "the settings were read again");
    Ok(sources)
}

/// What a running service can't take over.
fn keep(options: &mut Options, running: &Options) {
    options.base_url.clone_from(&running.base_url);
    let config = Arc::make_mut(&mut options.config);
    config.channel.clone_from(&running.config.channel);
    config.channel_enabled = running.config.channel_enabled;
}
