//! Brings a database to the newest version. One process at a time, all or nothing.

use std::borrow::Cow;

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Transaction};

use crate::{MIGRATIONS, PREPARE, UPSTREAM};

/// Held while migrating; advisory locks are per database. The letters "_auth".
const LOCK: i64 = 0x5f_6175_7468;

/// Why a database is not at the newest version. It is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection broke, or the role may not read the schema.
    #[error("can't read the version of the schema auth")]
    Version(#[source] tokio_postgres::Error),
    /// The schema `auth` is missing and can't be made, or belongs to somebody else.
    #[error("can't prepare the schema auth; the role needs CREATE on the database, or on a schema auth that is there")]
    Prepare(#[source] tokio_postgres::Error),
    /// A statement of a migration failed.
    #[error("migration {version} of the schema auth ({name}) failed")]
    Migration {
        /// As in [`MIGRATIONS`].
        version: i32,
        /// As in [`MIGRATIONS`].
        name: &'static str,
        /// What PostgreSQL says.
        #[source]
        source: tokio_postgres::Error,
    },
    /// Everything ran, but was not kept.
    #[error("can't commit the migration of the schema auth")]
    Commit(#[source] tokio_postgres::Error),
}

/// Where the tables are that only our Auth has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Place {
    /// In the schema `_auth`.
    #[default]
    Schema,
    /// In `auth`, with `_` before their names: the role may not make a schema, as in the images of supabase/postgres before
    /// November 2025.
    WithinAuth,
}

impl Place {
    /// Where they are, or where [`migrate`] makes them.
    ///
    /// # Errors
    /// [`Error::Version`]
    pub async fn of(client: &Client) -> Result<Self, Error> {
        let within = "select pg_catalog.to_regnamespace('_auth') is null
                             and (pg_catalog.to_regclass('auth._schema_migrations') is not null
                                  or not pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create'))";
        let row = client.query_one(within, &[]).await.map_err(Error::Version)?;
        Ok(if row.get(0) { Self::WithinAuth } else { Self::Schema })
    }

    /// A statement that is written for the schema `_auth`.
    #[must_use]
    pub fn sql(self, sql: &str) -> Cow<'_, str> {
        match self {
            Self::WithinAuth if sql.contains("_auth.") => Cow::Owned(sql.replace("_auth.", "auth._")),
            Self::WithinAuth | Self::Schema => Cow::Borrowed(sql),
        }
    }
}

/// Brings the database to the newest version and says how many migrations that took: 0, after one query, mostly.
///
/// Connect as [`crate::ROLE`], or as a role that may become it. Not as a superuser where tenants are: the statements fire
/// triggers that they may have made. Safe with several at once (the others wait, then find nothing to do) and when it is
/// dropped or killed (it is one transaction).
///
/// # Errors
/// [`Error`]; the database is then unchanged.
pub async fn migrate(client: &mut Client) -> Result<usize, Error> {
    if is_current(client, Place::Schema).await? {
        return Ok(0);
    }
    let place = Place::of(client).await?;
    migrate_in(client, place).await
}

/// As [`migrate`], with our own tables in this place and no other: a database of ours has the schema `_auth`, which its owner does
/// not see into.
///
/// # Errors
/// [`Error`]; the database is then unchanged.
pub async fn migrate_in(client: &mut Client, place: Place) -> Result<usize, Error> {
    if is_current(client, place).await? {
        return Ok(0);
    }
    let transaction = client.transaction().await.map_err(Error::Version)?;
    transaction.execute("select pg_catalog.pg_advisory_xact_lock($1)", &[&LOCK]).await.map_err(Error::Version)?;
    transaction.batch_execute(&place.sql(PREPARE)).await.map_err(Error::Prepare)?;
    let applied = applied(&transaction, place).await?;
    let mut count = 0;
    for migration in MIGRATIONS.iter().filter(|migration| !applied.contains(&migration.version)) {
        let (version, name) = (migration.version, migration.name);
        let run = transaction.batch_execute(&place.sql(migration.sql)).await;
        run.map_err(|source| Error::Migration { version, name, source })?;
        count += 1;
    }
    transaction.commit().await.map_err(Error::Commit)?;
    Ok(count)
}

/// Without the lock, and in a database that may have nothing yet.
async fn is_current(client: &Client, place: Place) -> Result<bool, Error> {
    let newest = MIGRATIONS.len() as i64;
    let current = "select (select count(*) from _auth.schema_migrations where version <= $1::bigint) = $1
                          and exists (select from auth.schema_migrations where version = $2)";
    match client.query_one(&*place.sql(current), &[&newest, &UPSTREAM]).await {
        Ok(row) => Ok(row.get(0)),
        Err(error) if missing(&error) => Ok(false),
        Err(error) => Err(Error::Version(error)),
    }
}

/// The versions that need not run again: none, when an older GoTrue's schema has been put in the place of ours.
async fn applied(transaction: &Transaction<'_>, place: Place) -> Result<Vec<i32>, Error> {
    let ours = if is_upstreams_newest(transaction).await? { "" } else { " where false" };
    let versions = format!("select version from _auth.schema_migrations{ours}");
    let rows = transaction.query(&*place.sql(&versions), &[]).await;
    Ok(rows.map_err(Error::Version)?.iter().map(|row| row.get(0)).collect())
}

async fn is_upstreams_newest(transaction: &Transaction<'_>) -> Result<bool, Error> {
    let table = transaction.query_one("select to_regclass('auth.schema_migrations') is not null", &[]).await;
    if !table.map_err(Error::Version)?.get::<_, bool>(0) {
        return Ok(false);
    }
    let known = "select exists (select from auth.schema_migrations where version = $1)";
    Ok(transaction.query_one(known, &[&UPSTREAM]).await.map_err(Error::Version)?.get(0))
}

fn missing(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| [SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME].contains(code))
}
