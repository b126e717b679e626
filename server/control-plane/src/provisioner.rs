//! What the control plane asks of a driver. A driver knows how to run one project; it knows nothing of operations,
//! requests or the control-plane database.

use std::{collections::BTreeMap, fmt, net::SocketAddr};

use async_trait::async_trait;
use control_plane_api::{InstanceSize, ProjectRef, Step, Usage};
use secrecy::SecretString;

use crate::{
    archive::{DataReader, DataWriter},
    secrets::ProjectSecrets,
};

/// Makes projects real. Every `ensure_*` is idempotent: run again after a crash at any point, it finishes what was begun
/// and does nothing where nothing is left to do. Only the reconciler calls these.
#[async_trait]
pub trait Provisioner: fmt::Debug + Send + Sync {
    /// Has what projects of this kind are cloned from ready. What takes long tells `progress` what it is doing.
    async fn ensure_template(&self, placement: &Placement, progress: &dyn Progress) -> Result<(), ProvisionError>;

    /// Has the project's own data in place, durably.
    async fn ensure_data(&self, placement: &Placement) -> Result<(), ProvisionError>;

    /// Picks a free loopback port for the project's SQL connections.
    async fn allocate_port(&self, placement: &Placement) -> Result<u16, ProvisionError>;

    /// Has the project's database running and answering. Adopts what already runs. Services that need not wait for the database
    /// may begin meanwhile, with `secrets`, where the passwords among those are in force.
    async fn ensure_started(&self, placement: &Placement, secrets: &ProjectSecrets) -> Result<Started, ProvisionError>;

    /// Has every login role of the project's database carry its own password.
    async fn ensure_passwords(&self, placement: &Placement, passwords: &RolePasswords) -> Result<(), ProvisionError>;

    /// Has the project's services answering, or says where the server reaches the database to run them itself. The database
    /// runs and has its passwords.
    async fn ensure_services(&self, placement: &Placement, secrets: &ProjectSecrets) -> Result<Services, ProvisionError>;

    /// Has the limits of the project's size in force, without an interruption.
    async fn ensure_size(&self, placement: &Placement) -> Result<(), ProvisionError>;

    /// Adds the project's data to an archive. The project is stopped, and nothing starts it meanwhile.
    async fn pack(&self, placement: &Placement, archive: DataWriter) -> Result<DataWriter, ProvisionError>;

    /// Has the data of an archive in the project's place, durably; half of it from an earlier try goes. What is there already
    /// and complete stays as it is.
    async fn unpack(&self, placement: &Placement, archive: DataReader) -> Result<(), ProvisionError>;

    /// Stops the project's database, cleanly if it can be; data stays.
    async fn stop(&self, placement: &Placement) -> Result<(), ProvisionError>;

    /// Removes everything of the project: processes, data, sockets.
    async fn destroy(&self, placement: &Placement) -> Result<(), ProvisionError>;

    /// Looks at the project without changing anything.
    async fn observe(&self, placement: &Placement) -> Result<Observation, ProvisionError>;

    /// As [`Self::observe`], for whoever wants to know of one step's effect only: what says nothing of that may be left out, as
    /// if there were nothing.
    async fn observe_effect(&self, placement: &Placement, _step: Step) -> Result<Observation, ProvisionError> {
        self.observe(placement).await
    }

    /// Memory and disk now; `history` stays empty.
    async fn usage(&self, placement: &Placement) -> Result<Usage, ProvisionError>;

    /// The projects of this installation of which anything is there, where the driver marks what it makes in a way that
    /// nobody else does. What has no row is an orphan and is destroyed.
    async fn found(&self) -> Result<Vec<Placement>, ProvisionError>;

    /// Waits for the next project that ended, or was changed, without being told to. Cancel-safe.
    async fn next_exit(&self) -> UnexpectedExit;

    /// Stops everything this driver runs. `immediately` skips the clean way.
    async fn shutdown(&self, immediately: bool);
}

