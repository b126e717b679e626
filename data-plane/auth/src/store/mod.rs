//! SQL, one file a table. Statements are prepared once per connection.

pub mod audit;
pub mod cleanup;
pub mod custom_providers;
pub mod directory;
pub mod factors;
pub mod flow_states;
pub mod hooks;
pub mod identities;
pub mod limits;
pub mod listing;
pub mod messages;
pub mod oauth_authorizations;
pub mod oauth_client_states;
pub mod oauth_clients;
pub mod oauth_consents;
pub mod one_time_tokens;
pub mod passkeys;
mod query;
pub mod refresh_tokens;
pub mod sessions;
pub mod users;

use std::{future::Future, ops::Deref};

use project_context::{Connection, Lookup, Pool, PoolError, StatementKey};
use tokio_postgres::{Row, error::SqlState, types::ToSql};

use self::query::Query;
use crate::error::{AuthError, ErrorCode};

/// A statement's parameter.
pub(crate) type Parameter<'a> = &'a (dyn ToSql + Sync);

/// Why the database did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no connection.
    #[error("there is no connection to the database")]
    Pool(#[from] PoolError),
    /// PostgreSQL refused a statement, or the connection ended.
    #[error("the database refused a statement")]
    Statement(#[from] tokio_postgres::Error),
}

impl StoreError {
    /// Name of the unique constraint or index that a row was against.
    #[must_use]
    pub fn violated_unique(&self) -> Option<&str> {
        let Self::Statement(error) = self else { return None };
        let error = error.as_db_error()?;
        if *error.code() == SqlState::UNIQUE_VIOLATION { error.constraint() } else { None }
    }

    /// What PostgreSQL said, if it did.
    #[must_use]
    pub fn database_error(&self) -> Option<&tokio_postgres::error::DbError> {
        match self {
            Self::Statement(error) => error.as_db_error(),
            Self::Pool(_) => None,
        }
    }
}

impl From<StoreError> for AuthError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Pool(PoolError::QueueFull | PoolError::WaitTimedOut) => {
                Self::busy(project_context::RETRY_AFTER.as_secs())
            }
            StoreError::Pool(pool) => Self::internal("The project's database can't be reached", format!("{pool:?}"))
                .with_status(http::StatusCode::SERVICE_UNAVAILABLE)
                .with_retry_after(project_context::RETRY_AFTER.as_secs()),
            // What a trigger of the project's raises is for its developer to read in the log.
            StoreError::Statement(statement) => {
                let message = match statement.as_db_error().map(|error| error.code()) {
                    Some(&SqlState::UNIQUE_VIOLATION) => {
                        return Self::new(http::StatusCode::CONFLICT, ErrorCode::Conflict, "The change collides with another");
                    }
                    _ => "Database error",
                };
                Self::internal(message, format!("{statement:?}"))
            }
        }
    }
}

/// A pattern for anything that contains the text, which has no wildcards.
fn containing(text: &str) -> String {
    format!("%{}%", text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_"))
}

/// A connection on which each statement is a transaction of its own, unless it is within a [`Transaction`].
#[derive(Debug)]
pub struct Db {
    connection: Connection,
    in_transaction: bool,
}

impl Db {
    /// Each statement by itself.
    ///
    /// # Errors
    /// [`StoreError::Pool`]
    pub async fn open(pool: &Pool) -> Result<Self, StoreError> {
        Ok(Self { connection: pool.connection().await?, in_transaction: false })
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn begin(pool: &Pool) -> Result<Transaction, StoreError> {
        let connection = pool.connection().await?;
        connection.begin_work();
        connection.client().batch_execute("begin").await?;
        Ok(Transaction { db: Self { connection, in_transaction: true } })
    }

    pub(crate) async fn rows(&self, sql: &'static str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, StoreError> {
        let statement = self.prepared(sql).await?;
        self.at_work(self.connection.client().query(&statement, parameters)).await
    }

    /// As [`Db::rows`], of a statement that was put together.
    async fn rows_of(&self, query: &Query<'_>) -> Result<Vec<Row>, StoreError> {
        let statement = self.prepared(&query.sql).await?;
        self.at_work(self.connection.client().query(&statement, &query.parameters)).await
    }

    pub(crate) async fn row(&self, sql: &'static str, parameters: &[Parameter<'_>]) -> Result<Option<Row>, StoreError> {
        let statement = self.prepared(sql).await?;
        self.at_work(self.connection.client().query_opt(&statement, parameters)).await
    }

    /// How many rows were changed.
    pub(crate) async fn execute(&self, sql: &'static str, parameters: &[Parameter<'_>]) -> Result<u64, StoreError> {
        let statement = self.prepared(sql).await?;
        self.at_work(self.connection.client().execute(&statement, parameters)).await
    }

    /// Several statements without parameters or answers.
    pub(crate) async fn batch(&self, sql: &str) -> Result<(), StoreError> {
        self.at_work(self.connection.client().batch_execute(sql)).await
    }

    async fn prepared(&self, sql: &str) -> Result<tokio_postgres::Statement, StoreError> {
        let key = StatementKey::new(&[], sql);
        if let Lookup::Prepared(statement) = self.connection.lookup(0, &key) {
            return Ok(statement);
        }
        let statement = self.at_work(self.connection.client().prepare(sql)).await?;
        self.connection.remember(key, statement.clone());
        Ok(statement)
    }

    /// What runs is cancelled when its asker goes away.
    async fn at_work<T>(&self, work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, StoreError> {
        if self.in_transaction {
            return Ok(work.await?);
        }
        self.connection.begin_work();
        let outcome = work.await;
        self.connection.end_work();
        Ok(outcome?)
    }
}

/// Statements that are one. Rolled back when its asker goes away before the end.
#[derive(Debug)]
#[must_use = "a transaction has to be ended"]
pub struct Transaction {
    db: Db,
}

impl Deref for Transaction {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

impl Transaction {
    /// Commits what ended well; rolls back what did not.
    ///
    /// # Errors
    /// The outcome's; or [`StoreError`], after which nothing was changed, or, when the connection ended just now, all.
    pub async fn end<T, E: From<StoreError>>(self, outcome: Result<T, E>) -> Result<T, E> {
        let command = if outcome.is_ok() { "commit" } else { "rollback" };
        let ended = self.db.batch(command).await;
        if ended.is_ok() {
            self.db.connection.end_work();
        }
        match (outcome, ended) {
            (Ok(_), Err(error)) => Err(error.into()),
            (outcome, _) => outcome,
        }
    }
}
