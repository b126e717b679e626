//! Reads an archive. Nothing of it is believed: names stay below the two folders of data, and there is as much as its end says.

use std::{
    io::{self, BufReader, Read},
    path::{Component, Path},
    sync::Arc,
};

use age::stream::StreamReader;
use secrecy::SecretString;

use super::{
    ArchiveError, DATA, END, Entry, EntryKind, MANIFEST, SECRETS, VOLUMES,
    head::{Head, Manifest, SecretsDocument},
    seal::Passphrase,
    writer::{Counted, Job, Totals},
};

/// Largest document, in bytes.
const MAX_DOCUMENT: u64 = 1 << 20;

type Opened<R> = tar::Archive<zstd::Decoder<'static, BufReader<StreamReader<R>>>>;

/// Gives out the data of an archive.
pub struct DataReader {
    tar: Opened<Box<dyn Read + Send>>,
    manifest: Manifest,
    job: Arc<Job>,
}

impl std::fmt::Debug for DataReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataReader").field("manifest", &self.manifest).finish_non_exhaustive()
    }
}

impl DataReader {
    pub(super) fn new(
        input: impl Read + Send + 'static,
        passphrase: &Passphrase,
        manifest: Manifest,
        job: Arc<Job>,
    ) -> Result<Self, ArchiveError> {
        let input: Box<dyn Read + Send> = Box::new(input);
        Ok(Self { tar: open(input, passphrase)?, manifest, job })
    }

    /// Version of the PostgreSQL server that the data is from.
    #[must_use]
    pub fn postgres_version(&self) -> &str {
        &self.manifest.postgres_version
    }

    /// Hands every entry to `take`, in the order in which they were added: a folder before what is in it.
    ///
    /// # Errors
    /// What `take` says; and where the archive is damaged, or not whole.
    pub fn each(mut self, mut take: impl FnMut(Entry<'_>) -> io::Result<()>) -> io::Result<()> {
        let mut totals = Totals::default();
        for entry in self.tar.entries()? {
            let mut entry = entry?;
            let path = entry.path()?.into_owned();
            if path == Path::new(MANIFEST) || path == Path::new(SECRETS) {
                continue;
            }
            if path == Path::new(END) {
                let expected: Totals = serde_json::from_slice(&document(&mut entry)?)?;
                return if totals == expected { Ok(()) } else { Err(damaged("it has not as much data as it says")) };
            }
            if !is_data(&path) {
                return Err(damaged(&format!("{:?} is no name for data", path.display())));
            }
            let (mode, owner, bytes) =
                (entry.header().mode()? & 0o7777, (entry.header().uid()?, entry.header().gid()?), entry.size());
            totals.entries += 1;
            let target = entry.link_name()?.map(std::borrow::Cow::into_owned);
            let kind = entry.header().entry_type();
            let mut content = Counted { content: &mut entry, job: &self.job };
            let kind = match (kind, &target) {
                (tar::EntryType::Directory, None) => EntryKind::Folder,
                (tar::EntryType::Regular, None) => {
                    totals.bytes += bytes;
                    EntryKind::File { bytes, content: &mut content }
                }
                (tar::EntryType::Symlink, Some(target)) => EntryKind::Link { target },
                (kind, _) => return Err(damaged(&format!("{:?} is a {kind:?}", path.display()))),
            };
            take(Entry { path: &path, mode, owner, kind })?;
        }
        Err(damaged("it has no end"))
    }
}

/// Reads what stands at the beginning of an archive.
pub(super) fn head(input: impl Read, passphrase: &Passphrase) -> Result<Head, ArchiveError> {
    let mut tar = open(input, passphrase)?;
    let mut entries = tar.entries().map_err(ArchiveError::NotAnArchive)?;
    let mut next = |name: &str| -> io::Result<Vec<u8>> {
        let mut entry = entries.next().ok_or(io::ErrorKind::UnexpectedEof)??;
        if entry.path()? != Path::new(name) {
            return Err(damaged(&format!("it does not begin with {name}")));
        }
        document(&mut entry)
    };
    let manifest = Manifest::read(&next(MANIFEST).map_err(ArchiveError::NotAnArchive)?)?;
    SecretsDocument::read(&next(SECRETS).map_err(ArchiveError::NotAnArchive)?, manifest)
}

/// Reads a whole archive, for whoever wants to know what it is and that nothing of it is missing: its manifest and how many
/// bytes of data it has.
///
/// # Errors
/// [`ArchiveError`], also where the end of the file is missing.
pub fn inspect(path: &Path, passphrase: &SecretString) -> Result<(Manifest, u64), ArchiveError> {
    let file = || std::fs::File::open(path).map_err(ArchiveError::Io);
    let passphrase = Passphrase::said(passphrase);
    let Head { manifest, .. } = head(file()?, &passphrase)?;
    let mut total = 0;
    DataReader::new(file()?, &passphrase, manifest.clone(), Arc::default())?
        .each(|entry| match entry.kind {
            EntryKind::File { bytes, content } => {
                total += bytes;
                io::copy(content, &mut io::sink()).map(drop)
            }
            EntryKind::Folder | EntryKind::Link { .. } => Ok(()),
        })
        .map_err(ArchiveError::NotAnArchive)?;
    Ok((manifest, total))
}

fn open<R: Read>(input: R, passphrase: &Passphrase) -> Result<Opened<R>, ArchiveError> {
    let opened = passphrase.open(input)?;
    let unpacked = zstd::Decoder::new(opened).map_err(ArchiveError::NotAnArchive)?;
    Ok(tar::Archive::new(unpacked))
}

fn document(entry: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut document = Vec::new();
    if entry.take(MAX_DOCUMENT + 1).read_to_end(&mut document)? as u64 > MAX_DOCUMENT {
        return Err(damaged("a document is too large"));
    }
    Ok(document)
}

/// Whether a path leads to a place below the folders of data, and nowhere else.
fn is_data(path: &Path) -> bool {
    let mut components = path.components();
    let Some(Component::Normal(first)) = components.next() else { return false };
    (first == DATA || first == VOLUMES) && components.all(|component| matches!(component, Component::Normal(_)))
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the archive is damaged: {what}"))
}
