//! The prepared statements of one connection, bounded.
//!
//! A statement is prepared when it is seen for the second time: what is asked once (ad-hoc filters, hostile clients)
//! costs neither a second round trip nor memory in the backend.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

use lru::LruCache;
use sha2::{Digest as _, Sha256};
use tokio_postgres::Statement;

/// Statements remembered per connection. A backend holds some tens of kB per prepared statement.
pub(crate) const CAPACITY: NonZeroUsize = NonZeroUsize::new(128).expect("not zero");

/// Names a statement within everything its plan depends on: the role (RLS), the search path and the SQL text. A digest, so
/// that long statements that are asked once take no room; a cryptographic one, so that nobody finds two with the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StatementKey([u8; 32]);

impl StatementKey {
    /// A key for `sql` run under `scope`, which is whatever names the role and search path.
    #[must_use]
    pub fn new(scope: &[&str], sql: &str) -> Self {
        let mut digest = Sha256::new();
        for part in scope.iter().chain([&sql]) {
            digest.update(part.len().to_le_bytes());
            digest.update(part.as_bytes());
        }
        Self(digest.finalize().into())
    }
}

/// What a connection knows of a statement.
#[derive(Debug, Clone)]
pub enum Lookup {
    /// Prepared: run it.
    Prepared(Statement),
    /// Seen once before: worth preparing now, then [`crate::Connection::remember`] it.
    Seen,
    /// Never seen (now noted): run it unprepared, in one round trip.
    Unseen,
}

#[derive(Debug)]
pub(crate) struct Statements {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    generation: u64,
    known: LruCache<StatementKey, Option<Statement>>,
}

impl Statements {
    pub(crate) fn new() -> Self {
        Self { inner: Mutex::new(Inner { generation: 0, known: LruCache::new(CAPACITY) }) }
    }

    /// Looks a statement up; a new generation (the schema changed) forgets all statements first.
    pub(crate) fn lookup(&self, generation: u64, key: &StatementKey) -> Lookup {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.generation != generation {
            inner.generation = generation;
            inner.known.clear();
        }
        match inner.known.get(key) {
            Some(Some(statement)) => Lookup::Prepared(statement.clone()),
            Some(None) => Lookup::Seen,
            None => {
                inner.known.put(key.clone(), None);
                Lookup::Unseen
            }
        }
    }

    pub(crate) fn remember(&self, key: StatementKey, statement: Statement) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).known.put(key, Some(statement));
    }

    pub(crate) fn forget(&self, key: &StatementKey) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).known.pop(key);
    }
}
