//! The local driver: a project is a PostgreSQL cluster, a child process of the server, cloned from a prepared template.
//! Clusters survive the server's death and are adopted by its next life.

mod archive;
mod layout;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use control_plane::{
    DataReader, DataState, DataWriter, DatabaseEndpoint, DatabaseState, Observation, Placement, Progress, ProjectSecrets,
    ProvisionError, Provisioner, RolePasswords, Services, Started, UnexpectedExit,
};
use control_plane_api::{ProjectRef, Usage};
use postgres_cluster::{Binaries, Cluster, Observed, RunAs, Running, SUPERUSER, StopMode, Template};
use tokio::sync::mpsc;

use layout::Layout;

use crate::{
    error::{self, provision_error},
    passwords,
};

/// Patience with a clean stop before it becomes an immediate one. Nothing committed is lost either way.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// What is seen where there never was anything.
const NOTHING: Observation = Observation {
    template: false,
    data: DataState::Absent,
    database: DatabaseState::Stopped,
    passwords: false,
    services: true,
    size: true,
};

/// How the local driver runs clusters.
#[derive(Debug, Clone)]
pub struct LocalSettings {
    /// The server's data folder, absolute.
    pub data_dir: PathBuf,
    /// The node's id, which keeps two servers on one machine apart outside their data folders.
    pub node: String,
    /// Folder of the PostgreSQL binaries; nothing: the newest version installed.
    pub binaries: Option<PathBuf>,
    /// Operating-system user that clusters run as when the server is root.
    pub run_as: String,
}

/// Runs projects as PostgreSQL clusters on this machine.
#[derive(Debug)]
pub struct LocalProvisioner {
    settings: LocalSettings,
    /// Found on first use, so that a machine without PostgreSQL still has a dashboard that says what is missing.
    environment: tokio::sync::OnceCell<Environment>,
    running: Mutex<HashMap<ProjectRef, Entry>>,
    exits: mpsc::UnboundedSender<UnexpectedExit>,
    exits_received: tokio::sync::Mutex<mpsc::UnboundedReceiver<UnexpectedExit>>,
}

#[derive(Debug, Clone)]
struct Environment {
    binaries: Binaries,
    run_as: RunAs,
    layout: Layout,
}

/// A cluster that this process watches.
#[derive(Debug, Clone)]
struct Entry {
    running: Running,
    /// Its end is our doing.
    told_to_stop: Arc<AtomicBool>,
}

impl LocalProvisioner {
    /// Makes the driver. Touches nothing until it is asked to.
    #[must_use]
    pub fn new(settings: LocalSettings) -> Self {
        let (exits, exits_received) = mpsc::unbounded_channel();
        Self {
            settings,
            environment: tokio::sync::OnceCell::new(),
            running: Mutex::default(),
            exits,
            exits_received: tokio::sync::Mutex::new(exits_received),
        }
    }

    /// Major version of the PostgreSQL that new projects get.
    pub async fn postgres_major(&self) -> Result<u32, ProvisionError> {
        Ok(self.environment().await?.binaries.major())
    }

    async fn environment(&self) -> Result<&Environment, ProvisionError> {
        let find = || async {
            let settings = self.settings.clone();
            let found = tokio::task::spawn_blocking(move || {
                let binaries = Binaries::discover(settings.binaries.as_deref())?;
                let run_as = RunAs::resolve(is_root().then_some(settings.run_as.as_str()))?;
                let layout = Layout::resolve(&settings, &run_as)?;
                // `postgres`, who is no superuser, may create the usual extensions.
                let trusted = project_template::TRUSTED_EXTENSIONS;
                let binaries = binaries.trusting(&layout.postgresql(), trusted, project_template::EXTENSIONS_SCHEMA)?;
                Ok(Environment { binaries, run_as, layout })
            });
            found.await.map_err(error::interrupted)?.map_err(provision_error)
        };
        self.environment.get_or_try_init(find).await
    }

