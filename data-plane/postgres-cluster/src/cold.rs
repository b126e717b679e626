//! A stopped cluster's files, for whoever takes them elsewhere; and a cluster made of files that come from elsewhere.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use crate::cluster::{MIN_FREE, blocking};
use crate::files::{self, sibling};
use crate::{Binaries, Cluster, Error, RunAs, copy, settings};

/// A data directory that is being made of files from elsewhere. They are closed to others, whatever they were, and are the
/// cluster's user's in the end.
#[derive(Debug)]
pub struct NewData {
    root: PathBuf,
}

impl NewData {
    /// Makes a folder; `path` is relative to the data directory, and empty for that itself.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] for a path that leads elsewhere, and what the file system says.
    pub fn folder(&self, path: &Path) -> io::Result<()> {
        match fs::DirBuilder::new().mode(0o700).create(self.below(path)?) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.as_os_str().is_empty() => Ok(()),
            made => made,
        }
    }

    /// Makes a file of so many bytes, in a folder that is there.
    ///
    /// # Errors
    /// As [`Self::folder`]; [`io::ErrorKind::StorageFull`] before the disk is full to its last byte.
    pub fn file(&self, path: &Path, bytes: u64, content: &mut dyn Read) -> io::Result<()> {
        let disk = rustix::fs::statvfs(&self.root)?;
        if disk.f_bavail.saturating_mul(disk.f_frsize) < MIN_FREE.saturating_add(bytes) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        // New, and not by way of a link: there are none.
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.below(path)?)?;
        match io::copy(&mut content.take(bytes), &mut file)? {
            copied if copied == bytes => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn below(&self, path: &Path) -> io::Result<PathBuf> {
        if path.components().all(|component| matches!(component, Component::Normal(_))) {
            return Ok(self.root.join(path));
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, format!("{:?} is no place in a data directory", path.display())))
    }

    /// What a cluster of this crate has of its own: who may connect, and where settings are.
    fn settle(&self, binaries: &Binaries, run_as: &RunAs) -> Result<(), Error> {
        let version = self.root.join("PG_VERSION");
        let found = fs::read_to_string(&version).map_err(|source| Error::DataDirUnreadable { path: version, source })?;
        if found.trim() != binaries.major().to_string() {
            let (path, found) = (self.root.clone(), found.trim().to_owned());
            return Err(Error::WrongVersion { path, found, wanted: binaries.major() });
        }
        for (name, text) in [("pg_hba.conf", settings::PG_HBA), ("postgresql.conf", settings::POSTGRESQL_CONF)] {
            let path = self.root.join(name);
            fs::write(&path, text).map_err(Error::io("write", &path))?;
        }
        // Of a life that was cut short, elsewhere.
        files::remove_file(&self.root.join("postmaster.pid"))?;
        give(&self.root, run_as)
    }
}

impl Cluster {
    /// Works on the data directory while nobody can start, clone over or remove the cluster.
    ///
    /// # Errors
    /// [`Error::AlreadyRunning`], [`Error::DataDirMissing`], and what the work says.
    pub async fn while_stopped<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let lock = self.lock().await?;
        let data_dir = self.data_dir().to_owned();
        if !data_dir.exists() {
            return Err(Error::DataDirMissing { path: data_dir });
        }
        if let Some((process, _)) = self.postmaster()? {
            return Err(Error::AlreadyRunning { path: data_dir, pid: process.pid() });
        }
        blocking(move || {
            let _lock = lock;
            work(&data_dir).map_err(Error::io("read", &data_dir))
        })
        .await
    }

    /// Makes the data directory of what `fill` puts into it, durably. `false`: it was there already, nothing is done. A half-made
    /// one of an earlier, interrupted call is removed first.
    ///
    /// # Errors
    /// [`Error::WrongVersion`] where the files are another major version's, [`Error::DiskFull`], and what `fill` says.
    pub async fn make_of(&self, fill: impl FnOnce(&NewData) -> io::Result<()> + Send + 'static) -> Result<bool, Error> {
        let (data_dir, binaries, run_as) = (self.data_dir().to_owned(), self.binaries().clone(), self.run_as().clone());
        let lock = self.lock().await?;
        blocking(move || {
            let _lock = lock;
            if data_dir.exists() {
                return Ok(false);
            }
            let new = NewData { root: sibling(&data_dir, ".partial") };
            files::remove_dir(&new.root)?;
            files::create_dir_for(&new.root, 0o700, &run_as)?;
            let made = fill(&new).map_err(Error::io("fill", &new.root)).and_then(|()| new.settle(&binaries, &run_as));
            if let Err(error) = made {
                // Half of it would keep a full disk full.
                files::remove_dir(&new.root)?;
                return Err(error);
            }
            copy::sync_file_system(&new.root)?;
            files::rename_durably(&new.root, &data_dir)?;
            Ok(true)
        })
        .await
    }
}

/// Gives a folder and all in it to the cluster's user.
fn give(folder: &Path, run_as: &RunAs) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let entry = entry.map_err(Error::io("read", folder))?;
        files::own(&entry.path(), run_as)?;
        if entry.file_type().map_err(Error::io("read", folder))?.is_dir() {
            give(&entry.path(), run_as)?;
        }
    }
    Ok(())
}
