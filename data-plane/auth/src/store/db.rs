//! A connection and its statements, one after the other or several in one round trip.
//!
//! What is awaited together (`futures::try_join!`) goes out together, in the order in which it is named, and takes one round
//! trip. A flow does so where no statement needs what another one answers.

use std::{
    fmt,
    future::Future,
    ops::Deref,
    pin::Pin,
    sync::{
        PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use auth_schema::Place;
use futures::{future::BoxFuture, poll};
use project_context::{Connection, Lookup, Pool, StatementKey};
use tokio::sync::{Mutex, MutexGuard, OwnedSemaphorePermit};
use tokio_postgres::{Client, Row, Statement};
use tracing::Instrument as _;

use super::{Parameter, StoreError, query::Query};
use crate::error::AuthError;

/// What is done after a transaction.
type Step = BoxFuture<'static, Result<(), AuthError>>;

/// All of it, in the order in which it is done: one after the other, until one fails.
#[derive(Default)]
struct Afterwards {
    first: Vec<Step>,
    last: Vec<Step>,
}

/// A connection on which each statement is a transaction of its own, unless it is within a [`Transaction`].
pub struct Db {
    connection: Connection,
    /// Where the tables are that only this Auth has.
    place: Place,
    /// In a transaction: what is done once it is committed.
    afterwards: Option<std::sync::Mutex<Afterwards>>,
    /// Whose turn it is to send; they come in the order in which they have asked.
    turn: Mutex<Sent>,
    /// Statements that are not answered yet.
    at_work: AtomicUsize,
}

/// What the client is asked. Boxed: several are awaited together.
type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, tokio_postgres::Error>> + Send + 'a>>;

#[derive(Debug)]
struct Sent {
    /// BEGIN was sent, or none is needed.
    begun: bool,
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").field("connection", &self.connection).finish_non_exhaustive()
    }
}

impl Db {
    /// Each statement by itself.
    ///
    /// # Errors
    /// [`StoreError::Pool`]
    pub async fn open(pool: &Pool) -> Result<Self, StoreError> {
        Self::new(pool, false).await
    }

    /// Begins a transaction: with its first statement.
    ///
    /// # Errors
    /// [`StoreError::Pool`]
    pub async fn begin(pool: &Pool) -> Result<Transaction, StoreError> {
        Ok(Transaction { db: Self::new(pool, true).await?, turn: None })
    }

    async fn new(pool: &Pool, in_transaction: bool) -> Result<Self, StoreError> {
        let connection = pool.connection().await?;
        Ok(Self {
            connection,
            place: Place::default(),
            afterwards: in_transaction.then(std::sync::Mutex::default),
            turn: Mutex::new(Sent { begun: !in_transaction }),
            at_work: AtomicUsize::new(0),
        })
    }

    /// Where the statements find the tables that only this Auth has.
    pub(crate) fn finding_own(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// Has what waits for somebody outside be done once the transaction is committed, when no connection waits with it. It is
    /// done to its end, whether its asker is still there or not; its error is then the transaction's. After a rollback nothing
    /// of it is done.
    ///
    /// Outside of a transaction everything is committed already: it is done beside, and nobody learns its outcome.
    pub(crate) fn afterwards(&self, work: impl Future<Output = Result<(), AuthError>> + Send + 'static) {
        self.note(work, |afterwards| &mut afterwards.first);
    }

    /// As [`Db::afterwards`], behind all of that: only once nothing of it has failed.
    pub(crate) fn at_last(&self, work: impl Future<Output = Result<(), AuthError>> + Send + 'static) {
        self.note(work, |afterwards| &mut afterwards.last);
    }

    fn note(
        &self,
        work: impl Future<Output = Result<(), AuthError>> + Send + 'static,
        among: fn(&mut Afterwards) -> &mut Vec<Step>,
    ) {
        match &self.afterwards {
            Some(afterwards) => among(&mut afterwards.lock().unwrap_or_else(PoisonError::into_inner)).push(Box::pin(work)),
            None => drop(tokio::spawn(work.in_current_span())),
        }
    }

    pub(crate) async fn rows(&self, sql: &'static str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, StoreError> {
        let turn = self.turn().await;
        let statement = turn.prepared(sql).await?;
        turn.send(Box::pin(self.client().query(&statement, parameters))).await
    }

    /// As [`Db::rows`], of a statement that was put together.
    pub(super) async fn rows_of(&self, query: &Query<'_>) -> Result<Vec<Row>, StoreError> {
        let turn = self.turn().await;
        let statement = turn.prepared(&query.sql).await?;
        turn.send(Box::pin(self.client().query(&statement, &query.parameters))).await
    }

    pub(crate) async fn row(&self, sql: &'static str, parameters: &[Parameter<'_>]) -> Result<Option<Row>, StoreError> {
        let turn = self.turn().await;
        let statement = turn.prepared(sql).await?;
        turn.send(Box::pin(self.client().query_opt(&statement, parameters))).await
    }

    /// How many rows were changed.
    pub(crate) async fn execute(&self, sql: &'static str, parameters: &[Parameter<'_>]) -> Result<u64, StoreError> {
        let turn = self.turn().await;
        let statement = turn.prepared(sql).await?;
        turn.send(Box::pin(self.client().execute(&statement, parameters))).await
    }

    /// Several statements without parameters or answers.
    pub(crate) async fn batch(&self, sql: &str) -> Result<(), StoreError> {
        self.turn().await.send(Box::pin(self.client().batch_execute(sql))).await
    }

    /// What is asked of the client itself, in its turn.
    pub(super) async fn ask<T>(&self, work: Work<'_, T>) -> Result<T, StoreError> {
        self.turn().await.send(work).await
    }

    pub(super) fn client(&self) -> &Client {
        self.connection.client()
    }

    async fn turn(&self) -> Turn<'_> {
        Turn { db: self, sent: self.turn.lock().await }
    }

    /// From here on what runs is cancelled when its asker goes away.
    fn begin_work(&self) {
        self.at_work.fetch_add(1, Ordering::Relaxed);
        self.connection.begin_work();
    }

    /// What is not answered any more because its asker has gone never ends.
    fn end_work(&self) {
        if self.at_work.fetch_sub(1, Ordering::Relaxed) == 1 && self.afterwards.is_none() {
            self.connection.end_work();
        }
    }
}

