//! What every service of one project shares: its API keys, the verification of its tokens, and one bounded pool of
//! database connections as `authenticator`, and a smaller one for Auth, which cost nothing while the project is idle.
//!
//! It knows nothing of any service's wire contract: which role a request runs as, and how an error is shown, is the
//! service's affair. A service that runs without a project is made from the parts: [`Pool`] and [`Verifier`].

mod connection;
mod connection_string;
mod database;
mod direct;
mod frames;
mod jwt;
mod keys;
mod libpq;
mod pool;
mod settings;
mod sieve;
mod statements;
mod tls;
mod token_cache;
mod verification_keys;
mod wire;

use std::{fmt, sync::Arc};

use control_plane_api::ProjectRef;
use secrecy::{ExposeSecret as _, SecretString};
use tokio_postgres::{Config, config::Host};

pub use connection::{Connection, Notification, Subscription};
pub use database::{ConnectError, Database, Encryption, Server, Wanted};
pub use direct::{Answer, Direct, DirectError, DirectRow, ServerError};
pub use jwt::{Claims, JwtError, Verifier};
pub use keys::{ApiKeys, PresentedKey};
pub use pool::{IDLE_AFTER, Pool, PoolError, PoolMetrics, PoolSettings, RETRY_AFTER, WAIT};
pub use settings::{ContextSettings, DatabaseAddress};
pub use statements::{Lookup, StatementKey};
pub use tls::{Identity, Roots, Tls, TlsError, TlsSettings};
pub use token_cache::CacheMetrics;
pub use verification_keys::{KeysError, SHORTEST_SECRET, VerificationKeys};

/// Connections that Auth holds at most: its requests wait for hashes and mail servers, and hold none meanwhile.
const AUTH_CONNECTIONS: usize = 10;

/// One project as its services see it. Making one does no IO; the pool opens on first use and closes when unused.
pub struct ProjectContext {
    project_ref: ProjectRef,
    api_url: String,
    keys: ApiKeys,
    verifier: Arc<Verifier>,
    pool: Arc<Pool>,
    jwt_secret: SecretString,
    auth_database: Database,
    auth_pool: Arc<Pool>,
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
            auth_password,
            jwt_secret,
            keys,
            max_connections,
            idle_after,
        } = settings;
        let pool = |database: Database, max_connections| {
            let settings =
                PoolSettings { database, empty_path: true, max_connections, idle_after, max_lifetime: None, wait: WAIT };
            Arc::new(Pool::new(settings))
        };
        let auth_database = login(&database, "supabase_auth_admin", &auth_password);
        Arc::new(Self {
            pool: pool(login(&database, "authenticator", &authenticator_password), max_connections),
            auth_pool: pool(auth_database.clone(), max_connections.min(AUTH_CONNECTIONS)),
            auth_database,
            verifier: Arc::new(Verifier::new(VerificationKeys::hs256(jwt_secret.expose_secret().as_bytes()), None)),
            jwt_secret,
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

    /// The project's connections, for a service that keeps them.
    #[must_use]
    pub fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// The connections of Auth, as `supabase_auth_admin`.
    #[must_use]
    pub fn auth_pool(&self) -> &Arc<Pool> {
        &self.auth_pool
    }

    /// Where Auth's connections lead, for one of its own that changes the schema.
    #[must_use]
    pub fn auth_database(&self) -> &Database {
        &self.auth_database
    }

    /// What the project's tokens are signed with, for the service that signs them.
    #[must_use]
    pub fn jwt_secret(&self) -> &SecretString {
        &self.jwt_secret
    }

    /// What checks the project's tokens, for a service that keeps it.
    #[must_use]
    pub fn verifier(&self) -> &Arc<Verifier> {
        &self.verifier
    }

    /// Checks a token's signature and times. Tokens whose signature is good are remembered.
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
        self.auth_pool.close();
    }

    /// How many connections are open now.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.pool.open_connections() + self.auth_pool.open_connections()
    }
}

impl fmt::Debug for ProjectContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProjectContext").field("project_ref", &self.project_ref).finish_non_exhaustive()
    }
}

fn login(database: &DatabaseAddress, role: &str, password: &SecretString) -> Database {
    let DatabaseAddress { host, port, name } = database;
    let mut config = Config::new();
    config.dbname(name).user(role).password(password.expose_secret()).application_name("supacloud");
    let host = if host.starts_with('/') { Host::Unix(host.into()) } else { Host::Tcp(host.clone()) };
    Database::at(host, *port, config)
}
