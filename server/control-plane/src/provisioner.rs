//! What the control plane asks of a driver. A driver knows how to run one project; it knows nothing of operations,
//! requests or the control-plane database.

use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;
use control_plane_api::{ProjectRef, Usage};
use secrecy::SecretString;

/// Makes projects real. Every `ensure_*` is idempotent: run again after a crash at any point, it finishes what was begun
/// and does nothing where nothing is left to do. Only the reconciler calls these.
#[async_trait]
pub trait Provisioner: fmt::Debug + Send + Sync {
    /// The driver's name as stored with a project, such as `local`.
    fn name(&self) -> &'static str;

    /// Has what projects are cloned from ready.
    async fn ensure_template(&self) -> Result<(), ProvisionError>;

    /// Has the project's own data in place, durably.
    async fn ensure_data(&self, placement: &Placement) -> Result<(), ProvisionError>;

    /// Picks a free loopback port for the project's SQL connections.
    async fn allocate_port(&self) -> Result<u16, ProvisionError>;

    /// Has the project's database running and answering. Adopts one that already runs.
    async fn ensure_started(&self, placement: &Placement) -> Result<Started, ProvisionError>;

    /// Has every login role of the project's database carry its own password.
    async fn ensure_passwords(&self, placement: &Placement, passwords: &RolePasswords) -> Result<(), ProvisionError>;

    /// Stops the project's database, cleanly if it can be; data stays.
    async fn stop(&self, placement: &Placement) -> Result<(), ProvisionError>;

    /// Removes everything of the project: processes, data, sockets.
    async fn destroy(&self, placement: &Placement) -> Result<(), ProvisionError>;

    /// Looks at the project without changing anything.
    async fn observe(&self, placement: &Placement) -> Result<Observation, ProvisionError>;

    /// Where the project's services reach its database.
    fn endpoint(&self, placement: &Placement) -> Result<DatabaseEndpoint, ProvisionError>;

    /// Memory and disk now; `history` stays empty.
    async fn usage(&self, placement: &Placement) -> Result<Usage, ProvisionError>;

    /// Waits for the next database that ended without being told to. Cancel-safe.
    async fn next_exit(&self) -> UnexpectedExit;

    /// Stops everything this driver runs. `immediately` skips the clean way.
    async fn shutdown(&self, immediately: bool);
}

/// Which project, and the port recorded for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    pub project_ref: ProjectRef,
    pub port: Option<u16>,
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

/// A database ended without being told to.
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
            Self::PortInUse { .. } | Self::Transient { .. } => false,
        }
    }
}
