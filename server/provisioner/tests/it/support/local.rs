//! Child processes below a folder of the test's own.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::PathBuf,
};

use async_trait::async_trait;
use control_plane::Placement;
use provisioner::{LocalProvisioner, LocalSettings};
use rustix::process::Signal;
use tempfile::TempDir;

use super::{Machine, signal};

/// Templates that the tests share: making one takes seconds.
const SHARED_TEMPLATES: &str = "/tmp/supacloud-test-root/server-templates";

pub(crate) struct LocalMachine {
    folder: TempDir,
}

impl LocalMachine {
    fn project_dir(&self, placement: &Placement) -> PathBuf {
        self.folder.path().join("clusters/projects").join(placement.project_ref.as_str())
    }

    /// As if an earlier version had made the project.
    pub(crate) fn forget_auth(&self, placement: &Placement) {
        fs::remove_file(self.project_dir(placement).join("auth")).unwrap();
    }

    fn postmasters(&self) -> Vec<i32> {
        let Ok(projects) = fs::read_dir(self.folder.path().join("clusters/projects")) else { return Vec::new() };
        let files = projects.map(|project| project.unwrap().path().join("data/postmaster.pid"));
        files.filter_map(|file| fs::read_to_string(file).ok()?.lines().next()?.parse().ok()).collect()
    }
}

#[async_trait]
impl Machine for LocalMachine {
    type Driver = LocalProvisioner;

    async fn new() -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("supacloud-it-").tempdir_in("/tmp").unwrap();
        let clusters = folder.path().join("clusters");
        fs::create_dir_all(&clusters).unwrap();
        fs::create_dir_all(SHARED_TEMPLATES).unwrap();
        for entered in [folder.path(), &clusters, SHARED_TEMPLATES.as_ref()] {
            fs::set_permissions(entered, fs::Permissions::from_mode(0o755)).unwrap();
        }
        symlink(SHARED_TEMPLATES, clusters.join("templates")).unwrap();
        Some(Self { folder })
    }

    fn driver(&self) -> LocalProvisioner {
        LocalProvisioner::new(LocalSettings {
            data_dir: self.folder.path().to_owned(),
            node: "0123456789abcdef0123456789abcdef".into(),
            binaries: None,
            run_as: "postgres".into(),
        })
    }

    fn kind(&self) -> (&'static str, Option<&'static str>) {
        (provisioner::LOCAL, None)
    }

    async fn data(&self, placement: &Placement) -> PathBuf {
        self.project_dir(placement).join("data")
    }

    async fn remains(&self, placement: &Placement) -> bool {
        self.project_dir(placement).exists()
    }

    /// The postmaster that the pid file names.
    async fn postmaster(&self, placement: &Placement) -> Option<i32> {
        let text = fs::read_to_string(self.data(placement).await.join("postmaster.pid")).ok()?;
        text.lines().next()?.parse().ok()
    }

    fn forget_passwords(&self, placement: &Placement) {
        fs::remove_file(self.project_dir(placement).join("passwords")).unwrap();
    }

    async fn interrupt_clone(&self, _driver: &LocalProvisioner, placement: &Placement) {
        let partial = self.project_dir(placement).join("data.partial");
        fs::create_dir_all(&partial).unwrap();
        fs::write(partial.join("PG_VERSION"), "half a fi").unwrap();
    }

    async fn interrupt_removal(&self, placement: &Placement) {
        fs::create_dir(self.project_dir(placement).join("data.deleting")).unwrap();
    }
}

impl Drop for LocalMachine {
    fn drop(&mut self) {
        for pid in self.postmasters() {
            // Only what still works below our folder; the number may be somebody else's.
            if fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(self.folder.path())) {
                signal(pid, Signal::QUIT);
                while fs::read_link(format!("/proc/{pid}/cwd")).is_ok() {
                    std::thread::yield_now();
                }
            }
        }
    }
}
