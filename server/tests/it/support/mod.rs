//! The real `supacloud` program on a data folder of its own, and what is left when it is gone. Everything a test starts
//! below its folder ends with the test, also when it panics.

pub(crate) mod connection;
pub(crate) mod docker;
pub(crate) mod engine_proxy;
pub(crate) mod events;
mod failure;
pub(crate) mod http;
pub(crate) mod leftovers;
pub(crate) mod mount;
pub(crate) mod processes;
mod project;
pub(crate) mod proxy;
pub(crate) mod socket_proxy;
pub(crate) mod sshd;

use std::{
    fs::{self, OpenOptions, Permissions},
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::Signal;
use tempfile::TempDir;
use test_postgres::{TestCluster, TestDatabase};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use http::Request;

/// Templates that all tests share: making one takes seconds.
const SHARED_TEMPLATES: &str = "/tmp/supacloud-test-root/server-templates";
/// Longest time for the server to start or to end.
const PATIENCE: Duration = Duration::from_secs(180);

/// The password of role `postgres` in projects that [`Server::create`] makes.
pub(crate) const DB_PASS: &str = "correct horse battery staple";

/// Which control-plane database an installation has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

/// A data folder with its control-plane database and settings: what outlives a server's life.
#[derive(Debug)]
pub(crate) struct Installation {
    folder: TempDir,
    data_dir: PathBuf,
    database: Option<TestDatabase>,
    settings: Vec<(String, String)>,
    /// The server can't look into other users' processes.
    no_ptrace: bool,
    /// What projects run on, where they are containers.
    engine: Option<docker::Engine>,
}

/// A running server. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    data_dir: PathBuf,
    /// Projects are containers.
    is_docker: bool,
    /// The admin token, once signed in.
    token: Option<String>,
}

/// How a server that was not to start has ended.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: ExitStatus,
    pub(crate) stderr: String,
}

impl Installation {
    /// An empty data folder that the databases' user can enter, with templates shared with other tests.
    pub(crate) async fn new(backend: Backend) -> Self {
        let installation = Self::bare(backend).await;
        installation.share_templates();
        installation
    }

    /// As [`Self::new`], with templates of its own.
    pub(crate) async fn bare(backend: Backend) -> Self {
        let folder = tempfile::Builder::new().prefix("supacloud-it-").tempdir_in("/tmp").unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let database = match backend {
            Backend::Sqlite => None,
            Backend::Postgres => Some(TestCluster::shared().await.database().await),
        };
        let data_dir = folder.path().join("data");
        Self { data_dir, folder, database, settings: Vec::new(), no_ptrace: false, engine: None }
    }

    /// Uses another data folder, which must not have been used yet.
    pub(crate) fn move_data_dir(&mut self, data_dir: &Path) {
        self.data_dir = data_dir.to_owned();
    }

    /// Has the data folder use the templates that tests share.
    pub(crate) fn share_templates(&self) {
        let clusters = self.data_dir.join("clusters");
        fs::create_dir_all(&clusters).unwrap();
        fs::create_dir_all(SHARED_TEMPLATES).unwrap();
        for folder in [&self.data_dir, &clusters, Path::new(SHARED_TEMPLATES)] {
            fs::set_permissions(folder, Permissions::from_mode(0o711)).unwrap();
        }
        symlink(SHARED_TEMPLATES, clusters.join("templates")).unwrap();
    }

    /// Sets `SUPACLOUD_<name>`, or `name` as it is when it is another variable.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// As [`Self::with`]; the last value of a variable counts.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Takes CAP_SYS_PTRACE from the servers, which root has and a container's root has not.
    #[must_use]
    pub(crate) fn without_ptrace(mut self) -> Self {
        self.no_ptrace = true;
        self
    }

    /// The folder that everything of the test is in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The folder of a project.
    pub(crate) fn project_dir(&self, project_ref: &str) -> PathBuf {
        self.data_dir.join("clusters/projects").join(project_ref)
    }

    /// What the servers have logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    /// The folders whose processes are ours.
    pub(crate) fn roots(&self) -> Vec<PathBuf> {
        let clusters = self.data_dir.join("clusters");
        let elsewhere = fs::read_link(&clusters).ok();
        [Some(self.folder.path().to_owned()), elsewhere].into_iter().flatten().collect()
    }

