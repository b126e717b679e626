//! A prepared data directory that clusters are cloned from: `initdb` and the caller's SQL, run once.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::cluster::{Cluster, SUPERUSER, blocking};
use crate::files::{self, Lock};
use crate::running::StopMode;
use crate::{Binaries, Error, RunAs, child, copy, log, random_password, settings, sql};

/// Raised when this file or `initdb`'s options change, so that templates are made anew.
const FORMAT: u32 = 2;
const TEMPORARY: &str = ".making";

/// A template on disk. `root/<major>-<hash>/` holds `data/` and `password`.
#[derive(Debug, Clone)]
pub struct Template {
    data_dir: PathBuf,
    superuser_password: SecretString,
}

impl Template {
    /// Makes the template of these binaries and this SQL in `root`, or finds it there (well under a millisecond).
    ///
    /// Each file is one simple-query batch, run by [`SUPERUSER`], in order: in the database `postgres`, or, when its first
    /// line is `\connect name`, in that one. The folder's name
    /// holds the major version and a hash of the SQL, the settings and this crate's format, so that a new release makes
    /// a new template. Made in a temporary folder and renamed into place, durable, under a lock between processes. What
    /// a crashed preparation left is removed.
    ///
    /// # Errors
    /// [`Error::Sql`] names the file and the line; [`Error::Initdb`], [`Error::Unreachable`], [`Error::DiskFull`], and
    /// those of [`Cluster::start`].
    pub async fn prepare(binaries: &Binaries, run_as: &RunAs, root: &Path, sql: &[(&str, &str)]) -> Result<Self, Error> {
        let name = format!("{}-{}", binaries.major(), hash(binaries.major(), sql));
        let folder = root.join(&name);
        if let Some(found) = Self::open(&folder)? {
            return Ok(found);
        }
        let lock_path = root.join("lock");
        let _lock = blocking(move || Lock::acquire(&lock_path)).await?;
        if let Some(found) = Self::open(&folder)? {
            return Ok(found);
        }
        remove_leftovers(root)?;
        let making = Making::new(binaries, run_as, root.join(format!("{name}{TEMPORARY}")))?;
        let made = making.run(sql).await;
        if made.is_err() {
            files::remove_dir(&making.folder)?;
        }
        made?;
        files::rename_durably(&making.folder, &folder)?;
        Ok(Self { data_dir: folder.join("data"), superuser_password: making.password })
    }

    /// The password that [`SUPERUSER`] has in a fresh clone. Every clone of a template has the same one, so the caller
    /// gives a clone its own before anybody else may connect.
    pub fn superuser_password(&self) -> &SecretString {
        &self.superuser_password
    }

    /// The prepared data directory. Never started again.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    fn open(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join("password");
        match fs::read_to_string(&path) {
            Ok(password) => Ok(Some(Self { data_dir: folder.join("data"), superuser_password: password.into() })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::DataDirUnreadable { path, source }),
        }
    }
}

/// A template on its way.
struct Making<'a> {
    binaries: &'a Binaries,
    run_as: &'a RunAs,
    folder: PathBuf,
    data_dir: PathBuf,
    password: SecretString,
}

impl<'a> Making<'a> {
    fn new(binaries: &'a Binaries, run_as: &'a RunAs, folder: PathBuf) -> Result<Self, Error> {
        run_as.check_reach(&folder)?;
        // Kept by us: the cluster's user enters it, but must not read the password beside the data.
        fs::create_dir(&folder).map_err(Error::io("create", &folder))?;
        let data_dir = folder.join("data");
        files::create_dir_for(&data_dir, 0o700, run_as)?;
        Ok(Self { binaries, run_as, folder, data_dir, password: random_password() })
    }

    async fn run(&self, sql: &[(&str, &str)]) -> Result<(), Error> {
        self.initdb().await?;
        for (name, text) in [("pg_hba.conf", settings::PG_HBA), ("postgresql.conf", settings::POSTGRESQL_CONF)] {
            let path = self.data_dir.join(name);
            fs::write(&path, text).map_err(Error::io("write", &path))?;
        }
        self.run_sql(sql).await?;
        for file in ["data.log", "data.lock"] {
            files::remove_file(&self.folder.join(file))?;
        }
        let folder = self.folder.clone();
        blocking(move || copy::sync_file_system(&folder)).await
    }

