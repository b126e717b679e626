//! A number of bytes that the requests of a service share.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// The bytes, and how many of them are taken.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    taken: AtomicU64,
}

/// What one request has of it, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    bytes: u64,
}

/// There are not as many left.
#[derive(Debug)]
pub(crate) struct Exhausted {
    /// How many there are together.
    pub(crate) limit: u64,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { limit, taken: AtomicU64::new(0) })
    }

    pub(crate) fn share(self: &Arc<Self>) -> Share {
        Share { budget: Arc::clone(self), bytes: 0 }
    }

    #[cfg(test)]
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Share {
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes more, if there is as much left.
    pub(crate) fn grow(&mut self, more: u64) -> Result<(), Exhausted> {
        let Budget { limit, taken } = &*self.budget;
        let fits = |now: u64| now.checked_add(more).filter(|sum| sum <= limit);
        taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).map_err(|_| Exhausted { limit: *limit })?;
        self.bytes += more;
        Ok(())
    }

    /// Takes more until it has so much.
    pub(crate) fn grow_to(&mut self, bytes: u64) -> Result<(), Exhausted> {
        self.grow(bytes.saturating_sub(self.bytes))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back() {
        let budget = Budget::new(10);
        let (mut first, mut second) = (budget.share(), budget.share());
        first.grow_to(6).unwrap();
        first.grow_to(4).unwrap();
        second.grow(4).unwrap();
        assert_eq!(second.grow(1).unwrap_err().limit, 10);
        assert!(second.grow(u64::MAX).is_err());
        drop(first);
        second.grow(6).unwrap();
        assert_eq!((second.bytes(), budget.taken()), (10, 10));
        drop(second);
        assert_eq!(budget.taken(), 0);
    }
}
