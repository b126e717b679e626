//! What the service keeps between requests: connections, what checks tokens, and the current schema cache.
//!
//! The cache is fresh while the connection that listens for `NOTIFY pgrst` is open. That connection is one of the pool's,
//! so that listening costs no backend; when it closes, because the project is idle or the database went away, the next
//! request loads the cache again and listens anew.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use futures::join;
use project_context::{Connection, Pool, Subscription, Verifier};
use tokio::sync::Mutex;

use crate::{
    error::RestError,
    options::Options,
    schema::{self, Config, SchemaCache},
    sqlstate,
};

/// The channel of PostgREST's contract.
const CHANNEL: &str = "pgrst";

/// Notifications that come within this time of the first cause one reload together.
const DEBOUNCE: Duration = Duration::from_millis(100);

/// A request for something unknown reloads the cache at most this often.
const MISS_INTERVAL: Duration = Duration::from_secs(1);

pub(crate) struct State {
    pub(crate) pool: Arc<Pool>,
    /// Without one, tokens can't be checked and are refused.
    pub(crate) verifier: Option<Arc<Verifier>>,
    pub(crate) options: Options,
    current: ArcSwapOption<Loaded>,
    loading: Mutex<()>,
    generation: AtomicU64,
    last_miss: std::sync::Mutex<Option<Instant>>,
}

/// A schema cache, and whether changes would be heard of.
pub(crate) struct Loaded {
    pub(crate) schema: SchemaCache,
    pub(crate) generation: u64,
    listening: Arc<AtomicBool>,
}

impl State {
    pub(crate) fn new(pool: Arc<Pool>, verifier: Option<Arc<Verifier>>, options: Options) -> Arc<Self> {
        Arc::new(Self {
            pool,
            verifier,
            options,
            current: ArcSwapOption::empty(),
            loading: Mutex::new(()),
            generation: AtomicU64::new(0),
            last_miss: std::sync::Mutex::new(None),
        })
    }

    fn fresh(&self) -> Option<Arc<Loaded>> {
        self.current.load_full().filter(|loaded| loaded.listening.load(Ordering::Acquire))
    }

    /// What is in force: by the last cache, or what the service was made with.
    pub(crate) fn config(&self) -> Arc<Config> {
        let current = self.current.load();
        Arc::clone(current.as_ref().map_or(&self.options.config, |loaded| &loaded.schema.config))
    }

    /// The current cache; loads it by the connection if there is none that can be trusted.
    pub(crate) async fn schema(self: &Arc<Self>, connection: &Connection) -> Result<Arc<Loaded>, RestError> {
        if let Some(loaded) = self.fresh() {
            return Ok(loaded);
        }
        let guard = self.loading.lock().await;
        if let Some(loaded) = self.fresh() {
            return Ok(loaded);
        }
        let config = self.config();
        let started = Instant::now();
        // LISTEN is sent first, so that no change falls between it and the load.
        connection.begin_work();
        let (subscription, schema) = join!(connection.listen(CHANNEL), schema::load(connection.client(), config, &self.options));
        connection.end_work();
        let subscription = subscription.map_err(|error| sqlstate::classify(error, true))?;
        let schema = schema.map_err(|error| sqlstate::classify(error, true))?;
        tracing::debug!(elapsed = ?started.elapsed(), "schema cache loaded");
        let listening = Arc::new(AtomicBool::new(subscription.is_some()));
        let loaded = self.publish(schema, listening.clone());
        drop(guard);
        if let Some(subscription) = subscription {
            tokio::spawn(watch(Arc::downgrade(self), subscription, listening));
        }
        Ok(loaded)
    }

    /// Loads the cache again because a request named something it does not know. `None` if that was tried just now.
    pub(crate) async fn after_miss(
        self: &Arc<Self>,
        connection: &Connection,
        used: &Loaded,
    ) -> Result<Option<Arc<Loaded>>, RestError> {
        {
            let mut last = self.last_miss.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if last.is_some_and(|last| last.elapsed() < MISS_INTERVAL) {
                return Ok(None);
            }
            *last = Some(Instant::now());
        }
        connection.begin_work();
        let reloaded = self.reload(connection, used.generation).await;
        connection.end_work();
        reloaded
    }

    /// Loads the cache again unless that has happened since `generation`; who listens stays the same.
    async fn reload(&self, connection: &Connection, generation: u64) -> Result<Option<Arc<Loaded>>, RestError> {
        let _guard = self.loading.lock().await;
        let Some(current) = self.current.load_full() else { return Ok(None) };
        if current.generation > generation {
            return Ok(Some(current));
        }
        let schema = schema::load(connection.client(), Arc::clone(&current.schema.config), &self.options)
            .await
            .map_err(|error| sqlstate::classify(error, true))?;
        Ok(Some(self.publish(schema, current.listening.clone())))
    }

    fn publish(&self, schema: SchemaCache, listening: Arc<AtomicBool>) -> Arc<Loaded> {
        let generation = self.generation.fetch_add(1, Ordering::AcqRel) + 1;
        let loaded = Arc::new(Loaded { schema, generation, listening });
        self.current.store(Some(Arc::clone(&loaded)));
        loaded
    }
}

/// Reloads on notifications until the listening connection closes; then the cache counts as stale.
async fn watch(state: Weak<State>, mut subscription: Subscription, listening: Arc<AtomicBool>) {
    while let Some(payload) = subscription.next().await {
        if !matches!(payload.as_str(), "" | "reload schema" | "reload config") {
            continue;
        }
        // What comes meanwhile is covered by the load that follows.
        let debounced = tokio::time::timeout(DEBOUNCE, async { while subscription.next().await.is_some() {} }).await;
        let Some(state) = state.upgrade() else { return };
        if debounced.is_ok() {
            break;
        }
        if let Err(error) = reload_in_background(&state).await {
            tracing::warn!(%error, "could not reload the schema cache; the next request tries again");
            break;
        }
    }
    listening.store(false, Ordering::Release);
}

async fn reload_in_background(state: &State) -> Result<(), RestError> {
    let connection = state.pool.connection().await?;
    let generation = state.generation.load(Ordering::Acquire);
    state.reload(&connection, generation).await.map(|_| ())
}
