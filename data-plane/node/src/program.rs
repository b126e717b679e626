//! The program: serves one project's services and says whether they are ready.

use std::{env, error::Error, io, net::SocketAddr, sync::Arc, time::Duration};

use daemon::Limits;
use project_context::{ContextSettings, PoolError, ProjectContext};
use secrecy::SecretString;
use tokio::net::TcpListener;

use crate::{Seal, Secrets, Services, ServicesError, Settings, listening};

/// No limit for the head of a request: only the gateway connects, which has one for its own clients, and it keeps
/// connections open for later. Closing one of those could meet a request that is on its way.
const LIMITS: Limits = Limits { drain: Duration::from_secs(5), ..Limits::LENIENT };

/// A little more than `/ready` takes at most.
const HEALTH_AT_MOST: Duration = Duration::from_millis(2500);

/// Why the program could not serve.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The address is taken, or not this machine's.
    #[error("can't listen on {address}; choose another one by {variable}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The variable it comes from.
        variable: &'static str,
        #[source]
        source: io::Error,
    },
    /// A service can't be made.
    #[error(transparent)]
    Services(#[from] ServicesError),
    /// Signals can't be handled.
    #[error("can't handle signals")]
    Signals(#[source] io::Error),
}

/// Serves until SIGTERM or SIGINT, lets requests in flight finish, and closes the connections to the database. Does not wait
/// for the database: it is not ready before, and may be so later.
///
/// # Errors
/// [`RunError`], all before the first request.
pub async fn run(settings: Settings, secrets: Secrets) -> Result<(), RunError> {
    if let Err(error) = rest::check_temporary_folder() {
        let folder = env::temp_dir();
        tracing::warn!(%error, folder = %folder.display(), "large results will be refused: TMPDIR names no folder to write to");
    }
    let stop = daemon::stop_on_signals().map_err(RunError::Signals)?;
    let shared = crate::shared(settings.allowed_networks)?;
    let listener = listen(settings.listen, "NODE_LISTEN").await?;
    let admin = listen(settings.admin_listen, "NODE_ADMIN_LISTEN").await?;
    tracing::info!(
        project.ref = %settings.project_ref,
        address = %listener.local_addr().unwrap_or(settings.listen),
        admin = %admin.local_addr().unwrap_or(settings.admin_listen),
        "listening"
    );
    let seal = secrets.auth_password.as_ref().map(|password| Seal::new(password, &settings.project_ref));
    let auth_password = secrets.auth_password.unwrap_or_else(|| {
        tracing::warn!("there is no secret auth_password, so Auth can't reach the database; have the stack hand it over");
        SecretString::default()
    });
    let context = ProjectContext::new(ContextSettings {
        project_ref: settings.project_ref,
        api_url: settings.api_url,
        database: settings.database,
        authenticator_password: secrets.authenticator_password,
        auth_password,
        jwt_secret: secrets.jwt_secret,
        keys: secrets.keys,
        max_connections: settings.max_connections,
        idle_after: settings.idle_after,
    });
    let services = Services::new(&context, &shared)?;
    let mut admin_router = daemon::admin_router({
        let context = Arc::clone(&context);
        move || ready(Arc::clone(&context))
    });
    if let Some(seal) = seal {
        admin_router = admin_router.merge(listening::router(services.clone(), seal));
    }
    tokio::join!(
        daemon::serve(listener, services.router, stop.clone(), LIMITS),
        daemon::serve(admin, admin_router, stop, LIMITS),
    );
    context.close();
    tracing::info!("stopped");
    Ok(())
}

async fn listen(address: SocketAddr, variable: &'static str) -> Result<TcpListener, RunError> {
    TcpListener::bind(address).await.map_err(|source| RunError::Listen { address, variable, source })
}

async fn ready(context: Arc<ProjectContext>) -> Result<(), String> {
    context.probe().await.map_err(|error: PoolError| match error.source() {
        Some(cause) => format!("The database can't be reached: {error}: {cause}."),
        None => format!("The database can't be reached: {error}."),
    })
}

/// Whether the program that listens there says that it is ready.
///
/// # Errors
/// What it says instead, or that it says nothing.
pub fn health(admin_listen: SocketAddr) -> Result<(), String> {
    let address = daemon::loopback(admin_listen);
    match daemon::ask(address, "/ready", HEALTH_AT_MOST) {
        Ok(200) => Ok(()),
        Ok(status) => Err(format!("{address}/ready answers {status}")),
        Err(error) => Err(format!("{address} does not answer: {error}")),
    }
}
