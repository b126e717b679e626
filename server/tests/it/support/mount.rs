//! File systems that can be full.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::is_root;

/// A small file system; gone when dropped.
#[derive(Debug)]
pub(crate) struct Mount(PathBuf);

impl Mount {
    /// One of this size at a folder; nothing, and a word about it, where that is not allowed.
    pub(crate) fn tmpfs(folder: &Path, size: &str) -> Option<Self> {
        let options = format!("size={size},mode=711");
        let mount = || Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder).status();
        if is_root() && mount().is_ok_and(|status| status.success()) {
            return Some(Self(folder.to_owned()));
        }
        eprintln!("skipped: a small file system could not be mounted (not root, or not allowed here)");
        None
    }

    pub(crate) fn resize(&self, size: &str) {
        let options = format!("remount,size={size}");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: what still works there is ended by the installation, which is dropped later.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
