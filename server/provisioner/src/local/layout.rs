//! Where the local driver keeps things.
//!
//! ```text
//! <root>/postgresql/                  the installation as clusters see it, with more extensions trusted
//! <root>/templates/<major>-<hash>/   prepared data directories
//! <root>/projects/<ref>/data         the project's cluster
//! <root>/projects/<ref>/passwords    empty; the project's passwords are in force
//! <root>/projects/<ref>/auth         empty; the database has the schemas of Auth
//! <root>/projects/<ref>/socket       its unix socket, where the path is short enough for one
//! ```
//!
//! `<root>` is `<data_dir>/clusters`. A server that runs as root below a folder that the clusters' user can't enter (such
//! as `/root`) keeps them in `/var/lib/supacloud/<node>`, and `<data_dir>/clusters` is a link to it.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use control_plane_api::ProjectRef;
use postgres_cluster::{Error, RunAs};

use super::LocalSettings;

/// Longest path of a unix socket, in bytes.
const MAX_SOCKET_PATH: usize = 107;
/// A socket's file name with the longest port.
const SOCKET_NAME: &str = "/.s.PGSQL.65535";

/// Folders of the local driver.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    root: PathBuf,
    /// Parent of the socket folders, where those in the project's folder would be too deep.
    sockets: Option<PathBuf>,
}

/// Folders of one project.
#[derive(Debug, Clone)]
pub(super) struct ProjectLayout {
    folder: PathBuf,
    socket_dir: PathBuf,
}

impl Layout {
    /// Finds, or makes, the folders that a server with these settings uses.
    pub(super) fn resolve(settings: &LocalSettings, run_as: &RunAs) -> Result<Self, Error> {
        let root = root(settings, run_as)?;
        for folder in [&root, &root.join("postgresql"), &root.join("templates"), &root.join("projects")] {
            create_dir(folder)?;
        }
        let longest = root.join("projects").join("a".repeat(ProjectRef::LENGTH)).join("socket");
        let too_deep = longest.as_os_str().len() + SOCKET_NAME.len() > MAX_SOCKET_PATH;
        let sockets = if too_deep { Some(run_dir()?.join(short(&settings.node))) } else { None };
        if let Some(sockets) = &sockets {
            create_dir(sockets)?;
        }
        Ok(Self { root, sockets })
    }

    /// The folder that all others are below.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn postgresql(&self) -> PathBuf {
        self.root.join("postgresql")
    }

    pub(super) fn templates(&self) -> PathBuf {
        self.root.join("templates")
    }

    /// Whether any template is ready; which one is the template's own affair.
    pub(super) fn has_template(&self) -> bool {
        let Ok(entries) = fs::read_dir(self.templates()) else { return false };
        entries.flatten().any(|entry| entry.path().join("password").exists())
    }

    /// Every project that has a folder.
    pub(super) fn projects(&self) -> Vec<ProjectRef> {
        let Ok(entries) = fs::read_dir(self.root.join("projects")) else { return Vec::new() };
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }

    pub(super) fn project(&self, project_ref: &ProjectRef) -> ProjectLayout {
        let folder = self.root.join("projects").join(project_ref.as_str());
        let socket_dir = match &self.sockets {
            Some(sockets) => sockets.join(project_ref.as_str()),
            None => folder.join("socket"),
        };
        ProjectLayout { folder, socket_dir }
    }
}

impl ProjectLayout {
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(super) fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    pub(super) fn exists(&self) -> bool {
        self.folder.exists()
    }

    pub(super) fn create(&self) -> Result<(), Error> {
        create_dir(&self.folder)?;
        // The parent may be on a file system that a reboot empties.
        self.socket_dir.parent().map_or(Ok(()), create_dir)
    }

    /// Removes what the cluster's own removal leaves: the folder itself.
    pub(super) fn remove(&self) -> Result<(), Error> {
        for folder in [&self.socket_dir, &self.folder] {
            match fs::remove_dir_all(folder) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(Error::Io { action: "remove", path: folder.clone(), source }),
            }
        }
        Ok(())
    }

    pub(super) fn has_passwords(&self) -> bool {
        self.passwords().exists()
    }

    /// Durable: without it, the next life would try the template's password first.
    pub(super) fn mark_passwords(&self) -> Result<(), Error> {
        mark(self.passwords())
    }

    pub(super) fn has_auth(&self) -> bool {
        self.auth().exists()
    }

    pub(super) fn mark_auth(&self) -> Result<(), Error> {
        mark(self.auth())
    }

    fn auth(&self) -> PathBuf {
        self.folder.join("auth")
    }

    fn passwords(&self) -> PathBuf {
        self.folder.join("passwords")
    }
}

fn mark(path: PathBuf) -> Result<(), Error> {
    fs::File::create(&path).and_then(|file| file.sync_all()).map_err(|source| Error::Io { action: "create", path, source })
}

/// Whether a server with these settings has anything of the project; needs no PostgreSQL to tell.
pub(super) fn has_project(settings: &LocalSettings, project_ref: &ProjectRef) -> bool {
    clusters(settings).join("projects").join(project_ref.as_str()).exists()
}

fn clusters(settings: &LocalSettings) -> PathBuf {
    settings.data_dir.join("clusters")
}

fn root(settings: &LocalSettings, run_as: &RunAs) -> Result<PathBuf, Error> {
    let own = clusters(settings);
    if let Ok(target) = fs::read_link(&own) {
        return Ok(target);
    }
    match run_as.check_reach(&own.join("projects")) {
        Ok(()) => return Ok(own),
        Err(Error::Unreachable { path, user }) if !own.exists() => {
            tracing::info!(folder = %path.display(), user, "clusters are kept in /var/lib/supacloud, because their user can't enter the data folder");
        }
        Err(error) => return Err(error),
    }
    let shared = Path::new("/var/lib/supacloud").join(&settings.node);
    create_dir(&shared)?;
    symlink(&shared, &own).map_err(|source| Error::Io { action: "create", path: own, source })?;
    Ok(shared)
}

/// Where short-lived files of this machine are kept. Anybody can make a folder in /tmp, so that it must be seen to be ours.
fn run_dir() -> Result<PathBuf, Error> {
    let user = rustix::process::geteuid();
    let folder =
        if user.is_root() { "/run/supacloud".into() } else { PathBuf::from(format!("/tmp/supacloud-{}", user.as_raw())) };
    create_dir(&folder)?;
    let failed = |source| Error::Io { action: "use", path: folder.clone(), source };
    let found = fs::symlink_metadata(&folder).map_err(failed)?;
    if !found.is_dir() || found.uid() != user.as_raw() || found.mode() & 0o022 != 0 {
        return Err(failed(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it belongs to somebody else, or others may write to it",
        )));
    }
    Ok(folder)
}

fn short(node: &str) -> &str {
    node.get(..12).unwrap_or(node)
}

/// Makes a folder that others may pass through but not read.
fn create_dir(folder: &Path) -> Result<(), Error> {
    let create = || {
        if folder.is_dir() {
            return Ok(());
        }
        fs::DirBuilder::new().recursive(true).mode(0o711).create(folder)?;
        // Whatever the umask is.
        fs::set_permissions(folder, fs::Permissions::from_mode(0o711))
    };
    create().map_err(|source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::DiskFull { path: folder.to_owned() },
        _ => Error::Io { action: "create", path: folder.to_owned(), source },
    })
}
