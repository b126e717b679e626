//! How often the schema cache was loaded, and how long that took.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Counts since the service was made.
#[derive(Debug, Default)]
pub(crate) struct Loads {
    succeeded: AtomicU64,
    failed: AtomicU64,
    /// Of the last that succeeded, in microseconds.
    took: AtomicU64,
}

impl Loads {
    pub(crate) fn count(&self, succeeded: bool, took: Duration) {
        if succeeded {
            self.succeeded.fetch_add(1, Ordering::Relaxed);
            self.took.store(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        } else {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn succeeded(&self) -> u64 {
        self.succeeded.load(Ordering::Relaxed)
    }

    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Of the last that succeeded.
    pub(crate) fn took(&self) -> Duration {
        Duration::from_micros(self.took.load(Ordering::Relaxed))
    }
}
