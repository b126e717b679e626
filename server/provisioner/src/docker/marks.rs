//! What can't be seen from outside of a volume: that the project's data was cloned to its end, that its passwords are in
//! force, and that it is meant to rest. Losing a mark costs a repetition of the step, which finds it done; the volume itself knows.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use control_plane::ProvisionError;
use control_plane_api::ProjectRef;

/// `<data>/docker/<ref>/{data,passwords,stopped}`.
#[derive(Debug)]
pub(super) struct Marks {
    folder: PathBuf,
}

impl Marks {
    pub(super) fn new(data_dir: &Path) -> Self {
        Self { folder: data_dir.join("docker") }
    }

    /// Identity of the volume that was cloned to its end: another one of the same name is not meant.
    pub(super) fn data(&self, project_ref: &ProjectRef) -> Option<String> {
        fs::read_to_string(self.project(project_ref).join("data")).ok()
    }

    pub(super) fn set_data(&self, project_ref: &ProjectRef, volume: &str) -> Result<(), ProvisionError> {
        self.write(project_ref, "data", volume)
    }

    pub(super) fn has_passwords(&self, project_ref: &ProjectRef) -> bool {
        self.project(project_ref).join("passwords").exists()
    }

    pub(super) fn set_passwords(&self, project_ref: &ProjectRef) -> Result<(), ProvisionError> {
        self.write(project_ref, "passwords", "")
    }

    /// Whether it was told to stop, and not told to start since.
    pub(super) fn is_stopped(&self, project_ref: &ProjectRef) -> bool {
        self.project(project_ref).join("stopped").exists()
    }

    /// Whether anything of the project was made here and is not removed.
    pub(super) fn know(&self, project_ref: &ProjectRef) -> bool {
        self.project(project_ref).exists()
    }

    /// Projects that have run and were not told to stop.
    pub(super) fn running(&self) -> Result<Vec<ProjectRef>, ProvisionError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("read", &self.folder, error)),
        };
        let refs = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        Ok(refs.filter(|project_ref| self.has_passwords(project_ref) && !self.is_stopped(project_ref)).collect())
    }

    pub(super) fn set_stopped(&self, project_ref: &ProjectRef) -> Result<(), ProvisionError> {
        self.write(project_ref, "stopped", "")
    }

    pub(super) fn clear_stopped(&self, project_ref: &ProjectRef) -> Result<(), ProvisionError> {
        let path = self.project(project_ref).join("stopped");
        match fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed("remove", &path, error)),
        }
    }

    pub(super) fn forget(&self, project_ref: &ProjectRef) -> Result<(), ProvisionError> {
        let folder = self.project(project_ref);
        match fs::remove_dir_all(&folder) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed("remove", &folder, error)),
        }
    }

    fn project(&self, project_ref: &ProjectRef) -> PathBuf {
        self.folder.join(project_ref.as_str())
    }

    /// Whole or not at all, and durable.
    fn write(&self, project_ref: &ProjectRef, name: &str, text: &str) -> Result<(), ProvisionError> {
        let folder = self.project(project_ref);
        let (path, new) = (folder.join(name), folder.join(format!("{name}.new")));
        let write = || {
            fs::create_dir_all(&folder)?;
            fs::write(&new, text)?;
            fs::File::open(&new)?.sync_all()?;
            fs::rename(&new, &path)?;
            fs::File::open(&folder)?.sync_all()
        };
        write().map_err(|error| failed("write", &path, error))
    }
}

fn failed(action: &str, path: &Path, source: io::Error) -> ProvisionError {
    ProvisionError::Transient { cause: format!("can't {action} {}: {source}", path.display()), source: Some(Box::new(source)) }
}
