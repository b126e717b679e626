//! A view of a PostgreSQL installation in which more extensions are trusted.
//!
//! An extension that is not trusted can only be created by a superuser, and that is said in its control file, which
//! belongs to the system. PostgreSQL finds its control files relative to its own executable, though. So a folder with a
//! hard link (or copy) of `postgres` in it and symbolic links to the rest is an installation of its own, in which some
//! control files can say `trusted = true`: plain `create extension` then works for the owner of a database.
//!
//! The script of a trusted extension runs with a superuser's rights, in a schema the user may have prepared for it.
//! PostgreSQL's own trusted extensions are written for that; others are pinned to one schema, in which the caller has
//! to make sure that only superusers can create anything (in every database, templates too).

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::files::{self, Lock};
use crate::{Binaries, Error};

/// Raised when the layout of the view changes.
const FORMAT: u32 = 1;

impl Binaries {
    /// This installation with `extensions` trusted and pinned to `schema`, as links in a folder below `root`.
    ///
    /// Left as they are: extensions that are not installed, trusted already, or in a schema of their own. Found again by
    /// the next call; made anew when the installation changes (an upgrade, another extension installed). Without
    /// `pg_config` nothing can be linked, and the installation itself is returned. Blocks the thread for some
    /// milliseconds when it is made.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::DiskFull`].
    pub fn trusting(&self, root: &Path, extensions: &[&str], schema: &str) -> Result<Self, Error> {
        let Some(layout) = Layout::read(self) else {
            tracing::warn!(folder = %self.folder().display(), "pg_config not found: no more extensions are trusted");
            return Ok(self.clone());
        };
        let folder = root.join(format!("{}-{}", self.version(), layout.fingerprint(extensions, schema)?));
        let postgres = layout.below(&folder, &layout.bin).join("postgres");
        if !folder.exists() {
            let _lock = Lock::acquire(&root.join("lock"))?;
            if !folder.exists() {
                let making = root.join("making");
                files::remove_dir(&making)?;
                layout.link(&making, extensions, schema)?;
                files::rename_durably(&making, &folder)?;
            }
        }
        Ok(self.with_postgres(postgres))
    }
}

/// Where an installation keeps its parts.
struct Layout {
    bin: PathBuf,
    share: PathBuf,
    libraries: PathBuf,
    /// What the three have in common.
    prefix: PathBuf,
}

impl Layout {
    fn read(binaries: &Binaries) -> Option<Self> {
        let printed = Command::new(binaries.folder().join("pg_config")).env_clear().output().ok()?;
        let printed = String::from_utf8(printed.stdout).ok()?;
        let value = |name| {
            let line = printed.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('='))?;
            Path::new(line.trim()).canonicalize().ok()
        };
        let (share, libraries) = (value("SHAREDIR")?, value("PKGLIBDIR")?);
        let bin = binaries.folder().to_owned();
        let prefix = bin.ancestors().find(|prefix| share.starts_with(prefix) && libraries.starts_with(prefix))?.to_owned();
        Some(Self { bin, share, libraries, prefix })
    }

    /// Where a part is in the view: the same place relative to the executable.
    fn below(&self, folder: &Path, part: &Path) -> PathBuf {
        folder.join(part.strip_prefix(&self.prefix).unwrap_or(part))
    }

    /// Changes with the executable and with the set of installed extensions.
    fn fingerprint(&self, extensions: &[&str], schema: &str) -> Result<String, Error> {
        let mut hash = Sha256::new();
        for path in [self.bin.join("postgres"), self.share.clone(), self.share.join("extension")] {
            let metadata = path.metadata().map_err(Error::io("read", &path))?;
            hash.update(path.as_os_str().as_encoded_bytes());
            hash.update(metadata.mtime().to_le_bytes());
            hash.update(metadata.mtime_nsec().to_le_bytes());
        }
        hash.update(FORMAT.to_le_bytes());
        hash.update(extensions.join(","));
        hash.update([0]);
        hash.update(schema);
        Ok(hex::encode(&hash.finalize()[..6]))
    }

    fn link(&self, folder: &Path, extensions: &[&str], schema: &str) -> Result<(), Error> {
        let postgres = self.below(folder, &self.bin).join("postgres");
        files::create_parent(&postgres)?;
        // A hard link keeps one copy in memory with every other cluster; another file system needs a copy.
        let original = self.bin.join("postgres");
        fs::hard_link(&original, &postgres)
            .or_else(|_| fs::copy(&original, &postgres).map(|_| ()))
            .map_err(Error::io("copy", &postgres))?;
        let libraries = self.below(folder, &self.libraries);
        files::create_parent(&libraries)?;
        symlink(&self.libraries, &libraries).map_err(Error::io("link", &libraries))?;
        let share = self.below(folder, &self.share);
        link_all(&self.share, &share, |name| name != "extension")?;
        let (from, to) = (self.share.join("extension"), share.join("extension"));
        let control = |name: &str| name.strip_suffix(".control").is_some_and(|name| extensions.contains(&name));
        link_all(&from, &to, |name| !control(name))?;
        for name in extensions.iter().map(|name| format!("{name}.control")) {
            trust(&from.join(&name), &to.join(&name), schema)?;
        }
        Ok(())
    }
}

