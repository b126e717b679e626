//! What `postmaster.pid` says, and whether it is still true.

use std::fs;
use std::io;
use std::path::Path;

use crate::Error;
use crate::proc::Process;

/// The state of a cluster as found on disk and in the process table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed {
    /// No postmaster; a `postmaster.pid` left by a crash counts as none.
    Stopped,
    /// A postmaster that does not accept connections yet: starting, or recovering from a crash.
    Starting {
        /// The postmaster.
        pid: u32,
    },
    /// A postmaster that accepts connections.
    Ready {
        /// The postmaster.
        pid: u32,
    },
    /// A postmaster that is shutting down.
    Stopping {
        /// The postmaster.
        pid: u32,
    },
}

/// The lines of `postmaster.pid` that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PidFile {
    pub(crate) pid: u32,
    status: Status,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Starting,
    Ready,
    Stopping,
}

impl PidFile {
    /// `None`: no file, or one that holds no process number yet.
    pub(crate) fn read(data_dir: &Path) -> Result<Option<Self>, Error> {
        let path = data_dir.join("postmaster.pid");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::DataDirUnreadable { path, source }),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        // A stand-alone backend (`postgres --single`) writes its number negated.
        let pid = lines.next()?.trim().trim_start_matches('-').parse().ok()?;
        // Line 8 is the status: LOCK_FILE_LINE_PM_STATUS in PostgreSQL's pidfile.h.
        let status = match lines.nth(6).map(str::trim) {
            Some("ready" | "standby") => Status::Ready,
            Some("stopping") => Status::Stopping,
            Some(_) | None => Status::Starting,
        };
        Some(Self { pid, status })
    }

    pub(crate) fn is_ready(self) -> bool {
        self.status == Status::Ready
    }
}

/// The live postmaster of a data directory, with the state it has written.
pub(crate) fn find(data_dir: &Path) -> Result<Option<(Process, Observed)>, Error> {
    let Some(file) = PidFile::read(data_dir)? else { return Ok(None) };
    let Some(process) = Process::open(file.pid).map_err(Error::io("look at the process of", data_dir))? else { return Ok(None) };
    // The number may belong to somebody else by now. It can't be one of this directory's own backends: those had
    // other numbers than their postmaster, and a new postmaster would have written a new file.
    if !process.works_in(&canonical(data_dir)?) {
        return Ok(None);
    }
    let pid = file.pid;
    let observed = match file.status {
        Status::Starting => Observed::Starting { pid },
        Status::Ready => Observed::Ready { pid },
        Status::Stopping => Observed::Stopping { pid },
    };
    Ok(Some((process, observed)))
}

pub(crate) fn canonical(data_dir: &Path) -> Result<std::path::PathBuf, Error> {
    data_dir.canonicalize().map_err(|source| Error::DataDirUnreadable { path: data_dir.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::{PidFile, Status};

    #[test]
    fn pid_file_is_read_at_every_stage_of_its_life() {
        let full = |status| format!("4711\n/data\n1700000000\n5432\n/sock\n127.0.0.1\n  1234 5\n{status}\n");
        for (text, expected) in [
            (String::new(), None),
            ("garbage\n".to_owned(), None),
            ("4711\n/data\n1700000000\n5432\n".to_owned(), Some((4711, Status::Starting))),
            ("-4711\n/data\n1700000000\n5432\n".to_owned(), Some((4711, Status::Starting))),
            (full("starting"), Some((4711, Status::Starting))),
            (full("ready   "), Some((4711, Status::Ready))),
            (full("stopping"), Some((4711, Status::Stopping))),
        ] {
            assert_eq!(PidFile::parse(&text).map(|file| (file.pid, file.status)), expected, "{text:?}");
        }
    }
}