    /// The environment, or nothing where none can be had and none is needed: a project that never came to have a folder has
    /// nothing to look at or to remove.
    async fn environment_if_needed(&self, project_ref: &ProjectRef) -> Result<Option<&Environment>, ProvisionError> {
        match self.environment().await {
            Ok(environment) => Ok(Some(environment)),
            Err(_) if !layout::has_project(&self.settings, project_ref) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn template(&self) -> Result<Template, ProvisionError> {
        let environment = self.environment().await?;
        let root = environment.layout.templates();
        Template::prepare(&environment.binaries, &environment.run_as, &root, project_template::files())
            .await
            .map_err(provision_error)
    }

    async fn cluster(&self, placement: &Placement) -> Result<Cluster, ProvisionError> {
        Ok(self.environment().await?.cluster(placement))
    }

    fn entry(&self, project_ref: &ProjectRef) -> Option<Entry> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).get(project_ref).cloned()
    }

    /// Watches a cluster until it ends. One that ends without being told to is reported.
    fn supervise(&self, project_ref: &ProjectRef, running: Running) {
        let told_to_stop = Arc::new(AtomicBool::new(false));
        let entry = Entry { running: running.clone(), told_to_stop: Arc::clone(&told_to_stop) };
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(project_ref.clone(), entry);
        let (exits, project_ref) = (self.exits.clone(), project_ref.clone());
        tokio::spawn(async move {
            let exit = running.exited().await;
            if !told_to_stop.load(Ordering::SeqCst) {
                let status = exit
                    .status
                    .map_or_else(|| "The database ended".to_owned(), |status| format!("The database ended ({status})"));
                let cause = if exit.printed.is_empty() { status } else { format!("{status}. Its last words: {}", exit.printed) };
                // Nobody listens any more when the server stops.
                let _ = exits.send(UnexpectedExit { project_ref, cause });
            }
        });
    }

    /// The running cluster, adopted if an earlier life of the server started it.
    async fn find_running(&self, cluster: &Cluster, project_ref: &ProjectRef) -> Result<Option<Running>, ProvisionError> {
        match cluster.observe().map_err(provision_error)? {
            Observed::Stopped => Ok(None),
            Observed::Starting { pid } | Observed::Ready { pid } | Observed::Stopping { pid } => {
                match self.entry(project_ref).filter(|entry| entry.running.pid() == pid) {
                    Some(entry) => Ok(Some(entry.running)),
                    None => cluster.adopt().await.map_err(provision_error),
                }
            }
        }
    }

    /// A project that an earlier version made, or that was imported, may lack the schemas of Auth.
    async fn ensure_auth(
        &self,
        placement: &Placement,
        cluster: &Cluster,
        secrets: &ProjectSecrets,
    ) -> Result<(), ProvisionError> {
        let project = self.environment().await?.layout.project(&placement.project_ref);
        let Some(password) = secrets.passwords.get(SUPERUSER).filter(|_| !project.has_auth()) else { return Ok(()) };
        let mut address = tokio_postgres::Config::new();
        address.host_path(cluster.socket_dir()).port(cluster.port());
        passwords::make_auth_schemas(&address, password).await?;
        project.mark_auth().map_err(provision_error)
    }

    async fn stop_running(&self, placement: &Placement, mode: StopMode) -> Result<(), ProvisionError> {
        if let Some(entry) = self.entry(&placement.project_ref) {
            entry.told_to_stop.store(true, Ordering::SeqCst);
            entry.running.stop(mode, STOP_PATIENCE).await.map_err(provision_error)?;
            self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&placement.project_ref);
        }
        let cluster = self.cluster(placement).await?;
        if !cluster.data_dir().exists() {
            return Ok(());
        }
        // Started by an earlier life of the server and not adopted yet.
        if let Some(running) = self.find_running(&cluster, &placement.project_ref).await? {
            running.stop(mode, STOP_PATIENCE).await.map_err(provision_error)?;
        }
        Ok(())
    }
}

impl Environment {
    fn cluster_of(&self, project_ref: &ProjectRef) -> Cluster {
        let project = self.layout.project(project_ref);
        Cluster::new(&self.binaries, &self.run_as, project.data(), project.socket_dir())
    }

    fn cluster(&self, placement: &Placement) -> Cluster {
        let cluster = self.cluster_of(&placement.project_ref);
        match placement.port {
            Some(port) => cluster.with_port(port),
            None => cluster,
        }
    }
}

