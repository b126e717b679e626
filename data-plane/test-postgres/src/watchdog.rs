//! Cleans up after a test process, however it ends.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};

use anyhow::{Context, Result};

/// Reads until the pipe closes, which the kernel does when the test process is gone. Lines are processes to stop.
const SCRIPT: &str = r#"
folder=$1
pid=
while read -r line; do pid=$line; done
if [ -n "$pid" ]; then
    kill -QUIT "$pid" 2>/dev/null
    tries=0
    while kill -0 "$pid" 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -gt 100 ] && kill -KILL "$pid" 2>/dev/null
        sleep 0.05
    done
fi
rm -rf "$folder"
"#;

/// The writing end of the pipe. Kept for as long as the cluster is to live: dropping it cleans up.
#[derive(Debug)]
pub(crate) struct Watchdog {
    pipe: ChildStdin,
}

impl Watchdog {
    /// From now on, `folder` is removed when this value is dropped or this process ends.
    pub(crate) fn guard(folder: &Path) -> Result<Self> {
        let mut child = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "test-postgres-watchdog"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C in the terminal ends the tests, not their watchdog.
            .process_group(0)
            .spawn()
            .context("start the watchdog")?;
        let pipe = child.stdin.take().context("the watchdog has no pipe")?;
        Ok(Self { pipe })
    }

    /// From now on, `pid` is stopped before the folder is removed.
    pub(crate) fn kill_at_end(&mut self, pid: u32) -> Result<()> {
        writeln!(self.pipe, "{pid}").context("write to the watchdog")
    }
}
