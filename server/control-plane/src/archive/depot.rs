//! Where archives wait in the server's data folder: `<data>/archives/<ref>.export` until it is downloaded, `<ref>.import` until
//! the project has been made of it. Sealed under the master key; a file has its name only once it is whole and durable.

use std::{
    collections::HashSet,
    fs, io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use control_plane_api::ProjectRef;
use secrecy::SecretString;
use tokio::sync::Semaphore;

use super::{
    ArchiveError, DataReader, DataWriter, Head,
    reader::head,
    seal::Passphrase,
    writer::{Guarded, Job},
};
use crate::secrets::MasterKey;

/// Archives on their way in or out at once: each takes a thread, and memory for its passphrase.
const AT_ONCE: usize = 2;
const EXPORT: &str = "export";
const IMPORT: &str = "import";
/// The end of the name of what is not whole yet.
const PARTIAL: &str = "partial";

/// The folder of archives. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Depot {
    folder: PathBuf,
    key: Passphrase,
    places: Arc<Semaphore>,
}

/// An archive that has come in, in the depot under no project's name yet. Removed when dropped.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) head: Head,
    file: Temporary,
}

impl Depot {
    pub(crate) fn new(data_dir: &Path, key: &MasterKey) -> Self {
        let key = hex::encode(&key.derive("archives that wait", &[])[..32]);
        Self {
            folder: data_dir.join("archives"),
            key: Passphrase::key(SecretString::from(key)),
            places: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// A place among those who send or receive, once there is one.
    pub(crate) async fn place(&self) -> Option<tokio::sync::OwnedSemaphorePermit> {
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// Size of the project's archive in bytes, whole or so far; nothing if there is none.
    pub(crate) fn exported(&self, project_ref: &ProjectRef) -> Option<u64> {
        fs::metadata(self.named(project_ref, EXPORT)).ok().map(|file| file.len())
    }

    pub(crate) fn exported_so_far(&self, project_ref: &ProjectRef) -> Option<u64> {
        fs::metadata(self.partial(project_ref)).ok().map(|file| file.len())
    }

    /// Removes the project's archive, if there is one.
    pub(crate) fn discard_export(&self, project_ref: &ProjectRef) -> Result<(), ArchiveError> {
        [self.named(project_ref, EXPORT), self.partial(project_ref)].iter().try_for_each(|path| self.discard(path))
    }

    /// Removes the archive that the project was made of, if it is still there.
    pub(crate) fn discard_import(&self, project_ref: &ProjectRef) -> Result<(), ArchiveError> {
        self.discard(&self.named(project_ref, IMPORT))
    }

    /// Begins the project's archive, in the place of one that was there. Blocks.
    pub(super) fn begin(&self, head: &Head, job: Arc<Job>) -> Result<DataWriter, ArchiveError> {
        let project_ref = &head.manifest.project_ref;
        self.discard_export(project_ref)?;
        let file = self.create(&self.partial(project_ref))?;
        DataWriter::begin(Guarded::new(file, &self.folder), &self.key, head, job).map_err(ArchiveError::own(&self.folder))
    }

    /// Ends the project's archive, so that it can be downloaded. Blocks.
    pub(super) fn finish(&self, writer: DataWriter, project_ref: &ProjectRef) -> Result<(), ArchiveError> {
        let finish = || {
            writer.finish()?;
            fs::rename(self.partial(project_ref), self.named(project_ref, EXPORT))?;
            fs::File::open(&self.folder)?.sync_all()
        };
        finish().map_err(ArchiveError::own(&self.folder))
    }

    /// The data that the project is to be made of. Blocks.
    pub(super) fn open_import(&self, project_ref: &ProjectRef, job: Arc<Job>) -> Result<DataReader, ArchiveError> {
        let open = || Self::open(&self.named(project_ref, IMPORT));
        let Head { manifest, .. } = head(open()?, &self.key)?;
        DataReader::new(open()?, &self.key, manifest, job)
    }

    /// Writes the project's archive, sealed with a passphrase. Blocks.
    pub(crate) fn send(
        &self,
        project_ref: &ProjectRef,
        passphrase: &SecretString,
        output: impl io::Write,
    ) -> Result<(), ArchiveError> {
        let passphrase = Passphrase::chosen(passphrase)?;
        let mut archive = self.key.open(Self::open(&self.named(project_ref, EXPORT))?)?;
        let send = || {
            let mut sealed = passphrase.seal(io::BufWriter::with_capacity(128 << 10, output))?;
            io::copy(&mut archive, &mut sealed)?;
            io::Write::flush(&mut sealed.finish()?)
        };
        send().map_err(ArchiveError::Io)
    }

    /// Whether the project has an archive that can be sent with this passphrase.
    pub(crate) fn check_send(&self, project_ref: &ProjectRef, passphrase: &SecretString) -> Result<(), ArchiveError> {
        Passphrase::chosen(passphrase)?;
        self.exported(project_ref).map(drop).ok_or(ArchiveError::NoArchive)
    }

    /// Takes in an archive that was sealed with a passphrase, to its end, and reads its head. Blocks.
    pub(crate) fn receive(&self, passphrase: &SecretString, input: impl io::Read) -> Result<Received, ArchiveError> {
        let mut archive = Passphrase::said(passphrase).open(io::BufReader::new(input))?;
        let path = self.folder.join(format!("{}.{PARTIAL}", uuid::Uuid::new_v4().simple()));
        let output = Guarded::new(self.create(&path)?, &self.folder);
        let file = Temporary(path);
        let own = ArchiveError::own(&self.folder);
        let mut sealed = self.key.seal(io::BufWriter::with_capacity(1 << 20, output)).map_err(&own)?;
        let mut chunk = vec![0; 128 << 10];
        loop {
            // Apart, because what can't be read is the sender's fault, and what can't be written is not.
            match io::Read::read(&mut archive, &mut chunk).map_err(ArchiveError::NotAnArchive)? {
                0 => break,
                length => io::Write::write_all(&mut sealed, &chunk[..length]).map_err(&own)?,
            }
        }
        let finish = || sealed.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?.sync();
        finish().map_err(&own)?;
        let head = head(Self::open(&file.0)?, &self.key)?;
        Ok(Received { head, file })
    }

    /// Gives an archive that came in to its project. False if the project has one already.
    pub(crate) fn keep(&self, received: &Received) -> Result<bool, ArchiveError> {
        let path = self.named(&received.head.manifest.project_ref, IMPORT);
        match fs::hard_link(&received.file.0, &path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(ArchiveError::own(&self.folder)(error)),
        }
        fs::File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(ArchiveError::own(&self.folder))?;
        Ok(true)
    }

    /// Removes what no project needs: `exported` are those whose archive may wait, `importing` those that are being made of one.
    /// Call when nothing is on its way.
    pub(crate) fn tidy(&self, exported: &HashSet<ProjectRef>, importing: &HashSet<ProjectRef>) -> Result<(), ArchiveError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(ArchiveError::Io(error)),
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            let project_ref = path.file_stem().and_then(|stem| stem.to_str()?.parse::<ProjectRef>().ok());
            let of = |refs: &HashSet<ProjectRef>| project_ref.as_ref().is_some_and(|project_ref| refs.contains(project_ref));
            let is_needed = match path.extension().and_then(|extension| extension.to_str()) {
                Some(EXPORT) => of(exported),
                Some(IMPORT) => of(importing),
                Some(_) | None => false,
            };
            if !is_needed {
                self.discard(&path)?;
            }
        }
        Ok(())
    }

    fn named(&self, project_ref: &ProjectRef, what: &str) -> PathBuf {
        self.folder.join(format!("{project_ref}.{what}"))
    }

    fn partial(&self, project_ref: &ProjectRef) -> PathBuf {
        self.named(project_ref, PARTIAL)
    }

    fn create(&self, path: &Path) -> Result<fs::File, ArchiveError> {
        let create = || {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
        };
        create().map_err(ArchiveError::own(&self.folder))
    }

    fn open(path: &Path) -> Result<io::BufReader<fs::File>, ArchiveError> {
        match fs::File::open(path) {
            Ok(file) => Ok(io::BufReader::with_capacity(1 << 20, file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ArchiveError::NoArchive),
            Err(error) => Err(ArchiveError::Io(error)),
        }
    }

    fn discard(&self, path: &Path) -> Result<(), ArchiveError> {
        remove(path).map_err(ArchiveError::own(&self.folder))
    }
}

/// A file that goes when this does.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.0) {
            // Left, it goes at the next start.
            tracing::warn!(%error, file = %self.0.display(), "removing an archive that was not taken");
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
