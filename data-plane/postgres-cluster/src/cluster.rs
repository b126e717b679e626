//! One cluster by its data directory: clone, start, adopt, observe, remove.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;

use crate::files::{self, Lock, sibling};
use crate::postmaster::{self, Observed, PidFile};
use crate::proc::{self, Process};
use crate::running::{self, Running, StopMode};
use crate::{Binaries, Error, RunAs, Template, child, copy, log, settings};

/// The superuser of every cluster; only its owner (the server) knows the password.
pub const SUPERUSER: &str = "supabase_admin";

const DEFAULT_PORT: u16 = 5432;
const START_TIMEOUT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(1);
const SOCKET_PATH_MAX: usize = 107;
/// Free space that a clone asks for, in bytes: a template is about 40 MB, and the clusters that are there have to go on.
pub(crate) const MIN_FREE: u64 = 80 << 20;

/// A cluster: where its data and its socket are, and what runs it. Making the value touches nothing.
#[derive(Debug, Clone)]
pub struct Cluster {
    binaries: Binaries,
    run_as: RunAs,
    data_dir: PathBuf,
    socket_dir: PathBuf,
    port: Option<u16>,
    settings: Vec<(String, String)>,
    start_timeout: Duration,
}

impl Cluster {
    /// Names a cluster. Each needs directories of its own; the socket folder is made by [`Self::start`].
    pub fn new(binaries: &Binaries, run_as: &RunAs, data_dir: impl Into<PathBuf>, socket_dir: impl Into<PathBuf>) -> Self {
        Self {
            binaries: binaries.clone(),
            run_as: run_as.clone(),
            data_dir: data_dir.into(),
            socket_dir: socket_dir.into(),
            port: None,
            settings: Vec::new(),
            start_timeout: START_TIMEOUT,
        }
    }

    /// Listens on this port of 127.0.0.1 as well. Without, only on the unix socket.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Adds a setting for the next start, over those of this crate.
    #[must_use]
    pub fn with_setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// How long [`Self::start`] waits for readiness, 60 s unless set. Recovery after a crash counts.
    #[must_use]
    pub fn with_start_timeout(mut self, timeout: Duration) -> Self {
        self.start_timeout = timeout;
        self
    }

