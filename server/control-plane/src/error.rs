//! What can go wrong, by meaning. One mapping to the wire: [`Error::code`].

use auth_settings::document::FieldError;
use control_plane_api::{ErrorCode, OperationSummary, ProjectRef};

use crate::{archive::ArchiveError, routes::NotTold};

/// A request to the control plane failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the request is not acceptable; `field` is its name on the wire.
    #[error("{message}")]
    InvalidInput { field: &'static str, message: String },
    /// Auth settings that can't be so. Each names its key; none has a value, which might be a secret.
    #[error("{}", sentences(.0))]
    AuthConfig(Vec<FieldError>),
    /// No such project.
    #[error("Project {0} was not found.")]
    ProjectNotFound(ProjectRef),
    /// The project has no such signing key.
    #[error("The project has no signing key {0}.")]
    SigningKeyNotFound(String),
    /// The project has no such third-party integration.
    #[error("The project has no third-party integration {0}.")]
    ThirdPartyAuthNotFound(String),
    /// No such organization.
    #[error("Organization {0:?} was not found. There is one organization: \"default\".")]
    OrganizationNotFound(String),
    /// Another operation is open on the project.
    #[error("The project is busy with another operation ({}, step {}). Try again when it has ended.", .0.kind, .0.step)]
    OperationRunning(Box<OperationSummary>),
    /// The project's state does not allow the request.
    #[error("{0}")]
    StateConflict(String),
    /// The same idempotency key came with another body.
    #[error("This Idempotency-Key was already used with a different request body. Use a new key for a new request.")]
    IdempotencyMismatch,
    /// An archive can't be made, sent or taken in.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The project of an archive is here already.
    #[error("Project {0} is here already. Delete it before you import it, or import it on another machine.")]
    ProjectExists(ProjectRef),
    /// A service of the project refused what it was asked for; `field` is what it names as the reason.
    #[error("{message}")]
    ServiceRefused { status: u16, message: String, field: Option<&'static str> },
    /// A service of the project did not answer.
    #[error("The project's {0} did not answer. Check that the project runs and is healthy, then try again.")]
    ServiceAway(&'static str),
    /// A change is kept, but the project's services could not be told of it yet.
    #[error(
        "The change is kept, but the project's services could not be told of it yet: {0} They are told again and again until they go by it."
    )]
    NotInForce(#[from] NotTold),
    /// The control-plane database failed.
    #[error("The control-plane database did not answer as expected.")]
    Database(#[source] sea_orm::DbErr),
    /// A stored secret could not be opened or sealed.
    #[error("A stored secret could not be opened.")]
    Secret(#[source] SecretError),
    /// A stored word is none of ours; another version of supacloud wrote it.
    #[error("A stored value is not understood: {0}")]
    Corrupt(String),
}

impl Error {
    /// The transport-independent code, from which each wire contract takes its status.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidInput { .. } | Self::AuthConfig(_) => ErrorCode::InvalidInput,
            Self::ProjectNotFound(_)
            | Self::OrganizationNotFound(_)
            | Self::SigningKeyNotFound(_)
            | Self::ThirdPartyAuthNotFound(_) => ErrorCode::NotFound,
            Self::OperationRunning(_) | Self::StateConflict(_) | Self::IdempotencyMismatch | Self::ProjectExists(_) => {
                ErrorCode::Conflict
            }
            Self::Archive(error) => match error {
                ArchiveError::NotAnArchive(_)
                | ArchiveError::WrongPassphrase
                | ArchiveError::ShortPassphrase
                | ArchiveError::TooMuchWork(_)
                | ArchiveError::NewerFormat(_) => ErrorCode::InvalidInput,
                ArchiveError::NoArchive => ErrorCode::NotFound,
                ArchiveError::DiskFull { .. } => ErrorCode::Unavailable,
                ArchiveError::Io(_) => ErrorCode::Internal,
            },
            Self::ServiceRefused { status: 404, .. } => ErrorCode::NotFound,
            Self::ServiceRefused { status: 409 | 422, .. } => ErrorCode::Conflict,
            Self::ServiceRefused { .. } => ErrorCode::InvalidInput,
            Self::ServiceAway(_) | Self::NotInForce(_) => ErrorCode::Unavailable,
            Self::Database(_) | Self::Secret(_) | Self::Corrupt(_) => ErrorCode::Internal,
        }
    }

    /// Name of the request's field that is to blame, if one is; of several, the first.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::InvalidInput { field, .. } => Some(field),
            Self::AuthConfig(errors) => errors.first().map(|error| error.key.as_str()),
            Self::ServiceRefused { field, .. } => *field,
            Self::ProjectNotFound(_)
            | Self::OrganizationNotFound(_)
            | Self::OperationRunning(_)
            | Self::StateConflict(_)
            | Self::IdempotencyMismatch
            | Self::Archive(_)
            | Self::ProjectExists(_)
            | Self::ServiceAway(_)
            | Self::NotInForce(_)
            | Self::SigningKeyNotFound(_)
            | Self::ThirdPartyAuthNotFound(_)
            | Self::Database(_)
            | Self::Secret(_)
            | Self::Corrupt(_) => None,
        }
    }

    /// The operation in the way, if that is the reason.
    #[must_use]
    pub fn operation(&self) -> Option<&OperationSummary> {
        match self {
            Self::OperationRunning(operation) => Some(operation),
            Self::InvalidInput { .. }
            | Self::AuthConfig(_)
            | Self::ProjectNotFound(_)
            | Self::OrganizationNotFound(_)
            | Self::StateConflict(_)
            | Self::IdempotencyMismatch
            | Self::Archive(_)
            | Self::ProjectExists(_)
            | Self::ServiceRefused { .. }
            | Self::ServiceAway(_)
            | Self::NotInForce(_)
            | Self::SigningKeyNotFound(_)
            | Self::ThirdPartyAuthNotFound(_)
            | Self::Database(_)
            | Self::Secret(_)
            | Self::Corrupt(_) => None,
        }
    }
}

