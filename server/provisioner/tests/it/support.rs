//! A driver on a folder of its own. What it has started ends with the test, also when it panics.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::PathBuf,
    time::Duration,
};

use control_plane::{Placement, Provisioner as _, RolePasswords};
use control_plane_api::ProjectRef;
use provisioner::{LocalProvisioner, LocalSettings};
use rustix::process::{Pid, Signal};
use secrecy::SecretString;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// Templates that the tests share: making one takes seconds.
const SHARED_TEMPLATES: &str = "/tmp/supacloud-test-root/server-templates";
const PATIENCE: Duration = Duration::from_secs(30);

/// A machine's folder; drivers on it come and go, as a server's lives do.
pub(crate) struct Machine {
    folder: TempDir,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("supacloud-it-").tempdir_in("/tmp").unwrap();
        let clusters = folder.path().join("clusters");
        fs::create_dir_all(&clusters).unwrap();
        fs::create_dir_all(SHARED_TEMPLATES).unwrap();
        for entered in [folder.path(), &clusters, SHARED_TEMPLATES.as_ref()] {
            fs::set_permissions(entered, fs::Permissions::from_mode(0o755)).unwrap();
        }
        symlink(SHARED_TEMPLATES, clusters.join("templates")).unwrap();
        Self { folder }
    }

    pub(crate) fn driver(&self) -> LocalProvisioner {
        LocalProvisioner::new(LocalSettings {
            data_dir: self.folder.path().to_owned(),
            node: "0123456789abcdef0123456789abcdef".into(),
            binaries: None,
            run_as: "postgres".into(),
        })
    }

    pub(crate) fn project_dir(&self, placement: &Placement) -> PathBuf {
        self.folder.path().join("clusters/projects").join(placement.project_ref.as_str())
    }

    pub(crate) fn data(&self, placement: &Placement) -> PathBuf {
        self.project_dir(placement).join("data")
    }

    /// The postmaster that the pid file names.
    pub(crate) fn postmaster(&self, placement: &Placement) -> Option<i32> {
        let text = fs::read_to_string(self.data(placement).join("postmaster.pid")).ok()?;
        text.lines().next()?.parse().ok()
    }

    fn postmasters(&self) -> Vec<i32> {
        let Ok(projects) = fs::read_dir(self.folder.path().join("clusters/projects")) else { return Vec::new() };
        let files = projects.map(|project| project.unwrap().path().join("data/postmaster.pid"));
        files.filter_map(|file| fs::read_to_string(file).ok()?.lines().next()?.parse().ok()).collect()
    }
}

impl Drop for Machine {
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

pub(crate) fn signal(pid: i32, signal: Signal) {
    let _ = rustix::process::kill_process(Pid::from_raw(pid).unwrap(), signal);
}

pub(crate) fn placement(letter: u8, port: Option<u16>) -> Placement {
    Placement { project_ref: ProjectRef::from_letters([letter; ProjectRef::LENGTH]), port }
}

/// A password for every login role, all the same.
pub(crate) fn passwords(password: &str) -> RolePasswords {
    let of = |role: &&str| ((*role).to_owned(), SecretString::from(password.to_owned()));
    RolePasswords(LocalProvisioner::login_roles().iter().map(of).collect::<BTreeMap<_, _>>())
}

/// A project that runs with these passwords.
pub(crate) async fn running(driver: &LocalProvisioner, letter: u8, password: &str) -> Placement {
    let placement = placement(letter, Some(driver.allocate_port().await.unwrap()));
    driver.ensure_template().await.unwrap();
    driver.ensure_data(&placement).await.unwrap();
    driver.ensure_started(&placement).await.unwrap();
    driver.ensure_passwords(&placement, &passwords(password)).await.unwrap();
    placement
}

pub(crate) async fn connect(
    driver: &LocalProvisioner,
    placement: &Placement,
    role: &str,
    password: &str,
) -> Result<Client, tokio_postgres::Error> {
    let endpoint = driver.endpoint(placement).unwrap();
    let mut config = tokio_postgres::Config::new();
    config.host(endpoint.host).port(endpoint.port).user(role).password(password).dbname("postgres");
    let (client, connection) = config.connect(NoTls).await?;
    // Ends with the client.
    tokio::spawn(connection);
    Ok(client)
}

pub(crate) async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it did not come about")
}
