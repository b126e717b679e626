//! What became of the last passwords, and the thread that rests while they are mostly wrong.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// More wrong ones than this are most of those that are remembered.
const MANY: u32 = u64::BITS / 2;

/// Whoever rests ([`Rest::until_needed`]) no longer does when this is dropped.
pub(super) struct Outcomes(Rest);

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Rest(Arc<Shared>);

struct Shared {
    recent: Mutex<Recent>,
    changed: Condvar,
}

struct Recent {
    /// Of the last 64 computations, each one a bit: whether a password was wrong.
    wrong: u64,
    is_over: bool,
}

impl Recent {
    const fn are_mostly_wrong(&self) -> bool {
        !self.is_over && self.wrong.count_ones() > MANY
    }
}

impl Outcomes {
    pub(super) fn new() -> Self {
        let recent = Recent { wrong: 0, is_over: false };
        Self(Rest(Arc::new(Shared { recent: Mutex::new(recent), changed: Condvar::new() })))
    }

    pub(super) fn note(&self, is_wrong: bool) {
        let mut recent = self.0.recent();
        let were_mostly_wrong = recent.are_mostly_wrong();
        recent.wrong = recent.wrong << 1 | u64::from(is_wrong);
        if were_mostly_wrong && !recent.are_mostly_wrong() {
            self.0.0.changed.notify_all();
        }
    }

    pub(super) fn are_mostly_wrong(&self) -> bool {
        self.0.recent().are_mostly_wrong()
    }

    pub(super) fn rest(&self) -> Rest {
        self.0.clone()
    }
}

impl Drop for Outcomes {
    fn drop(&mut self) {
        self.0.recent().is_over = true;
        self.0.0.changed.notify_all();
    }
}

impl Rest {
    /// Blocks the thread while passwords are mostly wrong.
    pub(super) fn until_needed(&self) {
        let recent = self.0.changed.wait_while(self.recent(), |recent| recent.are_mostly_wrong());
        drop(recent.unwrap_or_else(PoisonError::into_inner));
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.0.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn rests_while_more_than_half_were_wrong() {
        let outcomes = Outcomes::new();
        outcomes.rest().until_needed();
        (0..=MANY).for_each(|_| outcomes.note(true));
        let rest = outcomes.rest();
        let resting = thread::spawn(move || rest.until_needed());
        // A wrong one is forgotten when 64 others have come.
        (1..MANY).for_each(|_| outcomes.note(false));
        assert!(!resting.is_finished());
        outcomes.note(false);
        resting.join().unwrap();
    }

    #[test]
    fn nobody_rests_for_ever() {
        let outcomes = Outcomes::new();
        (0..u64::BITS).for_each(|_| outcomes.note(true));
        let rest = outcomes.rest();
        let resting = thread::spawn(move || rest.until_needed());
        drop(outcomes);
        resting.join().unwrap();
    }
}
