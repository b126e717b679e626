//! Settings that are read again while the program runs: at SIGUSR1 and SIGHUP, and when files of the folder change.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use daemon::{Log, ReloadSignals};
use tokio::{signal::unix::Signal, time::MissedTickBehavior};

use super::{Given, Sources, told};
use crate::context::AuthContext;

/// Between looks at the folder.
const LOOK: Duration = Duration::from_secs(2);

/// What follows the settings, and what tells that they are to be read.
pub(super) struct Reloaded {
    pub(super) context: Arc<AuthContext>,
    pub(super) log: Log,
    pub(super) signals: ReloadSignals,
    pub(super) hang_up: Signal,
}

/// Reads again whenever it is told to, for as long as the program runs.
pub(super) async fn when_told(mut reloaded: Reloaded, sources: Sources, at_the_start: AtTheStart) {
    let mut seen = files(sources.folder.as_deref());
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = reloaded.signals.next() => {}
            _ = reloaded.hang_up.recv() => {}
            _ = looks.tick(), if sources.folder.is_some() => {
                let now = files(sources.folder.as_deref());
                if now == seen {
                    continue;
                }
                seen = now;
            }
        }
        if let Err(why) = take_over(&reloaded, &sources, &at_the_start) {
            tracing::warn!("the settings stay as they were: {why}");
        }
    }
}

fn take_over(reloaded: &Reloaded, sources: &Sources, at_the_start: &AtTheStart) -> Result<(), String> {
    let given = Given::read(sources).map_err(|error| told(&error))?;
    for warning in &given.warnings {
        tracing::warn!("{warning}");
    }
    if AtTheStart::of(&given) != *at_the_start {
        tracing::warn!("where to listen, the database and the networks take effect at the next start");
    }
    reloaded.log.refilter(&given.log).map_err(|error| told(&error))?;
    reloaded.context.set(given.settings).map_err(|error| told(&error))?;
    tracing::info!("the settings were read again");
    Ok(())
}

/// What the program takes at its start only.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AtTheStart(String);

impl AtTheStart {
    pub(super) fn of(given: &Given) -> Self {
        let api = &given.settings.api;
        // Of the database, whatever is shown of it: a new password is no reason to warn, and is not kept here.
        Self(format!("{} {} {:?} {:?}", api.host, api.port, given.database, given.allowed_networks))
    }
}

/// Name, size and time of the folder's files. Nothing if it can't be read now.
fn files(folder: Option<&Path>) -> Vec<(PathBuf, u64, Option<SystemTime>)> {
    let Some(Ok(entries)) = folder.map(std::fs::read_dir) else { return Vec::new() };
    let mut files: Vec<_> = entries
        .flatten()
        // Of what a link leads to: a mounted secret is one.
        .filter_map(|entry| Some((entry.path(), std::fs::metadata(entry.path()).ok()?)))
        .map(|(path, of)| (path, of.len(), of.modified().ok()))
        .collect();
    files.sort();
    files
}
