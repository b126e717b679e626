//! A project in one sealed file, so that it can go from one driver or machine to another: its data as it lies on the disk of a
//! stopped database, its secrets, and what is recorded of it.
//!
//! The file is an [age](https://age-encryption.org/v1) file for a passphrase; in it is a zstd stream, and in that a tar:
//!
//! ```text
//! supacloud.json   what it is: format, project, version of PostgreSQL
//! secrets.json     passwords and keys, and what Auth is told
//! data/…           the data directory
//! volumes/NAME/…   other volumes of the project's stack
//! end.json         how many entries and bytes that was: without it, the file is not whole
//! ```
//!
//! So it can be read without supacloud, too: `age -d FILE | zstd -d | tar x`.
//!
//! While an archive waits in the server's data folder it is sealed under the master key ([`Depot`]); the passphrase is needed
//! only while it leaves or comes, and is kept nowhere. What is in `data/` is the driver's business.

mod depot;
mod head;
mod reader;
mod seal;
mod transfer;
mod writer;

use std::{io, path::Path};

pub(crate) use depot::{Depot, Received};
pub(crate) use head::Head;
pub use head::Manifest;
pub use reader::{DataReader, inspect};
pub(crate) use transfer::{pack, unpack};
pub use writer::DataWriter;

/// Format of archives that this version writes, and the newest that it reads.
const FORMAT: u32 = 1;
/// Names of the entries that are not data.
const MANIFEST: &str = "supacloud.json";
const SECRETS: &str = "secrets.json";
const END: &str = "end.json";
/// The folder of the data directory, and the one of other volumes.
pub const DATA: &str = "data";
pub const VOLUMES: &str = "volumes";
/// Shortest passphrase, in characters: whoever has the file can try as many as they like.
pub const MIN_PASSPHRASE_CHARS: usize = 12;

/// An archive can't be made or read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error(
        "This is not an archive of a project, or not the whole of one. Check that it is the file that `supacloud project export` wrote."
    )]
    NotAnArchive(#[source] io::Error),
    #[error("The passphrase is not the one that the archive was sealed with.")]
    WrongPassphrase,
    #[error(
        "The passphrase has less than {MIN_PASSPHRASE_CHARS} characters. Choose a longer one: it is all that protects the archive."
    )]
    ShortPassphrase,
    #[error("The archive asks for more work to open its passphrase than is done for one of supacloud's (2^{0}).")]
    TooMuchWork(u8),
    #[error("The archive has format {0}; this version of supacloud reads up to {FORMAT}. Use a newer version.")]
    NewerFormat(u32),
    #[error("There is no archive of this project. Make one first (export).")]
    NoArchive,
    #[error("The disk that holds {folder} is full. Free some space and try again.")]
    DiskFull { folder: String },
    #[error("The archive could not be written or read.")]
    Io(#[source] io::Error),
}

impl ArchiveError {
    /// For what goes wrong with our own files below this folder.
    fn own(folder: &Path) -> impl Fn(io::Error) -> Self {
        move |error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { folder: folder.display().to_string() },
            _ => Self::Io(error),
        }
    }
}

/// One file, folder or link of a project's data.
#[expect(missing_debug_implementations, reason = "it holds a reader")]
pub struct Entry<'a> {
    /// Relative, below [`DATA`] or [`VOLUMES`].
    pub path: &'a Path,
    /// Permission bits.
    pub mode: u32,
    /// User and group, by number. Of the data directory they are the driver's business.
    pub owner: (u64, u64),
    pub kind: EntryKind<'a>,
}

/// What an entry is.
#[expect(missing_debug_implementations, reason = "it holds a reader")]
pub enum EntryKind<'a> {
    Folder,
    File { bytes: u64, content: &'a mut dyn io::Read },
    Link { target: &'a Path },
}

impl EntryKind<'_> {
    /// Adds it to a tar archive, at this path, with these permission bits and this user and group. Times are left out: nothing in
    /// a project goes by them.
    ///
    /// # Errors
    /// What reading or writing says.
    pub fn append_to(self, tar: &mut tar::Builder<impl io::Write>, path: &Path, mode: u32, owner: (u64, u64)) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_mode(mode);
        header.set_uid(owner.0);
        header.set_gid(owner.1);
        header.set_mtime(0);
        header.set_size(0);
        match self {
            Self::Folder => {
                header.set_entry_type(tar::EntryType::Directory);
                tar.append_data(&mut header, path, io::empty())
            }
            Self::Link { target } => {
                header.set_entry_type(tar::EntryType::Symlink);
                tar.append_link(&mut header, path, target)
            }
            Self::File { bytes, content } => {
                header.set_size(bytes);
                tar.append_data(&mut header, path, content)
            }
        }
    }
}

#[cfg(test)]
mod tests;
