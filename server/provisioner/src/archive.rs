//! What the drivers agree on about data in archives.

use std::{io, path::Path};

use control_plane::ProvisionError;

/// What a data directory has only while its server runs, as named in an archive.
const RUNTIME: [&str; 2] = ["data/postmaster.pid", "data/postmaster.opts"];

/// Whether an entry is of a running server, and means nothing elsewhere.
pub(crate) fn is_of_running_server(path: &Path) -> bool {
    RUNTIME.iter().any(|runtime| path == Path::new(runtime))
}

/// What is in the archive, or would be, can't be moved.
pub(crate) fn unmovable(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// As [`unmovable`], of a link where there may be none.
pub(crate) fn unmovable_link(path: &Path) -> io::Error {
    unmovable(format!("{} is a link, such as a tablespace's; what it leads to can't be moved", path.display()))
}

/// A failure of reading, writing or the data itself, the last of which does not get better. `doing` completes "could not ...".
pub(crate) fn failed(doing: &str, error: io::Error) -> ProvisionError {
    let is_full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let cause = match is_full {
        true => format!("could not {doing}: the disk is full. Free some space; it goes on by itself"),
        false => format!("could not {doing}: {error}"),
    };
    let is_permanent = is_about_data(&error);
    let source = Some(Box::new(error) as Box<dyn std::error::Error + Send + Sync>);
    if is_permanent { ProvisionError::Permanent { cause, source } } else { ProvisionError::Transient { cause, source } }
}

/// Whether it is the data that is wrong, and neither the disk nor the machine.
pub(crate) fn is_about_data(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}
