//! A folder per test, a template per process, and ways to look at what is left.

use std::path::{Path, PathBuf};
use std::time::Duration;

use postgres_cluster::{Binaries, Cluster, RunAs, SUPERUSER, StopMode, Template};
use secrecy::ExposeSecret;
use tokio::sync::OnceCell;

pub(crate) const SQL: &[(&str, &str)] = &[("one.sql", "create table t (id int); insert into t values (42)")];

/// One test's clusters. Whatever still runs is stopped when the value goes, and the folder is removed.
pub(crate) struct World {
    pub(crate) binaries: Binaries,
    pub(crate) run_as: RunAs,
    pub(crate) template: Template,
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        static TEMPLATE: OnceCell<Template> = OnceCell::const_new();
        let (binaries, run_as) = (binaries(), run_as());
        let prepare = async || {
            let root = Path::new("/tmp").join(format!("supacloud-cluster-test-{}", run_as.name()));
            Template::prepare(&binaries, &run_as, &root, SQL).await.unwrap()
        };
        let template = TEMPLATE.get_or_init(prepare).await.clone();
        Self { binaries, run_as, template, folder: folder() }
    }

    pub(crate) fn cluster(&self, name: &str) -> Cluster {
        let path = self.folder.path();
        Cluster::new(&self.binaries, &self.run_as, path.join(name), path.join(format!("{name}.s")))
    }

    pub(crate) async fn cloned(&self, name: &str) -> Cluster {
        let cluster = self.cluster(name);
        assert!(cluster.clone_from(&self.template).await.unwrap());
        cluster
    }

    /// The number in the template's table, through a fresh connection.
    pub(crate) async fn select(&self, cluster: &Cluster) -> i32 {
        self.ask(cluster, "select id from t").await
    }

    /// The number that a statement answers.
    pub(crate) async fn ask(&self, cluster: &Cluster, statement: &str) -> i32 {
        let mut config = tokio_postgres::Config::new();
        config.host_path(cluster.socket_dir()).port(cluster.port()).user(SUPERUSER).dbname("postgres");
        config.password(self.template.superuser_password().expose_secret());
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.query_one(statement, &[]).await.unwrap().get(0)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for name in self.names() {
            let pid = std::fs::read_to_string(self.folder.path().join(name).join("postmaster.pid")).unwrap_or_default();
            if let Some(pid) = pid.lines().next().and_then(|pid| pid.parse().ok()) {
                kill(pid, rustix::process::Signal::QUIT);
            }
        }
    }
}

pub(crate) fn binaries() -> Binaries {
    Binaries::discover(None).unwrap()
}

pub(crate) fn run_as() -> RunAs {
    RunAs::resolve(if is_root() { Some("postgres") } else { None }).unwrap()
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// In `/tmp`, as socket paths must be short, and open for the cluster's user to pass through.
pub(crate) fn folder() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new().prefix("pgc").permissions(std::fs::Permissions::from_mode(0o755)).tempdir_in("/tmp").unwrap()
}

pub(crate) fn kill(pid: i32, signal: rustix::process::Signal) {
    if let Some(pid) = rustix::process::Pid::from_raw(pid) {
        // Gone already is as good.
        rustix::process::kill_process(pid, signal).ok();
    }
}

pub(crate) fn pid_of(pid: u32) -> i32 {
    i32::try_from(pid).unwrap()
}

/// The letter that Linux shows for a process: `Z` is a zombie; `None` when there is none.
pub(crate) fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("took more than 20 s")
}

pub(crate) async fn stop(running: &postgres_cluster::Running) {
    running.stop(StopMode::Fast, Duration::from_secs(10)).await.unwrap();
}

pub(crate) fn not_a_postgres(folder: &Path, version: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let bin = folder.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    for name in ["postgres", "initdb"] {
        let script = format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n");
        std::fs::write(bin.join(name), script).unwrap();
        std::fs::set_permissions(bin.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    bin
}
