//! SQL, one file a table. Statements are prepared once per connection.

pub mod audit;
pub mod cleanup;
pub mod custom_providers;
mod db;
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

use project_context::PoolError;
use tokio_postgres::{error::SqlState, types::ToSql};

pub use db::{Db, Transaction};

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

    /// What of the request's own texts the database can't keep. What a trigger or a function says is another matter.
    #[must_use]
    pub fn unfit(&self) -> Option<AuthError> {
        let error = self.database_error()?;
        if error.where_().is_some_and(|context| context.contains("function")) {
            return None;
        }
        let message = match *error.code() {
            SqlState::CHARACTER_NOT_IN_REPERTOIRE | SqlState::UNTRANSLATABLE_CHARACTER => {
                "A text has a character that can't be kept"
            }
            SqlState::STRING_DATA_RIGHT_TRUNCATION => "A text is too long",
            _ => return None,
        };
        Some(AuthError::validation(message))
    }
}

impl From<StoreError> for AuthError {
    fn from(error: StoreError) -> Self {
        if let Some(unfit) = error.unfit() {
            return unfit;
        }
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