/// Which project, and what is recorded of how it is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    pub project_ref: ProjectRef,
    /// Name of the driver that runs it.
    pub driver: String,
    /// Which of the driver's stacks it is made from; nothing where the driver has none.
    pub stack: Option<String>,
    /// Loopback port of its SQL connections.
    pub port: Option<u16>,
    pub size: InstanceSize,
    /// Major version of PostgreSQL that its data is for, once known.
    pub postgres_major: Option<u32>,
}

/// Where something that takes long tells what it is doing.
pub trait Progress: fmt::Debug + Send + Sync {
    /// A line for a person; no secret.
    fn line(&self, text: &str);
}

/// A database was started or found running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// Version of the PostgreSQL server, such as `15.18`.
    pub postgres_version: String,
}

/// What a driver sees of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// The template is ready.
    pub template: bool,
    pub data: DataState,
    pub database: DatabaseState,
    /// The project's passwords are in force.
    pub passwords: bool,
    /// Its services answer, or are none of the driver's business.
    pub services: bool,
    /// The limits of its size are in force.
    pub size: bool,
}

impl Observation {
    /// Everything that a running project needs is there.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.database == DatabaseState::Ready && self.services
    }
}

/// The project's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataState {
    Absent,
    /// Half made or half removed.
    Partial,
    Complete,
}

/// The project's database server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseState {
    Stopped,
    /// Starting, recovering or stopping.
    Changing,
    Ready,
}

/// Where a project's services are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Services {
    /// In the server's process, which reaches the database here.
    InProcess(DatabaseEndpoint),
    /// Elsewhere.
    Remote(RemoteServices),
}

/// Services that the server reaches over the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteServices {
    /// Which path is whose.
    pub targets: Vec<ServiceTarget>,
    /// Where to ask, by a GET of this path, whether they are ready; nothing: whether the first target accepts connections.
    pub ready: Option<(SocketAddr, String)>,
    /// Where they are told, by a PUT of this path, what to go by; nothing: they go by what they were made with.
    pub settings: Option<(SocketAddr, String)>,
}

/// One service of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceTarget {
    /// Paths that are this service's, by whole segments, such as `/rest/v1`; `/` is every path.
    pub prefix: String,
    /// What the service expects in the place of the prefix; nothing where the path is its own as it is.
    pub instead: Option<String>,
    pub address: SocketAddr,
}

/// Where a project's services reach its database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseEndpoint {
    /// Socket directory (absolute path) or host name.
    pub host: String,
    pub port: u16,
}

/// Password by role name, for every login role. `Debug` shows the roles only.
#[derive(Clone)]
pub struct RolePasswords(pub BTreeMap<String, SecretString>);

impl fmt::Debug for RolePasswords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A project's database, or another part of it, ended or was changed without being told to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnexpectedExit {
    pub project_ref: ProjectRef,
    /// For a person.
    pub cause: String,
}

/// A driver could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// Somebody else has the project's port; another one is to be allocated.
    #[error("port {port} is taken by another program")]
    PortInUse { port: u16 },
    /// What the driver works with can't be reached. Says nothing about the project, which waits for as long as that takes.
    #[error("{cause}")]
    Unavailable {
        /// For a person: what was wrong and what to do.
        cause: String,
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// May go away by itself.
    #[error("{cause}")]
    Transient {
        /// For a person: what was wrong and what to do.
        cause: String,
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Stays until somebody changes something.
    #[error("{cause}")]
    Permanent {
        /// For a person: what was wrong and what to do.
        cause: String,
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl ProvisionError {
    /// Trying again can't help until somebody changes something.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        match self {
            Self::Permanent { .. } => true,
            Self::PortInUse { .. } | Self::Transient { .. } | Self::Unavailable { .. } => false,
        }
    }

    /// It is the driver's own means that are missing.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::PortInUse { .. } | Self::Transient { .. } | Self::Permanent { .. } => false,
        }
    }
}
