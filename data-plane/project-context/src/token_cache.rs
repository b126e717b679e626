//! Tokens whose signature was found good, so that it is not checked again. What their claims say is no part of it: that is
//! looked at whenever a token is used.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use sha2::{Digest, Sha256};

use crate::{Claims, JwtError, sieve::Sieve};

/// What a token with a good signature says: its claims, or that it has none.
pub(crate) type Signed = Result<Claims, JwtError>;

/// What the cache did since the first of its kind was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheMetrics {
    /// Tokens looked for.
    pub requests: u64,
    /// Tokens found.
    pub hits: u64,
    /// Tokens that had to leave for others.
    pub evictions: u64,
}

/// Without room for any, nothing is looked for and nothing is counted.
pub(crate) struct TokenCache {
    tokens: Option<Mutex<Sieve<[u8; 32], Signed>>>,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Counters {
    requests: AtomicU64,
    hits: AtomicU64,
    evictions: AtomicU64,
}

impl TokenCache {
    /// Room for so many, none of which is taken yet.
    pub(crate) fn new(max_entries: usize) -> Self {
        Self { tokens: (max_entries > 0).then(|| Mutex::new(Sieve::new(max_entries))), counters: Arc::default() }
    }

    /// Adds to what the other counted.
    pub(crate) fn count_on(&mut self, other: &Self) {
        self.counters = Arc::clone(&other.counters);
    }

    /// What is known of a token, or else what `check` finds. What it refuses is not kept.
    pub(crate) fn get_or_check(
        &self,
        token: &str,
        check: impl FnOnce(&str) -> Result<Signed, JwtError>,
    ) -> Result<Signed, JwtError> {
        let Some(tokens) = &self.tokens else { return check(token) };
        let tokens = || tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let fingerprint: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        if let Some(signed) = tokens().get(&fingerprint) {
            self.counters.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(signed.clone());
        }
        let signed = check(token)?;
        if tokens().insert(fingerprint, signed.clone()) {
            self.counters.evictions.fetch_add(1, Ordering::Relaxed);
        }
        Ok(signed)
    }

    pub(crate) fn metrics(&self) -> CacheMetrics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counters { requests, hits, evictions } = &*self.counters;
        CacheMetrics { requests: read(requests), hits: read(hits), evictions: read(evictions) }
    }
}
