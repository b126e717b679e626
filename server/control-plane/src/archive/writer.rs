//! Writes an archive: the head, then whatever the driver adds, then how much that was.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use age::stream::StreamWriter;
use serde::{Deserialize, Serialize};

use super::{
    END, Entry, EntryKind, MANIFEST, SECRETS,
    head::{Head, SecretsDocument},
    seal::Passphrase,
};

/// Of zstd: a few hundred megabytes a second, and a fifth of the size.
const LEVEL: i32 = 3;
/// Free space that is left to the databases on the same disk, in bytes.
const SPARE: u64 = 128 << 20;
/// How many bytes are written between two looks at what is free.
const LOOK_AFTER: u64 = 16 << 20;
/// Only the owner of the server reads what is not data.
const PRIVATE: u32 = 0o600;

type Sealed = zstd::Encoder<'static, StreamWriter<BufWriter<Guarded>>>;

/// Takes a project's data.
pub struct DataWriter {
    tar: tar::Builder<Sealed>,
    totals: Totals,
    job: Arc<Job>,
}

/// How much data an archive has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Totals {
    pub(super) entries: u64,
    pub(super) bytes: u64,
}

/// What whoever waits for a long piece of work shares with it.
#[derive(Debug, Default)]
pub(crate) struct Job {
    /// Bytes of data so far.
    pub(super) bytes: AtomicU64,
    /// Nobody waits any more.
    pub(super) is_abandoned: AtomicBool,
}

impl Job {
    /// Counts, and ends the work that nobody waits for.
    pub(super) fn count(&self, bytes: usize) -> io::Result<()> {
        if self.is_abandoned.load(Ordering::Relaxed) {
            return Err(io::Error::other("nobody waits for it any more"));
        }
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(())
    }
}

impl std::fmt::Debug for DataWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataWriter").field("totals", &self.totals).finish_non_exhaustive()
    }
}

impl DataWriter {
    /// Begins an archive in a file, with its head.
    pub(super) fn begin(file: Guarded, passphrase: &Passphrase, head: &Head, job: Arc<Job>) -> io::Result<Self> {
        let sealed = passphrase.seal(BufWriter::with_capacity(1 << 20, file))?;
        let mut tar = tar::Builder::new(zstd::Encoder::new(sealed, LEVEL)?);
        append(&mut tar, MANIFEST, &head.manifest.document()?)?;
        append(&mut tar, SECRETS, &SecretsDocument::document(head)?)?;
        Ok(Self { tar, totals: Totals::default(), job })
    }

    /// Adds an entry. A file must have as many bytes as it says.
    ///
    /// # Errors
    /// What reading or writing says; also when nobody waits for the archive any more.
    pub fn add(&mut self, entry: Entry<'_>) -> io::Result<()> {
        let Entry { path, mode, owner, kind } = entry;
        self.totals.entries += 1;
        self.job.count(0)?;
        match kind {
            EntryKind::File { bytes, content } => {
                self.totals.bytes += bytes;
                let mut counted = Counted { content: content.take(bytes), job: &self.job };
                EntryKind::File { bytes, content: &mut counted }.append_to(&mut self.tar, path, mode, owner)?;
                match counted.content.limit() {
                    0 => Ok(()),
                    missing => {
                        let words = format!("{} ended {missing} bytes early", path.display());
                        Err(io::Error::new(io::ErrorKind::UnexpectedEof, words))
                    }
                }
            }
            EntryKind::Folder | EntryKind::Link { .. } => kind.append_to(&mut self.tar, path, mode, owner),
        }
    }

    /// Ends the archive, durably.
    pub(super) fn finish(mut self) -> io::Result<()> {
        append(&mut self.tar, END, &serde_json::to_vec(&self.totals)?)?;
        let sealed = self.tar.into_inner()?.finish()?;
        let file = sealed.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.file.sync_all()
    }
}

fn append(tar: &mut tar::Builder<Sealed>, name: &str, document: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(document.len() as u64);
    header.set_mode(PRIVATE);
    header.set_mtime(0);
    tar.append_data(&mut header, name, document)
}

/// Reads, and counts for whoever waits.
pub(super) struct Counted<'a, R> {
    pub(super) content: R,
    pub(super) job: &'a Job,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(buffer)?;
        self.job.count(read)?;
        Ok(read)
    }
}

/// A file that leaves some space to others on its disk.
pub(super) struct Guarded {
    file: File,
    folder: PathBuf,
    until_look: u64,
}

impl Guarded {
    pub(super) fn new(file: File, folder: &Path) -> Self {
        Self { file, folder: folder.to_owned(), until_look: 0 }
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn look(&mut self, written: u64) -> io::Result<()> {
        if let Some(rest) = self.until_look.checked_sub(written) {
            self.until_look = rest;
            return Ok(());
        }
        self.until_look = LOOK_AFTER;
        let disk = rustix::fs::statvfs(&self.folder)?;
        if disk.f_bavail.saturating_mul(disk.f_frsize) < SPARE + LOOK_AFTER {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl Write for Guarded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.look(bytes.len() as u64)?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