#[async_trait]
impl Provisioner for LocalProvisioner {
    async fn ensure_template(&self, _placement: &Placement, _progress: &dyn Progress) -> Result<(), ProvisionError> {
        self.template().await.map(drop)
    }

    async fn ensure_data(&self, placement: &Placement) -> Result<(), ProvisionError> {
        let environment = self.environment().await?;
        let template = self.template().await?;
        environment.layout.project(&placement.project_ref).create().map_err(provision_error)?;
        let cluster = environment.cluster(placement);
        if let Err(error) = cluster.clone_from(&template).await {
            // Half a clone would keep a full disk full, and with it the control plane's own database.
            if !cluster.data_dir().exists()
                && let Err(error) = cluster.destroy().await
            {
                tracing::warn!(project.ref = %placement.project_ref, error = &error as &dyn std::error::Error, "removing half a clone");
            }
            return Err(provision_error(error));
        }
        // The template has them.
        environment.layout.project(&placement.project_ref).mark_auth().map_err(provision_error)
    }

    async fn allocate_port(&self, _placement: &Placement) -> Result<u16, ProvisionError> {
        postgres_cluster::free_loopback_port().map_err(provision_error)
    }

    async fn ensure_started(&self, placement: &Placement, _secrets: &ProjectSecrets) -> Result<Started, ProvisionError> {
        let environment = self.environment().await?;
        environment.layout.project(&placement.project_ref).create().map_err(provision_error)?;
        let cluster = environment.cluster(placement);
        let running = cluster.ensure_running().await.map_err(provision_error)?;
        if self.entry(&placement.project_ref).is_none_or(|entry| entry.running.pid() != running.pid()) {
            self.supervise(&placement.project_ref, running);
        }
        Ok(Started { postgres_version: environment.binaries.version().to_owned() })
    }

    async fn ensure_passwords(&self, placement: &Placement, passwords: &RolePasswords) -> Result<(), ProvisionError> {
        let project = self.environment().await?.layout.project(&placement.project_ref);
        if project.has_passwords() {
            return Ok(());
        }
        let template = self.template().await?;
        let cluster = self.cluster(placement).await?;
        let mut address = tokio_postgres::Config::new();
        address.host_path(cluster.socket_dir()).port(cluster.port());
        passwords::set(&address, template.superuser_password(), passwords).await?;
        project.mark_passwords().map_err(provision_error)
    }

    /// The server runs them itself, at this socket.
    async fn ensure_services(&self, placement: &Placement, secrets: &ProjectSecrets) -> Result<Services, ProvisionError> {
        let cluster = self.cluster(placement).await?;
        if let Err(error) = self.ensure_auth(placement, &cluster, secrets).await {
            // All other services can do without.
            tracing::warn!(project.ref = %placement.project_ref, error = &error as &dyn std::error::Error, "making the schemas of Auth");
        }
        let host = cluster.socket_dir().display().to_string();
        Ok(Services::InProcess(DatabaseEndpoint { host, port: cluster.port() }))
    }

    /// A child process has no limits of its own.
    async fn ensure_size(&self, _placement: &Placement) -> Result<(), ProvisionError> {
        Ok(())
    }

    async fn pack(&self, placement: &Placement, archive: DataWriter) -> Result<DataWriter, ProvisionError> {
        archive::pack(&self.cluster(placement).await?, archive).await
    }

    async fn unpack(&self, placement: &Placement, archive: DataReader) -> Result<(), ProvisionError> {
        let environment = self.environment().await?;
        let (ours, theirs) = (environment.binaries.major(), archive.postgres_version());
        if theirs.split('.').next() != Some(ours.to_string().as_str()) {
            return Err(ProvisionError::Permanent {
                cause: format!(
                    "the archive's data is PostgreSQL {theirs}, and this machine runs projects with {ours}. Install {theirs} and name it in \
                     provisioner.local.binaries, or delete this project and import the archive into containers (--driver docker)"
                ),
                source: None,
            });
        }
        environment.layout.project(&placement.project_ref).create().map_err(provision_error)?;
        archive::unpack(&environment.cluster(placement), archive).await
    }

    async fn stop(&self, placement: &Placement) -> Result<(), ProvisionError> {
        self.stop_running(placement, StopMode::Fast).await
    }

