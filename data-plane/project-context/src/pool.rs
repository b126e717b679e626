//! The bounded pool. It opens connections on demand and, after `idle_after` without use, closes all of them and ends
//! its own task, so that an idle project costs neither backends nor timers.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use deadpool::{
    Runtime,
    managed::{self, Manager, Metrics, QueueMode, RecycleError, RecycleResult, TimeoutType},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    connection::{Connection, Session},
    database::{ConnectError, Database},
    listener::Subscription,
};

/// After this long without use a connection is closed, unless told otherwise.
pub const IDLE_AFTER: Duration = Duration::from_secs(30);

/// What to tell a client that found the pool full, as `Retry-After`.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);

/// PostgREST's default `db-pool-acquisition-timeout`.
pub const WAIT: Duration = Duration::from_secs(10);

/// Requests that may wait for each connection of the limit, before further ones are turned away at once.
const WAITERS_PER_CONNECTION: usize = 32;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// Too many requests wait already. Turned away at once: retry after [`RETRY_AFTER`].
    #[error("too many requests are waiting for a database connection")]
    QueueFull,
    /// No connection became free in time.
    #[error("timed out acquiring a connection from the pool")]
    WaitTimedOut,
    /// The database does not answer, or refuses us.
    #[error("could not connect to the database")]
    Connect(#[source] ConnectError),
    /// The database does not answer in time.
    #[error("timed out connecting to the database")]
    ConnectTimedOut,
    /// The context was closed: the project is pausing or gone.
    #[error("the project's connections are closed")]
    Closed,
}

/// What a [`Pool`] is made from.
#[derive(Clone)]
pub struct PoolSettings {
    /// Where the database is, and who connects: the role that may become the requests' roles.
    pub database: Database,
    /// Whether sessions begin with an empty search path: what is asked outside of transactions finds nothing of a tenant's. A
    /// pooler in between may refuse that, so whoever depends on it has to set it in a transaction.
    pub empty_path: bool,
    /// Upper limit, in connections. At least one is always allowed.
    pub max_connections: usize,
    /// After this long without use every connection is closed; [`IDLE_AFTER`] fits most.
    pub idle_after: Duration,
    /// A connection that is older is replaced when it is free.
    pub max_lifetime: Option<Duration>,
    /// Longest time to wait for a connection when all are taken; [`WAIT`] fits most.
    pub wait: Duration,
}

impl fmt::Debug for PoolSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolSettings").field("database", &self.database).finish_non_exhaustive()
    }
}

/// What a [`Pool`] says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolMetrics {
    /// Open connections that nobody uses.
    pub available: usize,
    /// Requests that wait for one.
    pub waiting: usize,
    /// Upper limit of connections.
    pub max: usize,
    /// Requests that waited in vain, since the pool was made.
    pub timeouts: u64,
}

/// Connections to one database, bounded in number and closed while nobody uses them.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    pool: managed::Pool<SessionManager>,
    max_waiting: usize,
    idle_after: Duration,
    started: Instant,
    /// Milliseconds after `started`.
    last_used: AtomicU64,
    /// Requests that no connection became free for in time.
    timeouts: AtomicU64,
    reaper_runs: AtomicBool,
    /// Ends what listens.
    listening: Mutex<CancellationToken>,
}

impl Pool {
    /// Does no IO and needs no runtime.
    #[must_use]
    pub fn new(settings: PoolSettings) -> Self {
        let PoolSettings { mut database, empty_path, max_connections, idle_after, max_lifetime, wait } = settings;
        if empty_path {
            // Each request sets its own path.
            let given = database.config.get_options();
            let options = given.map_or_else(String::new, |given| format!("{given} ")) + "-c search_path=";
            database.config.options(options);
        }
        let max_size = max_connections.max(1);
        let manager = SessionManager { database: Arc::new(database), max_lifetime, unreachable: watch::Sender::new(None) };
        let pool = managed::Pool::builder(manager)
            .max_size(max_size)
            .queue_mode(QueueMode::Lifo)
            .wait_timeout(Some(wait))
            .runtime(Runtime::Tokio1)
            .build()
            .expect("a runtime is given, which is all that building checks");
        Self {
            shared: Arc::new(Shared {
                pool,
                max_waiting: max_size.saturating_mul(WAITERS_PER_CONNECTION),
                idle_after,
                started: Instant::now(),
                last_used: AtomicU64::new(0),
                timeouts: AtomicU64::new(0),
                reaper_runs: AtomicBool::new(false),
                listening: Mutex::default(),
            }),
        }
    }

    /// A connection outside any transaction. Opens one if none is free; waits, bounded in time and number of waiters, if all
    /// are taken.
    ///
    /// # Errors
    /// [`PoolError`]; every variant is worth a retry by the client except [`PoolError::Closed`].
    pub async fn connection(&self) -> Result<Connection, PoolError> {
        let shared = &self.shared;
        if shared.pool.status().waiting >= shared.max_waiting {
            return Err(PoolError::QueueFull);
        }
        shared.touch();
        let object = shared.pool.get().await.map_err(PoolError::from).inspect_err(|error| shared.count(error))?;
        shared.ensure_reaper();
        Ok(Connection::new(object))
    }

