//! How PostgreSQL's programs are started: as the unprivileged user, in a process group of their own, with nothing of
//! our environment.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::{Error, RunAs};

/// A command that prints to `log`, reads nothing, and survives us (clusters are adopted after a crash).
pub(crate) fn command(program: &Path, run_as: &RunAs, log: &File) -> Result<Command, Error> {
    let printer = || log.try_clone().map(Stdio::from).map_err(Error::io("open the log of", program));
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        // A folder that any user can enter; PostgreSQL changes to its data directory itself.
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(printer()?)
        .stderr(printer()?)
        // Ctrl-C in the server's terminal must reach the server only, which then stops its clusters in order.
        .process_group(0);
    if let Some((uid, gid)) = run_as.switch() {
        // `std` drops the supplementary groups as well when it switches from root.
        command.uid(uid).gid(gid);
    }
    Ok(command)
}