    async fn destroy(&self, placement: &Placement) -> Result<(), ProvisionError> {
        if let Some(entry) = self.entry(&placement.project_ref) {
            entry.told_to_stop.store(true, Ordering::SeqCst);
        }
        let Some(environment) = self.environment_if_needed(&placement.project_ref).await? else { return Ok(()) };
        let project = environment.layout.project(&placement.project_ref);
        if project.exists() {
            environment.cluster(placement).destroy().await.map_err(provision_error)?;
            project.remove().map_err(provision_error)?;
        }
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&placement.project_ref);
        Ok(())
    }

    async fn observe(&self, placement: &Placement) -> Result<Observation, ProvisionError> {
        let Some(environment) = self.environment_if_needed(&placement.project_ref).await? else { return Ok(NOTHING) };
        let project = environment.layout.project(&placement.project_ref);
        let database = match environment.cluster(placement).observe() {
            Ok(Observed::Ready { .. }) => DatabaseState::Ready,
            Ok(Observed::Starting { .. } | Observed::Stopping { .. }) => DatabaseState::Changing,
            Ok(Observed::Stopped) => DatabaseState::Stopped,
            Err(error) => return Err(provision_error(error)),
        };
        let data = match (project.exists(), project.data().exists()) {
            (_, true) => DataState::Complete,
            (true, false) => DataState::Partial,
            (false, false) => DataState::Absent,
        };
        let template = environment.layout.has_template();
        Ok(Observation { template, data, database, passwords: project.has_passwords(), ..NOTHING })
    }

    /// A folder may be anybody's copy; nothing is removed because no row knows it.
    async fn found(&self) -> Result<Vec<Placement>, ProvisionError> {
        Ok(Vec::new())
    }

    async fn usage(&self, placement: &Placement) -> Result<Usage, ProvisionError> {
        let cluster = self.cluster(placement).await?;
        let disk_bytes = if cluster.data_dir().exists() { cluster.disk_bytes().await.map_err(provision_error)? } else { 0 };
        cluster.trim_log().map_err(provision_error)?;
        let memory_bytes = match self.entry(&placement.project_ref) {
            Some(entry) => {
                let measured = tokio::task::spawn_blocking(move || entry.running.memory_pss());
                measured.await.map_err(error::interrupted)?
            }
            None => 0,
        };
        Ok(Usage { memory_bytes, disk_bytes, history: Vec::new() })
    }

    async fn next_exit(&self) -> UnexpectedExit {
        match self.exits_received.lock().await.recv().await {
            Some(exit) => exit,
            // Never: we hold a sender ourselves.
            None => std::future::pending().await,
        }
    }

    async fn shutdown(&self, immediately: bool) {
        let mode = if immediately { StopMode::Immediate } else { StopMode::Fast };
        for entry in self.running.lock().unwrap_or_else(PoisonError::into_inner).values() {
            entry.told_to_stop.store(true, Ordering::SeqCst);
        }
        let Some(environment) = self.environment.get() else { return };
        let mut stops = tokio::task::JoinSet::new();
        // By what is on disk and not by what is watched: an earlier life may have left something that nobody has adopted yet.
        for project_ref in environment.layout.projects() {
            let entry = self.entry(&project_ref);
            let cluster = environment.cluster_of(&project_ref);
            stops.spawn(async move {
                if let Err(error) = stop_cluster(entry, &cluster, mode).await {
                    tracing::error!(project.ref = %project_ref, error = &error as &dyn std::error::Error, "stopping a database");
                }
            });
        }
        while stops.join_next().await.is_some() {}
        if immediately {
            // What was just being started is not known by its directory yet; nor is a template that was being made.
            let root = environment.layout.root().to_owned();
            drop(tokio::task::spawn_blocking(move || postgres_cluster::kill_all_below(&root)).await);
        }
        self.running.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

async fn stop_cluster(entry: Option<Entry>, cluster: &Cluster, mode: StopMode) -> Result<(), postgres_cluster::Error> {
    if let Some(entry) = entry {
        entry.running.stop(mode, STOP_PATIENCE).await?;
    }
    if !cluster.data_dir().exists() {
        return Ok(());
    }
    match cluster.adopt().await? {
        Some(running) => running.stop(mode, STOP_PATIENCE).await,
        None => Ok(()),
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
