//! What every service of one project shares: its API keys, the verification of its tokens, and one bounded pool of
//! database connections as `authenticator`, which costs nothing while the project is idle.
//!
//! It knows nothing of any service's wire contract: which role a request runs as, and how an error is shown, is the
//! service's affair.

mod connection;
mod jwt;
mod keys;
mod pool;
mod settings;
mod statements;

use std::sync::Arc;

use control_plane_api::ProjectRef;

pub use connection::{Connection, Notification, Subscription};
pub use jwt::{Claims, JwtError};
pub use keys::{ApiKeys, PresentedKey};
pub use pool::{IDLE_AFTER, PoolError, RETRY_AFTER};
pub use settings::{ContextSettings, DatabaseAddress};
pub use statements::{Lookup, StatementKey};

use crate::{jwt::Verifier, pool::Pool};

/// One project as its services see it. Making one does no IO; the pool opens on first use and closes when unused.
#[derive(Debug)]
pub struct ProjectContext {
    project_ref: ProjectRef,
    api_url: String,
    keys: ApiKeys,
    verifier: Verifier,
    pool: Pool,
}

impl ProjectContext {
    /// Builds the context. Does no IO and needs no runtime.
    #[must_use]
    pub fn new(settings: ContextSettings) -> Arc<Self> {
        let ContextSettings {
            project_ref,
            api_url,
            database,
            authenticator_password,
            jwt_secret,
            keys,
            max_connections,
            idle_after,
        } = settings;
        Arc::new(Self {
            pool: Pool::new(&database, &authenticator_password, max_connections, idle_after),
            verifier: Verifier::hs256(&jwt_secret),
            project_ref,
            api_url,
            keys,
        })
    }

    /// Which project this is.
    #[must_use]
    pub fn project_ref(&self) -> &ProjectRef {
        &self.project_ref
    }

    /// The project's API keys.
    #[must_use]
    pub fn keys(&self) -> &ApiKeys {
        &self.keys
    }

    /// The project's public address, without a trailing slash: `http://<ref>.api.localhost:8000`.
    #[must_use]
    pub fn api_url(&self) -> &str {
        &self.api_url
    }

    /// Checks a token's signature and times. Verified tokens are remembered until they expire.
    ///
    /// # Errors
    /// [`JwtError`], whose texts are PostgREST's.
    pub fn verify(&self, token: &str) -> Result<Claims, JwtError> {
        self.verifier.verify(token)
    }

    /// A connection as `authenticator`, outside any transaction. Opens one if none is free; waits, bounded in time and
    /// number of waiters, if all are taken.
    ///
    /// # Errors
    /// [`PoolError`]; every variant is worth a retry by the client except [`PoolError::Closed`].
    pub async fn connection(&self) -> Result<Connection, PoolError> {
        self.pool.connection().await
    }

    /// Asks the database something that needs nothing but a session. Whoever asks again and again keeps no connection open
    /// by that, and gets an answer while requests have taken them all.
    ///
    /// # Errors
    /// [`PoolError`] when there is no connection, or it ends.
    pub async fn probe(&self) -> Result<(), PoolError> {
        self.pool.probe().await
    }

    /// Closes all connections and ends the background tasks. Requests in flight finish; later ones get
    /// [`PoolError::Closed`].
    pub fn close(&self) {
        self.pool.close();
    }

    /// How many connections are open now.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.pool.open_connections()
    }
}

impl Drop for ProjectContext {
    fn drop(&mut self) {
        self.pool.close();
    }
}
