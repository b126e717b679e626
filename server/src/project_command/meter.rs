//! How far something is that takes long, for whoever watches.

use std::time::{Duration, Instant};

/// Between two words about it.
const TELL_AFTER: Duration = Duration::from_secs(5);

/// Tells how many bytes have been dealt with, now and then.
#[derive(Debug)]
pub(super) struct Meter {
    done: &'static str,
    bytes: u64,
    told: Instant,
}

impl Meter {
    /// `done` completes "12 MB ...".
    pub(super) fn new(done: &'static str) -> Self {
        Self { done, bytes: 0, told: Instant::now() }
    }

    pub(super) fn add(&mut self, bytes: usize) {
        self.stands_at(self.bytes + bytes as u64);
    }

    pub(super) fn stands_at(&mut self, bytes: u64) {
        self.bytes = bytes;
        if self.told.elapsed() >= TELL_AFTER {
            self.told = Instant::now();
            super::tell(&format!("{} MB {}", bytes / 1_000_000, self.done));
        }
    }
}
