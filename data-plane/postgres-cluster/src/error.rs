//! What can go wrong with a cluster. Each message says what was wrong, with which value, and what to do.

use std::io;
use std::path::{Path, PathBuf};

/// Every failure of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No usable PostgreSQL installation.
    #[error(
        "PostgreSQL 15 to 18 not found (looked in {looked}); install it, for example `apt install postgresql \
         postgresql-contrib`, or configure the folder that holds `postgres` and `initdb`"
    )]
    BinariesNotFound {
        /// The folders searched, separated by commas.
        looked: String,
    },
    /// A configured folder holds PostgreSQL, but of a major version this crate does not run.
    #[error("{path} is PostgreSQL {version}; versions 15 to 18 are supported")]
    UnsupportedVersion {
        /// The `postgres` executable.
        path: PathBuf,
        /// What it says it is.
        version: String,
    },
    /// The configured operating system user does not exist.
    #[error("there is no operating system user `{name}`; create it (`useradd --system {name}`) or configure another one")]
    UnknownUser {
        /// The name looked up.
        name: String,
    },
    /// PostgreSQL refuses to run as root.
    #[error("PostgreSQL can't run as root; configure an unprivileged operating system user such as `postgres`")]
    RootRefused,
    /// A process that is not root can't run a cluster as somebody else.
    #[error("can't run PostgreSQL as `{name}` without being root; leave the user unset or start as root")]
    NotRoot {
        /// The configured user.
        name: String,
    },
    /// The user the cluster runs as may not pass through a parent folder.
    #[error("user `{user}` can't enter {path}; give others the execute permission (`chmod o+x`) or use another folder")]
    Unreachable {
        /// The first folder in the way.
        path: PathBuf,
        /// The user the cluster runs as.
        user: String,
    },
    /// `sockaddr_un` has room for 107 bytes.
    #[error("socket path {path} has {length} bytes and may have 107; choose a shorter socket folder")]
    SocketPathTooLong {
        /// The path of the socket itself.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
    },
    /// There is no data directory.
    #[error("data directory {path} does not exist; clone it from a template or restore it from a backup")]
    DataDirMissing {
        /// The data directory.
        path: PathBuf,
    },
    /// The data directory can't be read.
    #[error("data directory {path} can't be read; check its owner and permissions, and the disk")]
    DataDirUnreadable {
        /// The file or folder that could not be read.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The data directory belongs to another major version.
    #[error(
        "data directory {path} was made by PostgreSQL {found}, this is {wanted}; install {found} or upgrade the data with pg_upgrade"
    )]
    WrongVersion {
        /// The data directory.
        path: PathBuf,
        /// Contents of its `PG_VERSION`.
        found: String,
        /// Major version of the binaries.
        wanted: u32,
    },
    /// Something else listens on the port.
    #[error("port {port} of 127.0.0.1 is taken; choose another one or stop what listens on it")]
    PortInUse {
        /// The port asked for.
        port: u16,
    },
    /// No space left.
    #[error("the disk that holds {path} is full; free space and try again")]
    DiskFull {
        /// What was being written.
        path: PathBuf,
    },
    /// A postmaster already runs in the data directory.
    #[error("a cluster already runs in {path} as process {pid}; adopt or stop it first")]
    AlreadyRunning {
        /// The data directory.
        path: PathBuf,
        /// The postmaster.
        pid: u32,
    },
    /// The postmaster ended before it was ready.
    #[error("the cluster in {path} did not start: {cause}")]
    StartFailed {
        /// The data directory.
        path: PathBuf,
        /// The end of what the postmaster printed.
        cause: String,
    },
    /// The postmaster was not ready in time; it has been stopped.
    #[error("the cluster in {path} was not ready after {seconds} s: {cause}")]
    StartTimedOut {
        /// The data directory.
        path: PathBuf,
        /// How long was waited.
        seconds: u64,
        /// The end of what the postmaster printed.
        cause: String,
    },
    /// A postmaster survived SIGKILL for longer than a minute.
    #[error("process {pid} does not end, not even by SIGKILL; look for a hanging disk or network file system")]
    StopFailed {
        /// The postmaster.
        pid: u32,
    },
    /// `initdb` failed.
    #[error("initdb failed: {cause}")]
    Initdb {
        /// The end of what it printed.
        cause: String,
    },
    /// A template's SQL file failed.
    #[error("template SQL {file}, line {line}: {message}")]
    Sql {
        /// The name the caller gave the file.
        file: String,
        /// Line of the error, from 1; 0 when PostgreSQL gave no position.
        line: usize,
        /// PostgreSQL's message.
        message: String,
        /// The driver's error.
        #[source]
        source: tokio_postgres::Error,
    },
    /// The template's cluster could not be reached.
    #[error("can't connect to the cluster in {path}")]
    Connect {
        /// The socket's folder, or the host.
        path: PathBuf,
        /// The driver's error.
        #[source]
        source: tokio_postgres::Error,
    },
    /// Any other failure of the operating system.
    #[error("can't {action} {path}")]
    Io {
        /// A verb: `create`, `rename`, ...
        action: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: a failed system call, told apart when the disk is full.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| {
            let path = path.to_owned();
            let full = matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
            if full { Self::DiskFull { path } } else { Self::Io { action, path, source } }
        }
    }
}
