//! Processes, as Linux shows them: handles that can't be confused by a reused number, children, memory.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
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
    /// `None` when there is no such process.
    pub(crate) fn open(pid: u32) -> Option<Self> {
        let fd = rustix::process::pidfd_open(Pid::from_raw(i32::try_from(pid).ok()?)?, PidfdFlags::empty()).ok()?;
        Some(Self { pid, fd })
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

    /// Whether the process is a PostgreSQL one that works in `data_dir`. Every PostgreSQL process changes to its data
    /// directory before it writes anything there.
    pub(crate) fn works_in(&self, data_dir: &Path) -> bool {
        is_postgres(self.pid) && cwd(self.pid).is_some_and(|cwd| cwd == data_dir)
    }
}

fn is_postgres(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim_end() == "postgres")
}

fn cwd(pid: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/cwd")).ok()
}

/// Every PostgreSQL process that works in `data_dir` (which has to be canonical). Walks all of `/proc`.
pub(crate) fn working_in(data_dir: &Path) -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| cwd(*pid).is_some_and(|cwd| cwd == data_dir))
        .filter_map(Process::open)
        .filter(|process| process.works_in(data_dir))
        .collect()
}

/// The direct children of a process.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    children.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

/// Proportional set size of a process in bytes: shared pages are divided among those who map them. 0 when it has ended.
pub(crate) fn pss(pid: u32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let kilobytes = rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix("kB")?.trim().parse().ok());
    kilobytes.map_or(0, |kilobytes: u64| kilobytes * 1024)
}
