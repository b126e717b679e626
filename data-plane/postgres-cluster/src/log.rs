//! The file a postmaster prints to.
//!
//! PostgreSQL's own logging collector would cost a process per cluster, so the postmaster writes to a file opened by
//! us. Nothing bounds such a file while a cluster runs; [`trim`] does, at each start and whenever the caller asks.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const TRIM_ABOVE: u64 = 1 << 20;
const KEEP: u64 = 256 << 10;
const TAIL: u64 = 4 << 10;

/// Opens for appending, which is what makes trimming safe while a postmaster writes.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// When the file is larger than 1 MB: keeps its last 256 KB in `<path>.1` and empties it.
pub(crate) fn trim(path: &Path) -> io::Result<()> {
    let mut file = match OpenOptions::new().read(true).append(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    if length <= TRIM_ABOVE {
        return Ok(());
    }
    file.seek(SeekFrom::Start(length - KEEP))?;
    let mut old = File::create(previous(path))?;
    io::copy(&mut file, &mut old)?;
    file.set_len(0)
}

/// `<path>.1`.
pub(crate) fn previous(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    PathBuf::from(name)
}

/// What was printed after `from`, at most the last 4 KB of it, as whole lines where there are several.
pub(crate) fn tail(path: &Path, from: u64) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        // The file may have been trimmed since `from` was taken.
        let from = if from > length { 0 } else { from };
        file.seek(SeekFrom::Start(from.max(length.saturating_sub(TAIL))))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    if text.is_empty() { "it printed nothing".to_owned() } else { text }
}
