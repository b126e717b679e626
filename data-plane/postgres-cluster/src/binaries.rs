//! Where PostgreSQL is installed, and which version it is.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;

const SUPPORTED: std::ops::RangeInclusive<u32> = 15..=18;

/// One PostgreSQL installation: `postgres` and `initdb` of the same folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    folder: PathBuf,
    postgres: PathBuf,
    version: String,
    major: u32,
}

impl Binaries {
    /// Finds PostgreSQL 15 to 18, the highest major version first.
    ///
    /// With `configured`, only that folder (the one that holds `postgres`) is looked at. Otherwise: Debian and Ubuntu's
    /// `/usr/lib/postgresql/N/bin`, the PGDG packages' `/usr/pgsql-N/bin`, Homebrew, then `PATH`. Runs `postgres -V`
    /// of the candidates (a few milliseconds); call it once.
    ///
    /// # Errors
    /// [`Error::BinariesNotFound`], [`Error::UnsupportedVersion`] for a configured folder.
    pub fn discover(configured: Option<&Path>) -> Result<Self, Error> {
        if let Some(folder) = configured {
            let found = Self::inspect(folder).ok_or_else(|| not_found(&[folder.to_owned()]))?;
            if !SUPPORTED.contains(&found.major) {
                return Err(Error::UnsupportedVersion { path: found.postgres, version: found.version });
            }
            return Ok(found);
        }
        let folders = usual_folders();
        folders
            .iter()
            .filter_map(|folder| Self::inspect(folder))
            .filter(|found| SUPPORTED.contains(&found.major))
            // `max_by_key` keeps the last of equals; the usual places come first and are to win over PATH.
            .rev()
            .max_by_key(|found| found.major)
            .ok_or_else(|| not_found(&folders))
    }

    /// The full version, such as `15.18`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The major version, such as `15`: what a data directory must have been made by.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The folder that holds the executables.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn postgres(&self) -> &Path {
        &self.postgres
    }

    /// The same installation with another link to its `postgres`.
    pub(crate) fn with_postgres(&self, postgres: PathBuf) -> Self {
        Self { postgres, ..self.clone() }
    }

    pub(crate) fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }

    fn inspect(folder: &Path) -> Option<Self> {
        let folder = folder.canonicalize().ok()?;
        if !folder.join("initdb").is_file() || !folder.join("postgres").is_file() {
            return None;
        }
        let printed = Command::new(folder.join("postgres")).arg("-V").env_clear().output().ok()?;
        let version = parse_version(&String::from_utf8_lossy(&printed.stdout))?;
        let major = version.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()?;
        Some(Self { postgres: folder.join("postgres"), folder, version, major })
    }
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` -> `15.18`.
fn parse_version(printed: &str) -> Option<String> {
    let version = printed.trim().strip_prefix("postgres (PostgreSQL) ")?.split_whitespace().next()?;
    version.starts_with(|first: char| first.is_ascii_digit()).then(|| version.to_owned())
}

fn usual_folders() -> Vec<PathBuf> {
    let majors = || SUPPORTED.rev();
    let packaged = majors().flat_map(|major| {
        [
            format!("/usr/lib/postgresql/{major}/bin"),
            format!("/usr/pgsql-{major}/bin"),
            format!("/home/linuxbrew/.linuxbrew/opt/postgresql@{major}/bin"),
            format!("/opt/homebrew/opt/postgresql@{major}/bin"),
        ]
    });
    let path = std::env::var_os("PATH").unwrap_or_default();
    packaged.map(PathBuf::from).chain(std::env::split_paths(OsStr::new(&path))).collect()
}

fn not_found(folders: &[PathBuf]) -> Error {
    let looked = folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ");
    Error::BinariesNotFound { looked }
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn version_is_read_from_what_postgres_prints() {
        for (printed, version) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", Some("15.18")),
            ("postgres (PostgreSQL) 18beta1\n", Some("18beta1")),
            ("postgres (PostgreSQL) 17.2", Some("17.2")),
            ("postgres (EnterpriseDB) 17.2", None),
            ("", None),
        ] {
            assert_eq!(parse_version(printed).as_deref(), version, "{printed:?}");
        }
    }
}
