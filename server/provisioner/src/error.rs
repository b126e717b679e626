//! From what a cluster says to what the reconciler needs to know: whether trying again can help.

use std::error::Error as _;

use control_plane::ProvisionError;
use postgres_cluster::Error;

/// Sorts a cluster's failure by whether it may go away by itself.
pub(crate) fn provision_error(error: Error) -> ProvisionError {
    let cause = described(&error);
    match error {
        Error::PortInUse { port } => ProvisionError::PortInUse { port },
        Error::BinariesNotFound { .. }
        | Error::UnsupportedVersion { .. }
        | Error::UnknownUser { .. }
        | Error::RootRefused
        | Error::NotRoot { .. }
        | Error::Unreachable { .. }
        | Error::SocketPathTooLong { .. }
        | Error::DataDirMissing { .. }
        | Error::DataDirUnreadable { .. }
        | Error::WrongVersion { .. }
        | Error::Sql { .. } => ProvisionError::Permanent { cause, source: Some(Box::new(error)) },
        Error::DiskFull { .. }
        | Error::AlreadyRunning { .. }
        | Error::StartFailed { .. }
        | Error::StartTimedOut { .. }
        | Error::StopFailed { .. }
        | Error::Initdb { .. }
        | Error::Connect { .. }
        | Error::Io { .. } => ProvisionError::Transient { cause, source: Some(Box::new(error)) },
    }
}

/// The message with its cause: for the person who reads why a project failed.
fn described(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Something that may go away by itself.
pub(crate) fn transient(cause: &str) -> ProvisionError {
    ProvisionError::Transient { cause: cause.to_owned(), source: None }
}

/// Work on another thread did not come to its end.
pub(crate) fn interrupted(error: tokio::task::JoinError) -> ProvisionError {
    ProvisionError::Transient { cause: "work in the background was interrupted".to_owned(), source: Some(Box::new(error)) }
}
