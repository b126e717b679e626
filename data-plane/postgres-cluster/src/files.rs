//! Small file-system steps that have to be durable, exclusive, or both.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::{Error, RunAs};

/// `<path><suffix>`, beside `path`.
pub(crate) fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Creates `path` with `mode` for the cluster's user; its missing parents can be entered by everybody.
pub(crate) fn create_dir_for(path: &Path, mode: u32, run_as: &RunAs) -> Result<(), Error> {
    create_parent(path)?;
    match fs::DirBuilder::new().mode(mode).create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(Error::io("create", path)(error)),
    }
    own(path, run_as)
}

/// Gives `path` to the cluster's user.
pub(crate) fn own(path: &Path, run_as: &RunAs) -> Result<(), Error> {
    let Some((uid, gid)) = run_as.switch() else { return Ok(()) };
    std::os::unix::fs::lchown(path, Some(uid), Some(gid)).map_err(Error::io("change the owner of", path))
}

/// Creates the folder that is to hold `path`.
pub(crate) fn create_parent(path: &Path) -> Result<(), Error> {
    let parent = parent(path);
    fs::DirBuilder::new().recursive(true).mode(0o755).create(parent).map_err(Error::io("create", parent))
}

/// The folder that holds `path`; `.` for a bare name.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

/// Makes earlier creations, renames and removals in `folder` durable.
pub(crate) fn sync_dir(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("sync", folder))
}

/// Renames, then makes that durable. The contents must be durable already.
pub(crate) fn rename_durably(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(Error::io("rename", from))?;
    sync_dir(parent(to))
}

/// Removes a folder and all in it; fine when it is not there.
pub(crate) fn remove_dir(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("remove", path)(error)),
    }
}

/// Removes a file; fine when it is not there.
pub(crate) fn remove_file(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("remove", path)(error)),
    }
}

/// An exclusive lock on a file, between processes and between tasks of one process; freed on drop and by a crash.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock. Blocks the thread.
    pub(crate) fn acquire(path: &Path) -> Result<Self, Error> {
        create_parent(path)?;
        loop {
            let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
            let file = file.map_err(Error::io("open", path))?;
            file.lock().map_err(Error::io("lock", path))?;
            // The holder before us may have removed the file (`destroy`); its lock then guards nothing any more.
            let same = |on_disk: fs::Metadata| file.metadata().is_ok_and(|held| held.ino() == on_disk.ino());
            if fs::metadata(path).is_ok_and(same) {
                return Ok(Self { _file: file });
            }
        }
    }
}

/// Refuses when the file system that is to hold `path` has less than `bytes` left for us.
pub(crate) fn require_space(path: &Path, bytes: u64) -> Result<(), Error> {
    create_parent(path)?;
    let file_system =
        rustix::fs::statvfs(parent(path)).map_err(|error| Error::io("look at the space for", path)(error.into()))?;
    if file_system.f_bavail.saturating_mul(file_system.f_frsize) < bytes {
        return Err(Error::DiskFull { path: path.to_owned() });
    }
    Ok(())
}

/// Space taken by a folder and all in it, in bytes.
pub(crate) fn disk_bytes(folder: &Path) -> Result<u64, Error> {
    let mut sum = 0;
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let entry = entry.map_err(Error::io("read", folder))?;
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => sum += disk_bytes(&entry.path())?,
            Ok(metadata) => sum += metadata.blocks() * 512,
            // Removed by PostgreSQL meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("read", &entry.path())(error)),
        }
    }
    Ok(sum)
}
