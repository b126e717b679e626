//! Processes, as Linux shows them: handles that can't be confused by a reused number, children, memory.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A process held by a pidfd: signals reach that process or nobody, also when its number is in use again.
#[derive(Debug)]
pub(crate) struct Process {
    pid: u32,
    fd: OwnedFd,
}

impl Process {
    /// `None` when there is no such process. That it can't be opened for another reason (too many files are open) is an
    /// error, and no sign that it has ended.
    pub(crate) fn open(pid: u32) -> io::Result<Option<Self>> {
        let Some(raw) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(None) };
        match rustix::process::pidfd_open(raw, PidfdFlags::empty()) {
            Ok(fd) => Ok(Some(Self { pid, fd })),
            Err(rustix::io::Errno::SRCH | rustix::io::Errno::INVAL) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends a signal; fine when the process has ended.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        match rustix::process::pidfd_send_signal(&self.fd, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Resolves when the process has ended (a zombie has). Needs a runtime with IO.
    pub(crate) async fn ended(&self) -> io::Result<()> {
        #[expect(deprecated, reason = "its unsafe successor is for descriptors that may close early; this one is owned")]
        let fd = AsyncFd::with_interest(self.fd.try_clone()?, Interest::READABLE)?;
        fd.readable().await.map(|_| ())
    }

    /// Whether the process is a PostgreSQL one that works in `data_dir` (which has to be canonical). Every PostgreSQL
    /// process changes to its data directory before it writes anything there. Where that is hidden from us (a process of
    /// another user, and we lack CAP_SYS_PTRACE, as in most containers), a postmaster's arguments tell.
    pub(crate) fn works_in(&self, data_dir: &Path) -> bool {
        is_postgres(self.pid)
            && match cwd(self.pid) {
                Ok(cwd) => cwd == data_dir,
                Err(error) => error.kind() == io::ErrorKind::PermissionDenied && is_told_to_use(self.pid, data_dir),
            }
    }
}

fn is_postgres(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim_end() == "postgres")
}

fn cwd(pid: u32) -> io::Result<PathBuf> {
    fs::read_link(format!("/proc/{pid}/cwd"))
}

/// Whether the process was started with `-D data_dir`.
fn is_told_to_use(pid: u32, data_dir: &Path) -> bool {
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut arguments = arguments.split(|byte| *byte == 0).skip_while(|argument| *argument != b"-D").skip(1);
    let named = arguments.next().map(|argument| Path::new(OsStr::from_bytes(argument)));
    named.is_some_and(|named| named.canonicalize().is_ok_and(|named| named == data_dir))
}

/// Every PostgreSQL process that works in `folder` (which has to be canonical) or below. Walks all of `/proc`. Without
/// CAP_SYS_PTRACE those of other users are not seen; PostgreSQL itself refuses to start beside them.
pub(crate) fn working_below(folder: &Path) -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let works_below = |pid: u32| cwd(pid).is_ok_and(|cwd| cwd.starts_with(folder));
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| works_below(*pid))
        .filter_map(|pid| Process::open(pid).ok()?)
        .filter(|process| is_postgres(process.pid) && works_below(process.pid))
        .collect()
}

/// Kills every PostgreSQL process that works below `folder`, those included that have not written a `postmaster.pid` yet.
/// Data is left as after a crash. Blocks the thread for a walk of `/proc`.
pub fn kill_all_below(folder: &Path) {
    let Ok(folder) = folder.canonicalize() else { return };
    for process in working_below(&folder) {
        if let Err(error) = process.signal(Signal::KILL) {
            tracing::warn!(pid = process.pid, %error, "killing a database process");
        }
    }
}

/// The direct children of a process.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    children.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

/// Proportional set size of a process in bytes: shared pages are divided among those who map them. Where that is hidden
/// from us, its own pages alone. 0 when it has ended.
pub(crate) fn pss(pid: u32) -> u64 {
    let (text, name) = match fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) {
        Ok(rollup) => (rollup, "Pss:"),
        Err(_) => (fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default(), "RssAnon:"),
    };
    let kilobytes = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix("kB")?.trim().parse().ok());
    kilobytes.map_or(0, |kilobytes: u64| kilobytes * 1024)
}