    async fn initdb(&self) -> Result<(), Error> {
        let password = self.write_password()?;
        let path = self.folder.join("initdb.log");
        let mut printed = String::new();
        for locale in settings::locales(self.binaries.major()) {
            let log = log::open(&path).map_err(Error::io("open", &path))?;
            let initdb = self.binaries.initdb();
            let mut command = child::command(&initdb, self.run_as, &log)?;
            command.arg("-D").arg(&self.data_dir).args(["-U", SUPERUSER]).arg(format!("--pwfile={}", password.display()));
            command.args(settings::initdb_options(locale));
            // A preparation that is given up must not leave `initdb` writing into a folder that is removed.
            let status = command.kill_on_drop(true).status().await.map_err(Error::io("run", &initdb))?;
            printed = log::tail(&path, 0);
            files::remove_file(&path)?;
            if status.success() {
                return self.keep_password(&password);
            }
            if !printed.contains("invalid locale name") {
                break;
            }
        }
        Err(Error::Initdb { cause: printed })
    }

    /// `initdb` reads the password from a file, as the cluster's user.
    fn write_password(&self) -> Result<PathBuf, Error> {
        let path = self.folder.join("password");
        let write = || {
            let mut file = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path)?;
            file.write_all(self.password.expose_secret().as_bytes())
        };
        write().map_err(Error::io("write", &path))?;
        files::own(&path, self.run_as)?;
        Ok(path)
    }

    fn keep_password(&self, path: &Path) -> Result<(), Error> {
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        std::os::unix::fs::lchown(path, Some(uid), Some(gid)).map_err(Error::io("change the owner of", path))
    }

    async fn run_sql(&self, sql: &[(&str, &str)]) -> Result<(), Error> {
        let socket_dir = SocketDir::new(&self.folder, self.run_as)?;
        let cluster = Cluster::new(self.binaries, self.run_as, &self.data_dir, &socket_dir.path)
            // Made durable as a whole afterwards.
            .with_setting("fsync", "off")
            // No spare segments: they would be copied to every clone.
            .with_setting("wal_recycle", "off");
        let running = cluster.start().await?;
        let ran = self.run_files(&cluster, sql).await;
        running.stop(StopMode::Fast, Duration::from_secs(60)).await?;
        ran
    }

    async fn run_files(&self, cluster: &Cluster, sql: &[(&str, &str)]) -> Result<(), Error> {
        let mut config = tokio_postgres::Config::new();
        config.host_path(cluster.socket_dir()).port(cluster.port()).user(SUPERUSER).password(self.password.expose_secret());
        sql::run_files(&config, sql).await.map(drop)
    }
}

/// A folder for the socket of a preparation: inside the template's, or where that is too deep, in `/tmp`.
struct SocketDir {
    path: PathBuf,
}

impl SocketDir {
    fn new(folder: &Path, run_as: &RunAs) -> Result<Self, Error> {
        let inside = folder.join("s");
        let path = if inside.as_os_str().len() < 80 {
            inside
        } else {
            let name = random_password();
            Path::new("/tmp").join(format!("pg-{}", name.expose_secret().get(..16).unwrap_or_default()))
        };
        files::create_dir_for(&path, 0o700, run_as)?;
        Ok(Self { path })
    }
}

impl Drop for SocketDir {
    fn drop(&mut self) {
        if let Err(error) = files::remove_dir(&self.path) {
            tracing::warn!(%error, "a socket folder stays behind");
        }
    }
}

fn hash(major: u32, sql: &[(&str, &str)]) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    add(&FORMAT.to_string());
    add(&settings::WAL_SEGMENT_MB.to_string());
    add(settings::PG_HBA);
    add(settings::POSTGRESQL_CONF);
    for (name, value) in settings::of(major).iter().chain(sql) {
        add(name);
        add(value);
    }
    hex::encode(&hash.finalize()[..6])
}

fn remove_leftovers(root: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(root).map_err(Error::io("read", root))? {
        let entry = entry.map_err(Error::io("read", root))?;
        if !entry.file_name().to_string_lossy().ends_with(TEMPORARY) {
            continue;
        }
        // The crash may have left a postmaster in it.
        for orphan in entry.path().join("data").canonicalize().map(|data| crate::proc::working_below(&data)).unwrap_or_default() {
            orphan.signal(rustix::process::Signal::KILL).map_err(Error::io("signal a process in", &entry.path()))?;
        }
        files::remove_dir(&entry.path())?;
    }
    Ok(())
}