    /// The data directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    pub(crate) const fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    pub(crate) const fn run_as(&self) -> &RunAs {
        &self.run_as
    }

    /// The folder of the unix socket: the `host` of a connection string.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// The port, which also names the socket file; 5432 when the cluster has none on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(DEFAULT_PORT)
    }

    /// Makes the data directory from a template, durably. `false`: it was there already, nothing is done.
    ///
    /// A half-made clone of an earlier, interrupted call is removed first.
    ///
    /// # Errors
    /// [`Error::DiskFull`], [`Error::Io`].
    pub async fn clone_from(&self, template: &Template) -> Result<bool, Error> {
        let (data_dir, source, owner) = (self.data_dir.clone(), template.data_dir().to_owned(), self.run_as.owner());
        let lock = self.lock().await?;
        let clone = move || {
            let _lock = lock;
            if data_dir.exists() {
                return Ok(false);
            }
            let partial = sibling(&data_dir, ".partial");
            files::remove_dir(&partial)?;
            // Asked first: a copy that does not fit would take the last byte from every other cluster before it fails.
            files::require_space(&data_dir, MIN_FREE)?;
            copy::tree(&source, &partial, owner)?;
            copy::sync_file_system(&partial)?;
            files::rename_durably(&partial, &data_dir)?;
            Ok(true)
        };
        blocking(clone).await
    }

    /// Starts the postmaster and waits until it accepts connections.
    ///
    /// # Errors
    /// [`Error::AlreadyRunning`], [`Error::PortInUse`], [`Error::DataDirMissing`], [`Error::DataDirUnreadable`],
    /// [`Error::WrongVersion`], [`Error::Unreachable`], [`Error::SocketPathTooLong`], [`Error::DiskFull`],
    /// [`Error::StartFailed`] with what the postmaster printed, and [`Error::StartTimedOut`], after which it goes on
    /// starting: [`Self::adopt`] waits for it again.
    pub async fn start(&self) -> Result<Running, Error> {
        let _lock = self.lock().await?;
        self.check()?;
        if let Some((process, _)) = self.postmaster()? {
            return Err(Error::AlreadyRunning { path: self.data_dir.clone(), pid: process.pid() });
        }
        self.spawn().await
    }

    /// Attaches to a postmaster started by an earlier process and waits until it accepts connections; `None` when none
    /// runs, or when it ends meanwhile.
    ///
    /// # Errors
    /// [`Error::DataDirUnreadable`], [`Error::StartTimedOut`].
    pub async fn adopt(&self) -> Result<Option<Running>, Error> {
        let _lock = self.lock().await?;
        self.attach().await
    }

    /// [`Self::adopt`], and where there is nothing to adopt, [`Self::start`].
    ///
    /// # Errors
    /// Those of both.
    pub async fn ensure_running(&self) -> Result<Running, Error> {
        let _lock = self.lock().await?;
        self.check()?;
        match self.attach().await? {
            Some(running) => Ok(running),
            None => self.spawn().await,
        }
    }

    /// What there is now. Reads two small files.
    ///
    /// # Errors
    /// [`Error::DataDirUnreadable`].
    pub fn observe(&self) -> Result<Observed, Error> {
        Ok(self.postmaster()?.map_or(Observed::Stopped, |(_, observed)| observed))
    }

    /// Stops the cluster at once and removes it with its log and its socket folder. Finishes an interrupted removal;
    /// fine when there is nothing.
    ///
    /// # Errors
    /// [`Error::StopFailed`], [`Error::Io`].
    pub async fn destroy(&self) -> Result<(), Error> {
        let lock = self.lock().await?;
        if let Some((process, _)) = self.postmaster()? {
            running::shut_down(&process, StopMode::Immediate, Duration::ZERO, || async { drop(process.ended().await) }).await?;
        }
        let cluster = self.clone();
        blocking(move || {
            let _lock = lock;
            cluster.remove()
        })
        .await
    }

    /// Space taken on disk by the data directory, in bytes. Walks about a thousand files.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub async fn disk_bytes(&self) -> Result<u64, Error> {
        let data_dir = self.data_dir.clone();
        blocking(move || files::disk_bytes(&data_dir)).await
    }

    /// Bounds the log while the cluster runs: above 1 MB, its last 256 KB go to `<data_dir>.log.1`.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn trim_log(&self) -> Result<(), Error> {
        let path = self.log();
        log::trim(&path).map_err(Error::io("trim", &path))
    }

    pub(crate) async fn lock(&self) -> Result<Lock, Error> {
        let path = self.lock_path();
        blocking(move || Lock::acquire(&path)).await
    }

    /// What can be known to be wrong before anything is started.
    fn check(&self) -> Result<(), Error> {
        let socket = self.socket();
        let length = socket.as_os_str().len();
        if length > SOCKET_PATH_MAX {
            return Err(Error::SocketPathTooLong { path: socket, length });
        }
        let path = self.data_dir.join("PG_VERSION");
        let found = match fs::read_to_string(&path) {
            Ok(found) => found.trim().to_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.data_dir.exists() => {
                return Err(Error::DataDirMissing { path: self.data_dir.clone() });
            }
            Err(source) => return Err(Error::DataDirUnreadable { path, source }),
        };
        let wanted = self.binaries.major();
        if found != wanted.to_string() {
            return Err(Error::WrongVersion { path: self.data_dir.clone(), found, wanted });
        }
        self.run_as.check_reach(&self.data_dir)?;
        self.run_as.check_reach(&self.socket_dir)
    }

    pub(crate) fn postmaster(&self) -> Result<Option<(Process, Observed)>, Error> {
        postmaster::find(&self.data_dir)
    }

    async fn attach(&self) -> Result<Option<Running>, Error> {
        let Some((process, observed)) = self.postmaster()? else { return Ok(None) };
        let log = self.log();
        let running = Running::adopted(process, &log, file_length(&log));
        match observed {
            Observed::Ready { .. } => Ok(Some(running)),
            Observed::Starting { .. } => self.ready(running).await,
            Observed::Stopping { .. } | Observed::Stopped => {
                // A stop ends by itself; what was stopping it may be gone.
                running.stop(StopMode::Fast, self.start_timeout).await?;
                Ok(None)
            }
        }
    }

    async fn spawn(&self) -> Result<Running, Error> {
        self.clear_leftovers().await?;
        files::create_dir_for(&self.socket_dir, 0o700, &self.run_as)?;
        self.trim_log()?;
        let path = self.log();
        let log = log::open(&path).map_err(Error::io("open", &path))?;
        let log_from = file_length(&path);
        let postgres = self.binaries.postgres();
        let child =
            child::command(postgres, &self.run_as, &log)?.args(self.arguments()).spawn().map_err(Error::io("run", postgres))?;
        // Not yet waited for, so the number can't have been reused.
        let process =
            child.id().and_then(|pid| Process::open(pid).ok()?).ok_or_else(|| self.failed("it could not be watched"))?;
        let running = Running::child(child, process, &path, log_from);
        match self.ready(running.clone()).await? {
            Some(running) => Ok(running),
            None => Err(self.start_error(&running.exited().await.printed)),
        }
    }

    fn arguments(&self) -> Vec<std::ffi::OsString> {
        let mut arguments = vec!["-D".into(), self.data_dir.clone().into_os_string()];
        let mut set = |name: &str, value: &str| arguments.extend(["-c".into(), format!("{name}={value}").into()]);
        for (name, value) in settings::of(self.binaries.major()) {
            set(name, value);
        }
        set("listen_addresses", if self.port.is_some() { "127.0.0.1" } else { "" });
        set("port", &self.port().to_string());
        // The value is a list in PostgreSQL's syntax: quoted, so that a comma in a path stays one.
        set("unix_socket_directories", &format!("\"{}\"", self.socket_dir.display()));
        for (name, value) in &self.settings {
            set(name, value);
        }
        arguments
    }

    /// Waits until the postmaster has written that it is ready; `None` when it has ended instead.
    async fn ready(&self, running: Running) -> Result<Option<Running>, Error> {
        let deadline = Instant::now() + self.start_timeout;
        let mut exited = std::pin::pin!(running.exited());
        loop {
            let file = PidFile::read(&self.data_dir)?;
            if file.is_some_and(|file| file.pid == running.pid() && file.is_ready()) {
                break;
            }
            if Instant::now() > deadline {
                return Err(Error::StartTimedOut {
                    path: self.data_dir.clone(),
                    seconds: self.start_timeout.as_secs(),
                    cause: log::tail(&self.log(), 0),
                });
            }
            tokio::select! {
                _ = &mut exited => return Ok(None),
                () = tokio::time::sleep(POLL) => {}
            }
        }
        Ok(Some(running.clone()))
    }

    /// After a crash, removes what makes PostgreSQL refuse to start: backends that outlived their postmaster, and lock
    /// files whose process number may belong to somebody else by now. Only called under our lock and with no postmaster.
    async fn clear_leftovers(&self) -> Result<(), Error> {
        let pid_file = self.data_dir.join("postmaster.pid");
        let socket_lock = sibling(&self.socket(), ".lock");
        if pid_file.exists() {
            kill_all(proc::working_below(&postmaster::canonical(&self.data_dir)?)).await?;
            files::remove_file(&pid_file)?;
        }
        files::remove_file(&socket_lock)
    }

    fn remove(&self) -> Result<(), Error> {
        let deleting = sibling(&self.data_dir, ".deleting");
        files::remove_dir(&deleting)?;
        if self.data_dir.exists() {
            files::rename_durably(&self.data_dir, &deleting)?;
            // One that had not written its number yet follows the renamed directory.
            for orphan in proc::working_below(&postmaster::canonical(&deleting)?) {
                orphan.signal(Signal::KILL).map_err(Error::io("signal a process in", &deleting))?;
            }
            files::remove_dir(&deleting)?;
        }
        files::remove_dir(&sibling(&self.data_dir, ".partial"))?;
        files::remove_dir(&self.socket_dir)?;
        for file in [self.log(), log::previous(&self.log()), self.lock_path()] {
            files::remove_file(&file)?;
        }
        let parent = files::parent(&self.data_dir);
        if parent.exists() { files::sync_dir(parent) } else { Ok(()) }
    }

    fn start_error(&self, printed: &str) -> Error {
        match self.port {
            Some(port) if printed.contains("could not bind IPv4 address") && printed.contains("Address already in use") => {
                Error::PortInUse { port }
            }
            Some(_) | None if printed.contains("No space left on device") => Error::DiskFull { path: self.data_dir.clone() },
            Some(_) | None => self.failed(printed),
        }
    }

    fn failed(&self, cause: &str) -> Error {
        Error::StartFailed { path: self.data_dir.clone(), cause: cause.to_owned() }
    }

    fn socket(&self) -> PathBuf {
        self.socket_dir.join(format!(".s.PGSQL.{}", self.port()))
    }

    fn log(&self) -> PathBuf {
        sibling(&self.data_dir, ".log")
    }

    fn lock_path(&self) -> PathBuf {
        sibling(&self.data_dir, ".lock")
    }
}

async fn kill_all(processes: Vec<Process>) -> Result<(), Error> {
    for process in processes {
        let name = format!("process {}", process.pid());
        process.signal(Signal::KILL).map_err(Error::io("signal", name.as_ref()))?;
        process.ended().await.map_err(Error::io("wait for", name.as_ref()))?;
    }
    Ok(())
}

fn file_length(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}

/// Runs file-system work on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::io("work in", "the background".as_ref())(io::Error::other(error))),
    }
}
