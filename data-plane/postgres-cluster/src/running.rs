//! A postmaster that runs: wait for its end, stop it, measure it.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::Child;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::proc::{self, Process};
use crate::{Error, log};

const IMMEDIATE_TIMEOUT: Duration = Duration::from_secs(5);
const KILL_TIMEOUT: Duration = Duration::from_secs(60);

/// How a cluster is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopMode {
    /// Ends the sessions, writes a checkpoint: the next start needs no recovery.
    Fast,
    /// Ends at once; the next start recovers from the write-ahead log. Nothing committed is lost.
    Immediate,
}

/// How a postmaster ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Its status; `None` for an adopted one, whose parent was another process.
    pub status: Option<ExitStatus>,
    /// The end of what it printed since it was started or adopted.
    pub printed: String,
}

/// A running postmaster, started or adopted by this process. Dropping it leaves the postmaster running.
#[derive(Debug, Clone)]
pub struct Running {
    process: Arc<Process>,
    exit: watch::Receiver<Option<Exit>>,
    log: PathBuf,
    log_from: u64,
}

impl Running {
    /// Takes a child over. A task of the current runtime waits for it, so that no zombie is left.
    pub(crate) fn child(mut child: Child, process: Process, log: &Path, log_from: u64) -> Self {
        let (send, exit) = watch::channel(None);
        let log_path = log.to_owned();
        tokio::spawn(async move {
            let status = child.wait().await.ok();
            send.send_replace(Some(Exit { status, printed: log::tail(&log_path, log_from) }));
        });
        Self { process: Arc::new(process), exit, log: log.to_owned(), log_from }
    }

    /// Watches a postmaster that is not our child.
    pub(crate) fn adopted(process: Process, log: &Path, log_from: u64) -> Self {
        let (send, exit) = watch::channel(None);
        let running = Self { process: Arc::new(process), exit, log: log.to_owned(), log_from };
        let (process, log) = (Arc::clone(&running.process), running.log.clone());
        tokio::spawn(async move {
            if process.ended().await.is_ok() {
                send.send_replace(Some(Exit { status: None, printed: log::tail(&log, log_from) }));
            }
        });
        running
    }

    /// The postmaster's process number.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Resolves when the postmaster has ended, for whatever reason; at once when it has already.
    pub async fn exited(&self) -> Exit {
        let mut exit = self.exit.clone();
        if let Ok(exit) = exit.wait_for(Option::is_some).await
            && let Some(exit) = exit.as_ref()
        {
            return exit.clone();
        }
        // The task that watched belonged to a runtime that is gone (tests have one each); watch from this one.
        while let Err(error) = self.process.ended().await {
            tracing::warn!(pid = self.pid(), %error, "can't watch a postmaster; trying again");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Exit { status: None, printed: log::tail(&self.log, self.log_from) }
    }

    /// Stops the postmaster and returns when it has ended.
    ///
    /// After `patience` a fast stop becomes an immediate one, and that, after 5 s more, SIGKILL for the postmaster and its
    /// backends. Fine when it has ended already.
    ///
    /// # Errors
    /// [`Error::StopFailed`], [`Error::Io`].
    pub async fn stop(&self, mode: StopMode, patience: Duration) -> Result<(), Error> {
        shut_down(&self.process, mode, patience, || async { drop(self.exited().await) }).await
    }

    /// Memory of the postmaster and its children in bytes, shared pages divided among those who map them.
    ///
    /// Reads `/proc` for each process (about 0.2 ms each), blocking the thread.
    pub fn memory_pss(&self) -> u64 {
        let pid = self.pid();
        proc::children(pid).into_iter().chain([pid]).map(proc::pss).sum()
    }
}

/// Stops a postmaster by ever stronger means; `ended` resolves when it is gone.
pub(crate) async fn shut_down<F, E>(process: &Process, mode: StopMode, patience: Duration, ended: F) -> Result<(), Error>
where
    F: Fn() -> E,
    E: Future<Output = ()>,
{
    let pid = process.pid();
    let send = |signal| process.signal(signal).map_err(Error::io("signal", format!("process {pid}").as_ref()));
    if mode == StopMode::Fast {
        send(Signal::INT)?;
        if timeout(patience, ended()).await.is_ok() {
            return Ok(());
        }
        tracing::warn!(pid, ?patience, "a fast stop took too long; stopping at once");
    }
    send(Signal::QUIT)?;
    if timeout(IMMEDIATE_TIMEOUT, ended()).await.is_ok() {
        return Ok(());
    }
    tracing::warn!(pid, "an immediate stop took too long; killing the postmaster and its backends");
    // Each backend leads a session of its own, so a signal to the postmaster's group would not reach them.
    let children: Vec<_> = proc::children(pid).into_iter().filter_map(|pid| Process::open(pid).ok()?).collect();
    send(Signal::KILL)?;
    for child in children {
        child.signal(Signal::KILL).map_err(Error::io("signal", "a backend".as_ref()))?;
    }
    timeout(KILL_TIMEOUT, ended()).await.map_err(|_| Error::StopFailed { pid })
}
