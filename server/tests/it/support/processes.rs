//! Processes that have to do with a folder, as Linux shows them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustix::process::{Pid, Signal};

/// A process, with what ties it to the folder.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) pid: u32,
    #[expect(dead_code, reason = "shown when a test fails")]
    tie: String,
}

/// Every process that works below one of the folders or names one on its command line; zombies excepted.
pub(crate) fn below(folders: &[PathBuf]) -> Vec<Found> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    entries.filter(|pid| *pid != std::process::id()).filter_map(|pid| Some(Found { pid, tie: tie(pid, folders)? })).collect()
}

fn tie(pid: u32, folders: &[PathBuf]) -> Option<String> {
    if let Ok(cwd) = fs::read_link(format!("/proc/{pid}/cwd"))
        && folders.iter().any(|folder| cwd.starts_with(folder))
    {
        return Some(format!("works in {}", cwd.display()));
    }
    let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let command = String::from_utf8_lossy(&command).replace('\0', " ");
    folders.iter().any(|folder| command.contains(&folder.display().to_string())).then_some(command)
}

/// The postmaster of a data directory, by its pid file.
pub(crate) fn postmaster_of(data: &Path) -> Option<u32> {
    let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let pid = text.lines().next()?.parse().ok()?;
    is_alive(pid).then_some(pid)
}

pub(crate) fn is_alive(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // The state follows the name, which stands in parentheses and may hold anything.
    !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with(['Z', 'X'])
}

/// Sends a signal; fine when the process has ended.
pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    match rustix::process::kill_process(pid, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => panic!("signal {pid:?}: {error}"),
    }
}
