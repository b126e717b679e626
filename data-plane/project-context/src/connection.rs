//! One connection taken from the pool: its statements, and the promise that a query whose client went away is cancelled before
//! anyone else gets the connection.

use std::{
    fmt,
    future::poll_fn,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use deadpool::managed::Object;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite},
    net::{TcpStream, UnixStream},
    sync::broadcast,
};
use tokio_postgres::{AsyncMessage, Client, NoTls, Statement, tls::TlsStream};

use crate::{
    database::{ConnectError, Database, Opened, Place, Reached},
    direct::Direct,
    pool::SessionManager,
    statements::{Lookup, StatementKey, Statements},
    wire::Wire,
};

/// Longest time to bring a connection back to rest whose user went away; it is discarded after that.
const RESET: Duration = Duration::from_secs(5);
/// Time after which what does not come to rest is cancelled again.
const CANCEL_AGAIN: Duration = Duration::from_secs(1);
/// Notifications a slow subscriber may fall behind before it misses some.
const NOTIFICATION_BACKLOG: usize = 64;

/// What the task that drives a connection tells of it.
pub(crate) struct Driven {
    /// The payloads of notifications, until the connection ends.
    pub(crate) notifications: broadcast::Receiver<String>,
    /// Whether texts are no longer written in UTF-8.
    pub(crate) garbled: Arc<AtomicBool>,
}

/// Drives a connection in a task that ends with it.
pub(crate) fn drive<S, T>(mut connection: tokio_postgres::Connection<S, T>) -> Driven
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: TlsStream + Unpin + Send + 'static,
{
    let (sender, notifications) = broadcast::channel(NOTIFICATION_BACKLOG);
    let driven = Driven { notifications, garbled: Arc::default() };
    let garbled = Arc::clone(&driven.garbled);
    tokio::spawn(async move {
        loop {
            let message = poll_fn(|cx| {
                let message = connection.poll_message(cx);
                // The server reports it before it answers what has changed it.
                if connection.parameter("client_encoding").is_some_and(|encoding| encoding != "UTF8") {
                    garbled.store(true, Ordering::Relaxed);
                }
                message
            });
            let Some(message) = message.await else { break };
            match message {
                Ok(AsyncMessage::Notification(notification)) => {
                    // Nobody subscribed: nothing to do.
                    let _ = sender.send(notification.payload().to_owned());
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%error, "database connection ended");
                    break;
                }
            }
        }
    });
    driven
}

/// A physical connection and what is known about it.
pub(crate) struct Session {
    pub(crate) client: Client,
    statements: Statements,
    /// The connection itself, where it can be had past the client.
    wire: Option<Wire>,
    /// What a tenant's function has set for the session would garble the texts of whoever comes next.
    garbled: Arc<AtomicBool>,
    /// Not to be used again.
    condemned: AtomicBool,
    database: Arc<Database>,
    /// Where cancel requests go.
    reached: Reached,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("closed", &self.client.is_closed()).finish_non_exhaustive()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Whatever was on its way: the client is to end, which it can't while it waits.
        if let Some(wire) = &self.wire {
            wire.give_back();
        }
    }
}

impl Session {
    /// Connects to the first server that will do.
    pub(crate) async fn open(database: &Arc<Database>) -> Result<Self, ConnectError> {
        let Opened { client, wire, garbled, reached, .. } = Box::pin(database.open()).await?;
        Ok(Self {
            client,
            statements: Statements::new(),
            wire,
            garbled,
            condemned: AtomicBool::new(false),
            database: Arc::clone(database),
            reached,
        })
    }

    /// Asks something that needs nothing but a session.
    pub(crate) async fn probe(&self) -> Result<(), ConnectError> {
        self.client.simple_query("SELECT 1").await.map(drop).map_err(|error| self.reached.failed(error))
    }

    /// Cancels what runs. Returns when the server has sent the signal, so that it can't hit a later statement: it closes the
    /// connection of a cancel request after that, which `CancelToken::cancel_query` does not wait for.
    async fn cancel(&self) -> io::Result<()> {
        match &self.reached.place {
            Place::Socket { folder, port } => {
                self.cancel_by(UnixStream::connect(folder.join(format!(".s.PGSQL.{port}"))).await?).await
            }
            Place::Address(address) => self.cancel_by(TcpStream::connect(address).await?).await,
        }
    }

