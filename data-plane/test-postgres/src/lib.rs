//! Development only: a throw-away PostgreSQL cluster for tests, databases cloned from the project template.
//!
//! One cluster per test process, started on first use, as `postgres` when the tests run as root. Rust tests have no
//! global teardown, so a small shell process holds the other end of a pipe and cleans up when the test process is gone,
//! also after `kill -9`. What this crate does not do: restart a cluster, or test one (see `postgres-cluster`).
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! let database = test_postgres::TestCluster::shared().await.database().await;
//! let client = database.connect("postgres").await;
//! client.batch_execute("create table t (id int)").await?;
//! # Ok(()) }
//! ```

mod database;
mod link;
mod watchdog;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use postgres_cluster::{Binaries, Cluster, Error, RunAs, SUPERUSER, Template, free_loopback_port, scram_verifier};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

pub use database::TestDatabase;
pub use link::Link;
use watchdog::Watchdog;

/// The database that [`TestDatabase`]s are copies of. `postgres` itself can't be: a copy needs a source without sessions.
const SOURCE: &str = "project_template";

/// The password of every login role in the test cluster.
const PASSWORD: &str = "test-postgres";

/// A cluster made from the project template, with `fsync` off.
#[derive(Debug)]
pub struct TestCluster {
    socket_dir: PathBuf,
    port: u16,
    made: AtomicU32,
    _watchdog: Watchdog,
}

impl TestCluster {
    /// The cluster of this test process.
    ///
    /// # Panics
    /// When it can't be made, with the cause.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<TestCluster> = OnceCell::const_new();
        SHARED
            .get_or_init(|| async { Self::start("", &[]).await.unwrap_or_else(|error| panic!("no test cluster: {error:?}")) })
            .await
    }

    /// A cluster of its own, by this name and with settings, for what would disturb the tests that share theirs. Lives as long
    /// as the process.
    ///
    /// # Panics
    /// When it can't be made, with the cause.
    pub async fn another(name: &str, settings: &[(&str, &str)]) -> &'static Self {
        let started = Self::start(&format!("-{name}"), settings).await;
        Box::leak(Box::new(started.unwrap_or_else(|error| panic!("no test cluster: {error:?}"))))
    }

    /// A fresh database, a copy of what a new project has. Roles belong to the cluster and are shared by all.
    ///
    /// # Panics
    /// When it can't be made.
    pub async fn database(&'static self) -> TestDatabase {
        let name = format!("test_{}", self.made.fetch_add(1, Ordering::Relaxed));
        let create = async {
            let admin = self.connect(SUPERUSER, "postgres").await?;
            admin.batch_execute(&format!("create database {name} template {SOURCE} owner postgres")).await?;
            anyhow::Ok(())
        };
        create.await.unwrap_or_else(|error| panic!("no test database: {error:?}"));
        TestDatabase::new(self, name)
    }

    /// The folder of the unix socket, for a connection string's `host`.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// The port, on 127.0.0.1 and in the socket's name.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The password of every login role of [`project_template::LOGIN_ROLES`].
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    async fn connect(&self, role: &str, database: &str) -> Result<Client> {
        connect(&self.socket_dir, self.port, role, PASSWORD, database).await
    }

    async fn start(suffix: &str, settings: &[(&str, &str)]) -> Result<Self> {
        let binaries = Binaries::discover(None)?;
        let run_as = if is_root() { RunAs::resolve(Some("postgres"))? } else { RunAs::resolve(None)? };
        let root = Path::new("/tmp").join(format!("supacloud-test-{}", if is_root() { "root" } else { run_as.name() }));
        let trusted = project_template::TRUSTED_EXTENSIONS;
        let binaries = binaries.trusting(&root.join("postgresql"), trusted, project_template::EXTENSIONS_SCHEMA)?;
        let template = Template::prepare(&binaries, &run_as, &root.join("templates"), project_template::files()).await?;
        let folder = root.join(format!("run-{}{suffix}", std::process::id()));
        let mut watchdog = Watchdog::guard(&folder)?;
        let (cluster, pid) = loop {
            let port = free_loopback_port()?;
            let mut cluster = Cluster::new(&binaries, &run_as, folder.join("data"), folder.join("s"))
                .with_port(port)
                .with_setting("fsync", "off")
                .with_setting("max_connections", "200");
            for (name, value) in settings {
                cluster = cluster.with_setting(*name, *value);
            }
            cluster.clone_from(&template).await?;
            match cluster.start().await {
                Ok(running) => break (cluster, running.pid()),
                Err(Error::PortInUse { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        };
        watchdog.kill_at_end(pid)?;
        set_up(&cluster, template.superuser_password()).await.context("set up the test cluster")?;
        Ok(Self {
            socket_dir: cluster.socket_dir().to_owned(),
            port: cluster.port(),
            made: AtomicU32::new(0),
            _watchdog: watchdog,
        })
    }
}

/// Gives every login role the test password and makes the source of test databases.
async fn set_up(cluster: &Cluster, password: &SecretString) -> Result<()> {
    let admin = connect(cluster.socket_dir(), cluster.port(), SUPERUSER, password.expose_secret(), "template1").await?;
    let verifier = scram_verifier(&SecretString::from(PASSWORD));
    for role in project_template::LOGIN_ROLES {
        admin.batch_execute(&format!("alter role {role} password '{verifier}'")).await?;
    }
    admin.batch_execute(&format!("create database {SOURCE} template postgres owner postgres")).await?;
    Ok(())
}

pub(crate) async fn connect(socket_dir: &Path, port: u16, role: &str, password: &str, database: &str) -> Result<Client> {
    let mut config = tokio_postgres::Config::new();
    config.host_path(socket_dir).port(port).user(role).password(password).dbname(database);
    let (client, connection) = config.connect(NoTls).await.with_context(|| format!("connect as {role} to {database}"))?;
    // Ends with the client.
    tokio::spawn(connection);
    Ok(client)
}

fn is_root() -> bool {
    RunAs::resolve(None).is_err()
}
