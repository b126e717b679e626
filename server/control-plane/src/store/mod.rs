//! The control-plane database, SQLite or PostgreSQL. Everything sea-orm is in here; what leaves are plain values.
//!
//! Times are Unix milliseconds by the database's own clock, so that replicas with different clocks agree on leases.

mod auth_config;
mod clock;
mod entity;
mod events;
mod instance;
mod leases;
mod operations;
mod projects;
mod secrets;
mod signing_keys;
mod third_party_auth;

use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait as _,
    QuerySelect as _, SqliteTransactionMode, TransactionOptions, TransactionTrait as _,
};

pub(crate) use events::NewEvent;
pub use instance::Node;
pub(crate) use leases::{LEASE_MS, Lease, LeaseError};
pub(crate) use operations::{OpenOperation, Opened};
pub(crate) use projects::{NewProject, StoredProject};
pub(crate) use secrets::key_hash;
pub(crate) use signing_keys::StoredSigningKey;
pub(crate) use third_party_auth::third_party_auth;

use crate::error::{Error, StartError};

/// What sea-orm says of a URL that it can't read quotes it, with the password in it.
fn without_url(error: DbErr, url: &str) -> StartError {
    if error.to_string().contains(url) { StartError::MalformedDatabaseUrl } else { error.into() }
}

/// The control-plane database.
#[derive(Debug, Clone)]
pub struct Store {
    db: DatabaseConnection,
}

impl Store {
    /// Connects and migrates. `url` is `sqlite:///path/file.db` (made if missing) or `postgres://…`.
    pub async fn open(url: &str) -> Result<Self, StartError> {
        let db = Database::connect(connect_options(url)).await.map_err(|error| without_url(error, url))?;
        <migration::Migrator as migration::MigratorTrait>::up(&db, None).await?;
        Ok(Self { db })
    }

    /// Closes every connection; what was committed is on disk.
    pub async fn close(&self) {
        if let Err(error) = self.db.clone().close().await {
            tracing::warn!(%error, "closing the control-plane database");
        }
    }

    /// Begins a transaction that will write. On SQLite it takes the write lock at once: a transaction that began as a
    /// reader could not wait for it later.
    async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        self.db.begin_with_options(options).await
    }

    /// As [`Self::begin`], for writing to a project. Writers of one project take turns from their beginning on: its events
    /// become visible in the order of their ids, so that a reader who has seen one never misses a lower one, and no two of
    /// them can wait for each other.
    async fn begin_on(&self, project_id: i64) -> Result<DatabaseTransaction, DbErr> {
        let tx = self.begin().await?;
        // SQLite has one writer at a time anyway.
        if tx.get_database_backend() == DbBackend::Postgres {
            entity::project::Entity::find_by_id(project_id).lock_exclusive().one(&tx).await?;
        }
        Ok(tx)
    }
}

fn connect_options(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url.to_owned());
    options.connect_timeout(Duration::from_secs(10)).acquire_timeout(Duration::from_secs(10)).sqlx_logging(false);
    if url.starts_with("sqlite:") {
        // Writers take turns anyway; a few connections let readers pass them.
        options.max_connections(4).min_connections(1).map_sqlx_sqlite_opts(|options| {
            use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
            options
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                // An answered request survives a power cut.
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(Duration::from_secs(10))
                .foreign_keys(true)
        });
    } else {
        options.max_connections(10).min_connections(1).idle_timeout(Duration::from_secs(60));
    }
    options
}

/// Reads a stored word; a word that is none of ours was written by another version.
fn word<T: std::str::FromStr<Err = String>>(text: &str) -> Result<T, Error> {
    text.parse().map_err(Error::Corrupt)
}

fn optional_word<T: std::str::FromStr<Err = String>>(text: Option<&str>) -> Result<Option<T>, Error> {
    text.map(word).transpose()
}
