//! When to stop, and when to load again what is kept of the outside.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that SIGTERM and SIGINT cancel. Both are handled from here on: the first process of a container has no default
/// action for either, so that they would do nothing.
///
/// # Errors
/// When a handler can't be installed.
pub fn stop_on_signals() -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "stopping");
        told.cancel();
    });
    Ok(stop)
}

/// What the outside may ask to be loaded again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReloadSignal {
    /// SIGUSR1
    First,
    /// SIGUSR2
    Second,
}

/// SIGUSR1 and SIGUSR2, which end a program that does not handle them.
#[derive(Debug)]
pub struct ReloadSignals {
    first: Signal,
    second: Signal,
}

impl ReloadSignals {
    /// Handles both from here on.
    ///
    /// # Errors
    /// When a handler can't be installed.
    pub fn new() -> io::Result<Self> {
        Ok(Self { first: signal(SignalKind::user_defined1())?, second: signal(SignalKind::user_defined2())? })
    }

    /// Waits for the next one. Several of one kind that come before it is asked for count as one.
    pub async fn next(&mut self) -> ReloadSignal {
        tokio::select! {
            _ = self.first.recv() => ReloadSignal::First,
            _ = self.second.recv() => ReloadSignal::Second,
        }
    }
}