/// A statement's turn: those before it were sent, and those after it wait until it is.
struct Turn<'a> {
    db: &'a Db,
    sent: MutexGuard<'a, Sent>,
}

impl Turn<'_> {
    async fn prepared(&self, sql: &str) -> Result<Statement, StoreError> {
        let connection = &self.db.connection;
        let key = StatementKey::new(&[], sql);
        if let Lookup::Prepared(statement) = connection.lookup(0, &key) {
            return Ok(statement);
        }
        self.db.begin_work();
        let prepared = Box::pin(connection.client().prepare(&self.db.place.sql(sql))).await;
        self.db.end_work();
        let statement = prepared?;
        connection.remember(key, statement.clone());
        Ok(statement)
    }

    /// Sends, lets the next one have its turn, and waits for the answer.
    async fn send<T>(self, mut work: Work<'_, T>) -> Result<T, StoreError> {
        let Self { db, mut sent } = self;
        db.begin_work();
        let begins = !std::mem::replace(&mut sent.begun, true);
        let mut begin = begins.then(|| Box::pin(db.client().batch_execute("begin")));
        // The client sends when it is asked for the first time.
        let mut begun = match &mut begin {
            Some(begin) => poll!(begin),
            None => Poll::Ready(Ok(())),
        };
        let answered = poll!(&mut work);
        drop(sent);
        if let (Poll::Pending, Some(begin)) = (&begun, begin) {
            begun = Poll::Ready(begin.await);
        }
        let outcome = match answered {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => work.await,
        };
        db.end_work();
        if let Poll::Ready(begun) = begun {
            begun?;
        }
        Ok(outcome?)
    }
}

/// Statements that are one. Rolled back when its asker goes away before the end.
#[derive(Debug)]
#[must_use = "a transaction has to be ended"]
pub struct Transaction {
    db: Db,
    turn: Option<OwnedSemaphorePermit>,
}

impl Deref for Transaction {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

impl Transaction {
    /// As of [`Db`].
    pub(crate) fn finding_own(mut self, place: Place) -> Self {
        self.db.place = place;
        self
    }

    /// As long as it is open, it is one of a bounded number.
    pub(crate) fn taking(mut self, turn: Option<OwnedSemaphorePermit>) -> Self {
        self.turn = turn;
        self
    }

    /// Commits what ended well, and does what was to be done afterwards; rolls back what did not.
    ///
    /// # Errors
    /// The outcome's; or [`StoreError`], after which nothing was changed, or, when the connection ended just now, all; or what
    /// failed afterwards.
    pub async fn end<T>(self, outcome: Result<T, AuthError>) -> Result<T, AuthError> {
        let ended = self.end_statements(outcome.is_ok()).await;
        let Self { db: Db { connection, afterwards, .. }, turn } = self;
        drop((connection, turn));
        let value = outcome?;
        ended?;
        let Afterwards { mut first, last } = afterwards.and_then(|afterwards| afterwards.into_inner().ok()).unwrap_or_default();
        first.extend(last);
        if !first.is_empty() {
            in_order(first).await?;
        }
        Ok(value)
    }

    async fn end_statements(&self, well: bool) -> Result<(), StoreError> {
        if self.db.turn.lock().await.begun {
            self.db.batch(if well { "commit" } else { "rollback" }).await?;
        }
        self.db.connection.end_work();
        Ok(())
    }
}

/// One after the other, until one fails.
async fn in_order(all: Vec<Step>) -> Result<(), AuthError> {
    let work = async {
        for one in all {
            one.await?;
        }
        Ok(())
    };
    // Its asker may go away; what was begun ends all the same.
    match tokio::spawn(work.in_current_span()).await {
        Ok(outcome) => outcome,
        Err(error) => Err(AuthError::internal("Internal Server Error", error)),
    }
}
