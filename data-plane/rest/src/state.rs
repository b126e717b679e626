//! What the service keeps between requests: connections, what checks tokens, and the current schema cache.
//!
//! The cache is fresh while the connection that listens for `NOTIFY pgrst` is open. It does nothing else, so that no tenant's
//! function can silence it; when it closes, because the project is idle or the database went away, the next request loads the
//! cache again and listens anew. A cache is kept until another takes its place: what can't be loaded leaves the one before in
//! force.

use std::{
    ops::ControlFlow,
    sync::{
        Arc, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::{ArcSwap, ArcSwapOption};
use http::HeaderMap;
use project_context::{Connection, Pool, PoolError, Subscription, Verifier};
use tokio::{sync::Mutex, task::AbortHandle, time::timeout};

use crate::{
    budget::Budget,
    causes::{deepest, told},
    claims::{self, Identity},
    error::RestError,
    jwt_keys,
    loads::Loads,
    options::Options,
    pauses::Pauses,
    schema::{self, Config, InDatabase, LoadError, SchemaCache},
    service,
    spool::Space,
};

/// Notifications that come within this time of the first cause one reload together.
const DEBOUNCE: Duration = Duration::from_millis(100);

/// A request for something unknown reloads the cache at most this often.
const MISS_INTERVAL: Duration = Duration::from_secs(1);

/// The first pause after a load that failed while there is a cache.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Bytes of the bodies of all requests that are being answered: five of the largest.
const MAX_BODIES: u64 = 5 * service::MAX_BODY as u64;

/// Connections tried for one load before the loss of one is reported.
const MAX_ATTEMPTS: usize = 3;

pub(crate) struct State {
    pub(crate) pool: Arc<Pool>,
    /// By what the service was told. Without one, tokens can't be checked and are refused.
    verifier: ArcSwapOption<Verifier>,
    options: ArcSwap<Options>,
    /// For results that are too large to be kept in memory.
    pub(crate) space: Arc<Space>,
    /// For the bodies of requests.
    pub(crate) bodies: Arc<Budget>,
    current: ArcSwapOption<Loaded>,
    pub(crate) loads: Loads,
    loading: Mutex<()>,
    /// What reloads on notifications.
    watching: std::sync::Mutex<Option<AbortHandle>>,
    generation: AtomicU64,
    failures: std::sync::Mutex<Failures>,
    last_miss: std::sync::Mutex<Option<Instant>>,
}

/// A schema cache, what checks tokens by its configuration, and whether changes would be heard of.
pub(crate) struct Loaded {
    pub(crate) schema: SchemaCache,
    pub(crate) generation: u64,
    verifier: Option<Arc<Verifier>>,
    listening: Arc<AtomicBool>,
}

/// Loads that failed.
#[derive(Debug)]
struct Failures {
    /// Since the service was made.
    count: u64,
    /// Since the last load that did not fail.
    pauses: Pauses,
    until: Option<Instant>,
}

impl Failures {
    const fn new(count: u64) -> Self {
        Self { count, pauses: Pauses::beginning_with(FIRST_PAUSE), until: None }
    }

    /// From here on nothing has failed.
    fn end(&mut self) {
        *self = Self::new(self.count);
    }
}

impl State {
    pub(crate) fn new(pool: Arc<Pool>, verifier: Option<Arc<Verifier>>, options: Options) -> Arc<Self> {
        Arc::new(Self {
            pool,
            verifier: ArcSwapOption::new(verifier),
            space: Space::new(options.config.server_temp_file_limit),
            bodies: Budget::new(MAX_BODIES),
            options: ArcSwap::from_pointee(options),
            current: ArcSwapOption::empty(),
            loads: Loads::default(),
            loading: Mutex::new(()),
            watching: std::sync::Mutex::default(),
            generation: AtomicU64::new(0),
            failures: std::sync::Mutex::new(Failures::new(0)),
            last_miss: std::sync::Mutex::new(None),
        })
    }

    pub(crate) fn options(&self) -> Arc<Options> {
        self.options.load_full()
    }

    /// Takes these in the place of those before. What depends on the database follows by the next load.
    pub(crate) async fn replace(&self, options: Options) {
        let _guard = self.loading.lock().await;
        let heard = |config: &Config| (config.channel_enabled, config.channel.clone());
        if let Some(loaded) = self.cache().filter(|_| heard(&options.config) != heard(&self.options().config)) {
            // The next load listens anew.
            loaded.listening.store(false, Ordering::Release);
            self.watched_by(None);
        }
        // The one before remembers tokens.
        if !options.config.checks_tokens_as(&self.options().config) {
            match jwt_keys::verifier(&options.config, self.verifier.load().as_deref()) {
                Ok(verifier) => self.verifier.store(verifier),
                Err(problem) => tracing::warn!("the secret can't be used: {problem}"),
            }
        }
        self.options.store(Arc::new(options));
    }

    /// The last cache, if there was one yet.
    pub(crate) fn cache(&self) -> Option<Arc<Loaded>> {
        self.current.load_full()
    }

    /// Loads the cache unless there is one.
    pub(crate) async fn warm(self: &Arc<Self>) -> Result<(), RestError> {
        self.current().await.map(drop)
    }

    /// The cache, if nothing is to be gained by loading it now.
    fn usable(&self) -> Option<Arc<Loaded>> {
        self.current.load_full().filter(|loaded| {
            let pauses = || self.failures().until.is_some_and(|until| Instant::now() < until);
            loaded.listening.load(Ordering::Acquire) || pauses()
        })
    }

    /// What is in force: by the last cache, or what the service was made with.
    pub(crate) fn config(&self) -> Arc<Config> {
        match &*self.current.load() {
            Some(loaded) => Arc::clone(&loaded.schema.config),
            None => Arc::clone(&self.options.load().config),
        }
    }

    /// What checks tokens now.
    pub(crate) fn verifier(&self) -> Option<Arc<Verifier>> {
        match (self.options.load().in_database_config, &*self.current.load()) {
            (InDatabase::All, Some(loaded)) => loaded.verifier.clone(),
            _ => self.verifier.load_full(),
        }
    }

    /// Who asks, by the settings that are in force.
    pub(crate) async fn identify(self: &Arc<Self>, headers: &HeaderMap) -> Result<Identity, RestError> {
        let verified = match self.options.load().in_database_config {
            // A bad token does not wake the database.
            InDatabase::Nothing | InDatabase::AllButTokens => Some(claims::verify(self.verifier.load().as_deref(), headers)?),
            InDatabase::All => None,
        };
        let loaded = self.current().await?;
        let claims = match verified {
            Some(claims) => claims,
            None => claims::verify(loaded.verifier.as_deref(), headers)?,
        };
        claims::identify(claims.as_ref(), &loaded.schema.config)
    }

    /// The current cache. Takes a connection only if it has to be loaded.
    async fn current(self: &Arc<Self>) -> Result<Arc<Loaded>, RestError> {
        match self.usable() {
            Some(loaded) => Ok(loaded),
            // In a box of its own: it is large, and few requests need it.
            None => Box::pin(self.loaded_by_any()).await,
        }
    }

    async fn loaded_by_any(self: &Arc<Self>) -> Result<Arc<Loaded>, RestError> {
        let mut attempt = 0;
        loop {
            if let Some(loaded) = self.usable() {
                return Ok(loaded);
            }
            attempt += 1;
            let connection = self.pool.connection().await.map_err(|error| self.unreachable(error))?;
            match self.schema(&connection).await {
                Err(RestError::Connection(error)) if attempt < MAX_ATTEMPTS => {
                    tracing::debug!(%error, attempt, "the schema is loaded by another connection");
                }
                outcome => return outcome,
            }
        }
    }

    fn unreachable(&self, error: PoolError) -> RestError {
        match error {
            PoolError::Connect(_) | PoolError::ConnectTimedOut if self.current.load().is_none() => {
                tracing::warn!(project.ref = self.options().project_ref, cause = deepest(&error), "{error}");
                RestError::SchemaCache
            }
            other => RestError::from(other),
        }
    }

    /// The current cache; loads it by the connection if there is none that can be trusted.
    pub(crate) async fn schema(self: &Arc<Self>, connection: &Connection) -> Result<Arc<Loaded>, RestError> {
        match self.usable() {
            Some(loaded) => Ok(loaded),
            None => Box::pin(self.loaded_by(connection)).await,
        }
    }

    async fn loaded_by(self: &Arc<Self>, connection: &Connection) -> Result<Arc<Loaded>, RestError> {
        let failures = self.failures().count;
        let guard = self.loading.lock().await;
        if let Some(loaded) = self.usable() {
            return Ok(loaded);
        }
        if self.failures().count > failures && self.current.load().is_none() {
            // It failed for somebody else meanwhile.
            return Err(RestError::SchemaCache);
        }
        let before = self.current.load_full();
        let options = self.options();
        // LISTEN comes first, so that no change falls between it and the load.
        let listened = self.listen(&options.config).await;
        connection.begin_work();
        let schema = self.load(connection, before.as_deref(), &options).await;
        connection.end_work();
        let schema = match schema {
            Ok(schema) => schema,
            Err(error) => return self.without(error, before),
        };
        tracing::debug!(elapsed = ?self.loads.took(), "schema cache loaded");
        let listening = Arc::new(AtomicBool::new(listened.is_ok()));
        let loaded = self.publish(schema, listening.clone());
        match listened {
            Ok(subscription) => {
                self.failures().end();
                let task = subscription.map(|heard| tokio::spawn(watch(Arc::downgrade(self), heard, listening)).abort_handle());
                self.watched_by(task);
            }
            Err(error) => {
                // It counts until the end of the pause.
                let (retry, cause) = (self.failed(), deepest(&error));
                tracing::warn!(project.ref = options.project_ref, cause, ?retry, "could not listen: {error}");
            }
        }
        drop(guard);
        Ok(loaded)
    }

    /// Where nobody listens, changes are seen by requests for what is not known yet.
    async fn listen(&self, config: &Config) -> Result<Option<Subscription>, PoolError> {
        if config.channel_enabled { self.pool.listen(&config.channel).await.map(Some) } else { Ok(None) }
    }

    /// Ends what listened before.
    fn watched_by(&self, task: Option<AbortHandle>) {
        let mut watching = self.watching.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = std::mem::replace(&mut *watching, task) {
            before.abort();
        }
    }

    /// What the database says now, with `before` in mind.
    async fn load(&self, by: &Connection, before: Option<&Loaded>, options: &Options) -> Result<SchemaCache, LoadError> {
        let started = Instant::now();
        let schema = schema::load(by.client(), before.map(|loaded| &loaded.schema), options).await;
        self.loads.count(schema.is_ok(), started.elapsed());
        schema
    }

    /// What is in force when the cache can't be loaded: the one before, or nothing can be answered.
    fn without(&self, error: LoadError, before: Option<Arc<Loaded>>) -> Result<Arc<Loaded>, RestError> {
        let error = lost(error)?;
        let retry = self.failed();
        let options = self.options();
        tracing::warn!(project.ref = options.project_ref, cause = deepest(&error), ?retry, "could not load the schema: {error}");
        before.ok_or(RestError::SchemaCache)
    }

    /// Loads the cache again because a request named something it does not know. `None` if that was tried just now.
    pub(crate) async fn after_miss(
        self: &Arc<Self>,
        connection: &Connection,
        used: &Loaded,
    ) -> Result<Option<Arc<Loaded>>, RestError> {
        {
            let mut last = self.last_miss.lock().unwrap_or_else(PoisonError::into_inner);
            if last.is_some_and(|last| last.elapsed() < MISS_INTERVAL) {
                return Ok(None);
            }
            *last = Some(Instant::now());
        }
        connection.begin_work();
        let reloaded = self.reload(connection, used.generation).await;
        connection.end_work();
        match reloaded {
            Ok(reloaded) => Ok(reloaded),
            Err(error) => self.without(error, self.current.load_full()).map(|_| None),
        }
    }

    /// Loads the cache again unless that has happened since `generation`; who listens stays the same.
    async fn reload(&self, connection: &Connection, generation: u64) -> Result<Option<Arc<Loaded>>, LoadError> {
        let _guard = self.loading.lock().await;
        let Some(current) = self.current.load_full() else { return Ok(None) };
        if current.generation > generation {
            return Ok(Some(current));
        }
        let schema = self.load(connection, Some(&current), &self.options()).await?;
        tracing::debug!(elapsed = ?self.loads.took(), "schema cache loaded again");
        self.failures().end();
        Ok(Some(self.publish(schema, current.listening.clone())))
    }

    fn publish(&self, schema: SchemaCache, listening: Arc<AtomicBool>) -> Arc<Loaded> {
        let before = self.current.load_full();
        let verifier = self.verifier_for(&schema.config, before.as_deref());
        let generation = self.generation.fetch_add(1, Ordering::AcqRel) + 1;
        let loaded = Arc::new(Loaded { schema, generation, verifier, listening });
        self.current.store(Some(Arc::clone(&loaded)));
        loaded
    }

    /// The one before, with the tokens that it remembers, as long as nothing about it changes or what changes can't be used.
    fn verifier_for(&self, config: &Config, before: Option<&Loaded>) -> Option<Arc<Verifier>> {
        let (known, verifier) = match before {
            Some(before) => (Arc::clone(&before.schema.config), before.verifier.clone()),
            None => (Arc::clone(&self.options.load().config), self.verifier.load_full()),
        };
        if config.checks_tokens_as(&known) {
            return verifier;
        }
        jwt_keys::verifier(config, verifier.as_deref()).unwrap_or_else(|problem| {
            tracing::warn!("pgrst.jwt_secret can't be used: {problem}");
            verifier
        })
    }

    /// Loads the schema and the database's settings again. If that fails, what is in force stays.
    pub(crate) async fn reload_now(self: &Arc<Self>) {
        let is_heard = self.cache().is_some_and(|loaded| loaded.listening.load(Ordering::Acquire));
        let outcome = if is_heard { reload_in_background(self).await } else { self.load_and_listen().await };
        match outcome {
            Ok(()) => tracing::info!("the schema was loaded again"),
            Err(problem) => {
                let pause = self.failed();
                // The next request after the pause tries again.
                if let Some(loaded) = self.cache() {
                    loaded.listening.store(false, Ordering::Release);
                }
                tracing::warn!(retry = ?pause, "could not load the schema again: {problem}");
            }
        }
    }

    /// Where nobody listens, or to another channel, that begins now and not with the next request.
    async fn load_and_listen(self: &Arc<Self>) -> Result<(), String> {
        self.failures().end();
        let before = self.generation.load(Ordering::Acquire);
        self.warm().await.map_err(|error| error.to_string())?;
        let is_newer = self.generation.load(Ordering::Acquire) > before;
        if is_newer { Ok(()) } else { Err("the one before stays".to_owned()) }
    }

    fn failures(&self) -> std::sync::MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a load failed; how long to wait before the next.
    fn failed(&self) -> Duration {
        let mut failures = self.failures();
        failures.count += 1;
        let pause = failures.pauses.next();
        failures.until = Some(Instant::now() + pause);
        pause
    }
}

/// The connection's end says nothing about the schema: another connection may load it.
fn lost(error: LoadError) -> Result<LoadError, RestError> {
    match error {
        LoadError::Database(error) if error.as_db_error().is_none() => Err(RestError::Connection(error)),
        LoadError::Database(_) | LoadError::NoSchema { .. } => Ok(error),
    }
}

/// Reloads on notifications until the listening connection closes; then the cache counts as stale.
async fn watch(state: Weak<State>, mut subscription: Subscription, listening: Arc<AtomicBool>) {
    while let Some(payload) = subscription.next().await {
        if let Some(state) = state.upgrade().filter(|state| state.options().project_ref.is_none()) {
            tracing::info!(target: "startup", channel = state.options().config.channel, payload, "received a message");
        }
        if matches!(payload.as_str(), "" | "reload schema" | "reload config")
            && reload_until_done(&state, &mut subscription).await.is_break()
        {
            break;
        }
    }
    listening.store(false, Ordering::Release);
}

/// Ends early with `Break` when nothing more can be heard.
async fn reload_until_done(state: &Weak<State>, subscription: &mut Subscription) -> ControlFlow<()> {
    loop {
        // What comes meanwhile is covered by the load that follows.
        let debounced = timeout(DEBOUNCE, async { while subscription.next().await.is_some() {} }).await;
        let (Err(_), Some(state)) = (debounced, state.upgrade()) else { return ControlFlow::Break(()) };
        let Err(problem) = reload_in_background(&state).await else { return ControlFlow::Continue(()) };
        let retry = state.failed();
        tracing::warn!(project.ref = state.options().project_ref, ?retry, "could not load the schema again: {problem}");
        drop(state);
        // Another notification may tell of the repair.
        if let Ok(None) = timeout(retry, subscription.next()).await {
            return ControlFlow::Break(());
        }
    }
}

async fn reload_in_background(state: &State) -> Result<(), String> {
    let connection = state.pool.connection().await.map_err(|error| told(&error))?;
    let generation = state.generation.load(Ordering::Acquire);
    state.reload(&connection, generation).await.map(drop).map_err(|error| told(&error))
}