    async fn cancel_by(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let token = self.client.cancel_token();
        let sent = match self.database.tls.as_ref().filter(|_| self.reached.encrypted) {
            Some(tls) => token.cancel_query_raw(&mut stream, tls.attempt().handshake(&self.reached.name)?).await,
            None => token.cancel_query_raw(&mut stream, NoTls).await,
        };
        sent.map_err(io::Error::other)?;
        // Nothing is answered.
        match stream.read_to_end(&mut Vec::new()).await {
            // The server is gone before it has read that we are, too.
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Whether nobody else is to get it.
    pub(crate) fn is_broken(&self) -> bool {
        let is_spoilt = self.condemned.load(Ordering::Relaxed) || self.garbled.load(Ordering::Relaxed);
        is_spoilt || self.wire.as_ref().is_some_and(Wire::is_broken)
    }

    /// Waits for what was cancelled, until the connection is outside any transaction.
    async fn come_to_rest(&self) -> io::Result<()> {
        if let Some(wire) = self.wire.as_ref().filter(|wire| wire.is_awaited())
            && !wire.settle().await?
        {
            return Ok(());
        }
        self.client.batch_execute("ROLLBACK").await.map_err(io::Error::other)
    }
}

/// A connection of the pool, as `authenticator`. Goes back on drop.
///
/// Bracket work by [`Connection::begin_work`] and [`Connection::end_work`]: if the connection is dropped in between (the
/// client disconnected, a time-out), the running statement is cancelled, the transaction rolled back, and only then does
/// the connection return to the pool.
#[derive(Debug)]
pub struct Connection {
    object: Option<Object<SessionManager>>,
    working: AtomicBool,
}

impl Connection {
    pub(crate) fn new(object: Object<SessionManager>) -> Self {
        Self { object: Some(object), working: AtomicBool::new(false) }
    }

    /// The client. Always leave it outside a transaction.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.session().client
    }

    /// The connection past the client, for statements that are one transaction together. `None` where there is no such way, or
    /// not now.
    pub async fn direct(&self) -> Option<Direct<'_>> {
        let session = self.session();
        let wire = session.wire.as_ref()?;
        if !wire.lend() {
            // Something is still on its way, such as the end of a statement: what is answered after it tells that it came.
            session.client.batch_execute("").await.ok()?;
            if !wire.lend() {
                return None;
            }
        }
        Some(Direct::new(wire))
    }

    /// From here on a drop cancels what runs.
    pub fn begin_work(&self) {
        self.working.store(true, Ordering::Relaxed);
    }

    /// The transaction is over; a drop just returns the connection.
    pub fn end_work(&self) {
        self.working.store(false, Ordering::Relaxed);
    }

    /// What this connection knows of a statement. `generation` is the schema's: a new one forgets all.
    #[must_use]
    pub fn lookup(&self, generation: u64, key: &StatementKey) -> Lookup {
        self.session().statements.lookup(generation, key)
    }

    /// Keeps a prepared statement, possibly closing the one unused for longest.
    pub fn remember(&self, key: StatementKey, statement: Statement) {
        self.session().statements.remember(key, statement);
    }

    /// Drops a statement whose plan no longer fits.
    pub fn forget(&self, key: &StatementKey) {
        self.session().statements.forget(key);
    }

    /// Has it closed instead of given back: its session is no longer what it should be.
    pub fn condemn(&self) {
        self.session().condemned.store(true, Ordering::Relaxed);
    }

    /// Whether the server or the network ended this connection.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.client().is_closed()
    }

    pub(crate) fn session(&self) -> &Session {
        // Only `drop` takes the object out.
        self.object.as_ref().expect("present until drop")
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else { return };
        if object.is_broken() {
            drop(Object::take(object));
            return;
        }
        if !self.working.load(Ordering::Relaxed) || object.client.is_closed() {
            return;
        }
        if tokio::runtime::Handle::try_current().is_err() {
            drop(Object::take(object));
            return;
        }
        tokio::spawn(async move {
            let reset = async {
                // One that comes before the statement has begun is lost.
                loop {
                    object.cancel().await?;
                    if let Ok(rested) = tokio::time::timeout(CANCEL_AGAIN, object.come_to_rest()).await {
                        return rested;
                    }
                }
            };
            if let Err(error) = tokio::time::timeout(RESET, reset).await.unwrap_or_else(|late| Err(late.into())) {
                tracing::debug!(%error, "connection discarded after a cancelled request");
                drop(Object::take(object));
            }
        });
    }
}