fn sentences(errors: &[FieldError]) -> String {
    errors.iter().map(|error| format!("{error}.")).collect::<Vec<_>>().join(" ")
}

impl From<sea_orm::DbErr> for Error {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Database(error)
    }
}

impl From<SecretError> for Error {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

/// A sealed value could not be opened: wrong master key, or not the value that was sealed for this place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed value does not open under the master key")]
pub struct SecretError;

/// The control plane refuses to start. Each message names what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(
        "SUPACLOUD_MASTER_KEY is not a key: it must be 32 bytes as 64 hexadecimal digits or as base64. `openssl rand -hex 32` makes one."
    )]
    MalformedMasterKey,
    #[error(
        "The master key file {path} does not hold a key (64 hexadecimal digits). Restore it from your backup, or set SUPACLOUD_MASTER_KEY."
    )]
    MalformedKeyFile { path: String },
    #[error(
        "The master key is missing: {path} does not exist and SUPACLOUD_MASTER_KEY is not set, but the control-plane database holds \
         secrets sealed under it. Restore the file from your backup, or set SUPACLOUD_MASTER_KEY to the key. Nothing was changed."
    )]
    LostMasterKey { path: String },
    #[error(
        "The master key ({origin}) is not the one that the control-plane database was sealed under. Restore the right key in {path}, or \
         set SUPACLOUD_MASTER_KEY to it. Nothing was changed."
    )]
    WrongMasterKey { origin: &'static str, path: String },
    #[error(
        "The data folder {path} belongs to another control-plane database. Start with the DATABASE_URL it was made with, or choose another \
         folder in SUPACLOUD_SERVER__DATA_DIR. Nothing was changed."
    )]
    ForeignDataDir { path: String },
    #[error(
        "Another supacloud is running on the data folder {path}. Stop it, or choose another folder in SUPACLOUD_SERVER__DATA_DIR."
    )]
    DataDirInUse { path: String },
    #[error("The data folder {path} can't be used. Check that it exists, is writable and has free space.")]
    DataDir {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "DATABASE_URL can't be read. It must be sqlite:///path/file.db or postgres://user:password@host:port/database; in the password, \
         write characters such as / ? # @ : percent-encoded (%2F for /)."
    )]
    MalformedDatabaseUrl,
    #[error("The control-plane database can't be used. Check DATABASE_URL and that the server behind it runs.")]
    Database(#[from] sea_orm::DbErr),
}