/// Links what is in `from` and passes the filter.
fn link_all(from: &Path, to: &Path, filter: impl Fn(&str) -> bool) -> Result<(), Error> {
    files::create_parent(&to.join("any"))?;
    for entry in fs::read_dir(from).map_err(Error::io("read", from))? {
        let name = entry.map_err(Error::io("read", from))?.file_name();
        if name.to_str().is_some_and(&filter) {
            let link = to.join(&name);
            symlink(from.join(&name), &link).map_err(Error::io("link", &link))?;
        }
    }
    Ok(())
}

fn trust(from: &Path, to: &Path, schema: &str) -> Result<(), Error> {
    let Ok(control) = fs::read_to_string(from) else { return Ok(()) };
    match trusted(&control, schema) {
        Some(control) => fs::write(to, control).map_err(Error::io("write", to)),
        None => symlink(from, to).map_err(Error::io("link", to)),
    }
}

/// The control file with the extension trusted and pinned; `None` where it is to stay as it is.
fn trusted(control: &str, schema: &str) -> Option<String> {
    let value = |name: &str| {
        control.lines().find_map(|line| {
            let (key, value) = line.split('#').next()?.split_once('=')?;
            (key.trim() == name).then(|| value.trim().trim_matches('\'').to_owned())
        })
    };
    // Values are booleans as in postgresql.conf; these are the spellings in use.
    let says = |name, booleans: [&str; 3]| value(name).is_some_and(|value| booleans.contains(&value.as_str()));
    if says("trusted", ["true", "on", "yes"]) || says("superuser", ["false", "off", "no"]) {
        return None;
    }
    match value("schema").as_deref() {
        // Nobody else can create anything there, so it need not be pinned.
        Some("pg_catalog") => Some(format!("{control}\ntrusted = true\n")),
        Some(_) => None,
        None => Some(format!("{control}\ntrusted = true\nrelocatable = false\nschema = '{schema}'\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::trusted;

    #[test]
    fn only_extensions_that_need_it_and_can_be_pinned_are_trusted() {
        let pinned = "\ntrusted = true\nrelocatable = false\nschema = 'extensions'\n";
        for (control, expected) in [
            ("relocatable = true", Some(format!("relocatable = true{pinned}"))),
            ("# trusted = true", Some(format!("# trusted = true{pinned}"))),
            ("trusted = true # yes", None),
            ("superuser = false", None),
            ("schema = 'topology'", None),
            ("schema = pg_catalog", Some("schema = pg_catalog\ntrusted = true\n".to_owned())),
        ] {
            assert_eq!(trusted(control, "extensions"), expected, "{control}");
        }
    }
}
