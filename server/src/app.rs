//! Puts everything together, runs it, and takes it down in order.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use control_plane::{Installation, MasterKey, ProjectService, Provisioner, Reconciler, ReconcilerSettings, StartError, Store};
use gateway::{Domain, Gateway, Limits, RouteTable};
use ipnet::IpNet;
use secrecy::ExposeSecret as _;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    dashboard::{self, Site},
    drivers::{self, Assembled},
    forwarded::Forwarding,
    guard::Guard,
    listener,
    routing::{GatewayRoutes, Pool},
    session::Sessions,
};

/// Time that open connections get to finish when the server stops.
const DRAIN: Duration = Duration::from_secs(5);

/// Runs the server until it is told to stop.
pub(crate) async fn run(config: Config, site: Site) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::new()?;
    let data_dir = prepare_data_dir(&config)?;
    let _lock = lock(&data_dir)?;
    let store = Store::open(&database_url(&config, &data_dir)?).await?;
    let key_file = data_dir.join("master.key");
    let initialized = store.is_initialized().await?;
    let key = MasterKey::load(config.master_key.as_ref(), &key_file, !initialized)?;
    let node = store.claim(&key, &data_dir, &key_file).await?;
    let listener = TcpListener::bind(config.server.listen).await.with_context(|| {
        format!("can't listen on {}. Stop what does, or choose another address in SUPACLOUD_SERVER__LISTEN", config.server.listen)
    })?;
    let address = listener.local_addr()?;

    let public = config.server.public(address.port());
    let pool =
        Pool { max_connections: config.project.max_connections, idle_after: Duration::from_secs(config.project.idle_seconds) };
    let Assembled { drivers, settings } = drivers::assemble(&config, &data_dir, &node, &key, public, pool).await?;
    let installation = Installation::new(store.clone(), &key, node, &data_dir);
    let limits = Limits {
        concurrency: config.project.concurrency,
        body_bytes: config.project.max_body_bytes,
        response_time: Duration::from_secs(config.project.response_seconds),
        ..Limits::default()
    };
    let table = Arc::new(RouteTable::default());
    let shared = node::shared(config.project.allowed_networks.clone().into())?;
    let routes = Arc::new(GatewayRoutes::new(Arc::clone(&table), limits.clone(), settings.clone(), pool, shared));
    let shared_routes = || Arc::clone(&routes) as Arc<dyn control_plane::Routes>;
    let projects = Arc::new(ProjectService::new(installation.clone(), shared_routes(), settings));
    let reconciler = Arc::new(Reconciler::new(
        installation,
        Arc::clone(&drivers) as Arc<dyn Provisioner>,
        shared_routes(),
        ReconcilerSettings {
            concurrency: config.provisioner.concurrency,
            usage_interval: Duration::from_secs(config.provisioner.usage_interval_seconds),
        },
    ));
    reconciler.prepare().await.context("reading the projects")?;

    let stop = CancellationToken::new();
    let gateway = Gateway::new(table, limits, node::is_open);
    let forwarding = Forwarding {
        trusted: config.server.trusted_proxies.clone(),
        domain: Domain::new(&config.server.domain),
        public_scheme: public.0,
    };
    let guard = Guard::new(&config, forwarding, Sessions::new(&config, &key));
    let router = dashboard::router(projects, guard, gateway, &site, stop.clone());
    // What runs in a project has no business with the control plane.
    let mut refused = config.server.refused_networks.clone();
    refused.extend([IpNet::V4(config.provisioner.docker.address_pool)]);
    let reconciling = tokio::spawn(reconciler.run(stop.clone()));
    let reconciling_now = reconciling.abort_handle();
    let serving = tokio::spawn(listener::serve(listener, router, refused, stop.clone(), DRAIN));
    announce(address)?;

    signals.next().await;
    tracing::info!("stopping; a second signal stops at once");
    stop.cancel();
    let stopping = async {
        let _ = tokio::join!(reconciling, serving);
        routes.close_all();
        drivers.shutdown(false).await;
        store.close().await;
    };
    tokio::select! {
        () = stopping => Ok(ExitCode::SUCCESS),
        () = signals.next() => {
            tracing::warn!("stopping at once");
            // Or it would go on starting what is stopped here.
            reconciling_now.abort();
            while !reconciling_now.is_finished() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            drivers.shutdown(true).await;
            Ok(ExitCode::from(130))
        }
    }
}

/// Tells whoever started us that we are there. The line is part of the interface; nothing else is written to stdout.
fn announce(address: std::net::SocketAddr) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "supacloud listening on http://{address}")?;
    stdout.flush()
}

fn prepare_data_dir(config: &Config) -> anyhow::Result<PathBuf> {
    let path = &config.server.data_dir;
    let failed = |source| StartError::DataDir { path: path.display().to_string(), source };
    // Others may pass through, because databases run as another user, but not look around.
    fs::DirBuilder::new().recursive(true).mode(0o711).create(path).map_err(failed)?;
    Ok(fs::canonicalize(path).map_err(failed)?)
}

/// Holds the data folder for this process. The lock ends with the process, however it ends.
fn lock(data_dir: &std::path::Path) -> anyhow::Result<fs::File> {
    let path = || data_dir.display().to_string();
    let file = fs::File::create(data_dir.join("lock")).map_err(|source| StartError::DataDir { path: path(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(StartError::DataDirInUse { path: path() }.into()),
        Err(fs::TryLockError::Error(source)) => Err(StartError::DataDir { path: path(), source }.into()),
    }
}

fn database_url(config: &Config, data_dir: &std::path::Path) -> anyhow::Result<String> {
    if let Some(url) = &config.database.url {
        return Ok(url.expose_secret().to_owned());
    }
    let path = data_dir.join("control-plane.db");
    let failed = |source| StartError::DataDir { path: path.display().to_string(), source };
    // For us alone, before SQLite makes it (and, with the same rights, its log beside it) for everybody.
    let file = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(&path).map_err(failed)?;
    file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(format!("sqlite://{}", path.display()))
}

struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