    /// The control-plane database's URL, where it is not the data folder's own file.
    pub(crate) fn database_url(&self) -> Option<String> {
        let database = self.database.as_ref()?;
        let (password, name, port) = (database.password(), database.name(), database.port());
        Some(format!("postgres://postgres:{password}@localhost/{name}?host={}&port={port}", database.socket_dir().display()))
    }

    pub(crate) fn database(&self) -> Option<&TestDatabase> {
        self.database.as_ref()
    }

    fn command(&self) -> Command {
        let program = env!("CARGO_BIN_EXE_supacloud");
        let mut command = Command::new(if self.no_ptrace { "setpriv" } else { program });
        if self.no_ptrace {
            command.args(["--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace", program]);
        }
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").current_dir("/").stdin(Stdio::null());
        command.env("SUPACLOUD_SERVER__LISTEN", "127.0.0.1:0").env("SUPACLOUD_SERVER__DATA_DIR", &self.data_dir);
        if let Some(url) = self.database_url() {
            command.env("DATABASE_URL", url);
        }
        command.envs(self.settings.iter().map(|(name, value)| (name, value))).kill_on_drop(true);
        command
    }

    /// Starts a server and waits until it listens.
    pub(crate) async fn start(&self) -> Server {
        let log = OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap();
        let mut child = self.command().stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        tokio::time::timeout(PATIENCE, stdout.read_line(&mut line)).await.expect("the server takes too long to start").unwrap();
        let address = line.trim_end().strip_prefix("supacloud listening on http://");
        let address = address.unwrap_or_else(|| panic!("the server did not start: {}", self.log()));
        let mut address: SocketAddr = address.parse().unwrap();
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        Server { address, child, data_dir: self.data_dir.clone(), is_docker: self.is_docker(), token: None }
    }

    /// Starts a server that is not to start.
    pub(crate) async fn refuse(&self) -> Refusal {
        let output = tokio::time::timeout(PATIENCE, self.command().output()).await.expect("the server started").unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "nothing is announced");
        Refusal { status: output.status, stderr: String::from_utf8_lossy(&output.stderr).into_owned() }
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail = log.len().saturating_sub(6000);
            eprintln!("--- end of the server's log\n{}", log.get(tail..).unwrap_or(&log));
        }
        if self.is_docker() {
            self.clear_engine();
        }
        let roots = self.roots();
        // Whoever is found may just be making a child.
        while let found @ [_, ..] = processes::below(&roots).as_slice() {
            found.iter().for_each(|process| processes::signal(process.pid, Signal::KILL));
            std::thread::yield_now();
        }
        for root in roots.iter().skip(1) {
            let _ = fs::remove_dir_all(root);
        }
        if let Some(sockets) = self.socket_root() {
            let _ = fs::remove_dir_all(sockets);
        }
    }
}

impl Server {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("the server runs")
    }

    /// Sends the admin token with every request to the JSON API from now on.
    pub(crate) fn signed_in(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub(crate) fn request(&self, method: &'static str, target: impl Into<String>) -> Request {
        let target = target.into();
        let token = self.token.as_ref().filter(|_| target.starts_with("/v1/"));
        let request = Request::new(self.address, method, target);
        token
            .map(|token| format!("Bearer {token}"))
            .into_iter()
            .fold(request, |request, token| request.header("authorization", token))
    }

    pub(crate) fn get(&self, target: impl Into<String>) -> Request {
        self.request("GET", target)
    }

    pub(crate) fn post(&self, target: impl Into<String>) -> Request {
        self.request("POST", target)
    }

    /// `kill -9`, and waits until it is gone.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Sends Ctrl-C.
    pub(crate) fn interrupt(&self) {
        processes::signal(self.pid(), Signal::INT);
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("the server takes too long to end").unwrap()
    }

    /// Ctrl-C, and a clean end.
    pub(crate) async fn stop(self) {
        self.interrupt();
        assert_eq!(self.ended().await.code(), Some(0));
    }
}

/// Waits until a condition holds, looking at it again and again.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "{what} did not come about in {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The superuser's right to mount and to switch users, which some tests need.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