    /// Asks the database something that needs nothing but a session. Neither keeps an idle pool open nor waits for others:
    /// when every connection is taken, by whatever takes long, it opens one of its own.
    ///
    /// # Errors
    /// [`PoolError`] when there is no connection, or it ends.
    pub async fn probe(&self) -> Result<(), PoolError> {
        let pool = &self.shared.pool;
        let status = pool.status();
        if status.available == 0 && status.size >= status.max_size && !pool.is_closed() {
            let session = pool.manager().create().await?;
            return Ok(session.probe().await?);
        }
        let connection = Connection::new(pool.get().await.map_err(PoolError::from)?);
        self.shared.ensure_reaper();
        connection.begin_work();
        let answer = connection.session().probe().await;
        connection.end_work();
        Ok(answer?)
    }

    /// Listens by a connection of its own, beside those that are counted: for as long as the pool is used, or until the
    /// subscription is dropped.
    ///
    /// # Errors
    /// Why there is no connection, or what PostgreSQL answers to `LISTEN`.
    pub async fn listen(&self, channel: &str) -> Result<Subscription, PoolError> {
        // Taken before: what is closed meanwhile is closed for this one, too.
        let closed = self.shared.listening().clone();
        if self.shared.pool.is_closed() {
            return Err(PoolError::Closed);
        }
        let subscription = Subscription::open(&self.shared.pool.manager().database, channel, closed).await?;
        self.shared.ensure_reaper();
        Ok(subscription)
    }

    /// Waits until a connection can't be made, unless that was so when it was tried last: why it could not.
    pub async fn unreachable(&self) -> String {
        let mut said = self.shared.pool.manager().unreachable.subscribe();
        // The sender lives as long as the pool.
        said.wait_for(Option::is_some).await.ok().and_then(|why| why.clone()).unwrap_or_default()
    }

    /// Closes all connections and ends the background tasks. Requests in flight finish; later ones get
    /// [`PoolError::Closed`].
    pub fn close(&self) {
        self.shared.pool.close();
        self.shared.listening().cancel();
    }

    /// How many connections are open now.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.shared.pool.status().size
    }

    /// How the pool is doing.
    #[must_use]
    pub fn metrics(&self) -> PoolMetrics {
        let status = self.shared.pool.status();
        PoolMetrics {
            available: status.available,
            waiting: status.waiting,
            max: status.max_size,
            timeouts: self.shared.timeouts.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn count(&self, error: &PoolError) {
        if matches!(error, PoolError::WaitTimedOut) {
            self.timeouts.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn listening(&self) -> MutexGuard<'_, CancellationToken> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_used.store(now, Ordering::Relaxed);
    }

    fn unused_for(&self) -> Duration {
        self.started.elapsed().saturating_sub(Duration::from_millis(self.last_used.load(Ordering::Relaxed)))
    }

    /// Starts the task that closes unused connections, unless it runs. It ends when there are none left.
    fn ensure_reaper(self: &Arc<Self>) {
        if self.reaper_runs.swap(true, Ordering::AcqRel) {
            return;
        }
        let weak = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                let Some(wait) = weak.upgrade().map(|shared| shared.idle_after.saturating_sub(shared.unused_for())) else {
                    return;
                };
                tokio::time::sleep(wait.max(Duration::from_secs(1))).await;
                let Some(shared) = weak.upgrade() else { return };
                if shared.reap() {
                    return;
                }
            }
        });
    }

    /// Closes what was not used lately; true when nothing is left to watch.
    fn reap(&self) -> bool {
        let all_idle = self.unused_for() >= self.idle_after;
        drop(
            self.pool
                .retain(|session, metrics| !session.client.is_closed() && !all_idle && metrics.last_used() < self.idle_after),
        );
        if all_idle {
            std::mem::take(&mut *self.listening()).cancel();
        }
        let done = self.pool.is_closed() || (all_idle && self.pool.status().size == 0);
        if done {
            self.reaper_runs.store(false, Ordering::Release);
            // A connection taken between the check and the store found the reaper still marked as running.
            if self.pool.status().size > 0 && !self.pool.is_closed() && !self.reaper_runs.swap(true, Ordering::AcqRel) {
                return false;
            }
        }
        done
    }
}

#[derive(Debug)]
pub(crate) struct SessionManager {
    database: Arc<Database>,
    max_lifetime: Option<Duration>,
    /// What was said if a connection could not be made when it was tried last.
    unreachable: watch::Sender<Option<String>>,
}

impl Manager for SessionManager {
    type Type = Session;
    type Error = ConnectError;

    async fn create(&self) -> Result<Session, ConnectError> {
        let opened = Session::open(&self.database).await;
        self.unreachable.send_replace(opened.as_ref().err().map(ToString::to_string));
        opened
    }

    async fn recycle(&self, session: &mut Session, metrics: &Metrics) -> RecycleResult<ConnectError> {
        if session.client.is_closed() || session.is_broken() {
            return Err(RecycleError::message("connection closed"));
        }
        if self.max_lifetime.is_some_and(|most| metrics.age() >= most) {
            return Err(RecycleError::message("connection too old"));
        }
        Ok(())
    }
}

impl From<ConnectError> for PoolError {
    fn from(error: ConnectError) -> Self {
        if error.is_time_out() { Self::ConnectTimedOut } else { Self::Connect(error) }
    }
}

impl From<managed::PoolError<ConnectError>> for PoolError {
    fn from(error: managed::PoolError<ConnectError>) -> Self {
        match error {
            managed::PoolError::Timeout(TimeoutType::Wait) => Self::WaitTimedOut,
            managed::PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => Self::ConnectTimedOut,
            managed::PoolError::Backend(error) => error.into(),
            managed::PoolError::Closed | managed::PoolError::NoRuntimeSpecified | managed::PoolError::PostCreateHook(_) => {
                Self::Closed
            }
        }
    }
}
