//! What a context is made from.

use std::{fmt, time::Duration};

use control_plane_api::ProjectRef;
use secrecy::SecretString;

use crate::ApiKeys;

/// Where a project's database listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseAddress {
    /// A host name, or the absolute path of the directory with the unix socket.
    pub host: String,
    /// The port; part of the socket's name for a directory.
    pub port: u16,
    /// The database's name.
    pub name: String,
}

/// Everything a [`crate::ProjectContext`] is made from.
#[derive(Clone)]
pub struct ContextSettings {
    /// Which project.
    pub project_ref: ProjectRef,
    /// The public address without a trailing slash, e.g. `http://<ref>.api.localhost:8000`.
    pub api_url: String,
    /// The project's database.
    pub database: DatabaseAddress,
    /// Password of the role `authenticator`.
    pub authenticator_password: SecretString,
    /// Password of the role `supabase_auth_admin`, which Auth connects as.
    pub auth_password: SecretString,
    /// The secret the project's HS256 tokens are signed with.
    pub jwt_secret: SecretString,
    /// The project's API keys.
    pub keys: ApiKeys,
    /// Upper limit of the pool, in connections. At least one is always allowed.
    pub max_connections: usize,
    /// After this long without use every connection is closed; [`crate::IDLE_AFTER`] fits most.
    pub idle_after: Duration,
}

impl fmt::Debug for ContextSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextSettings")
            .field("project_ref", &self.project_ref)
            .field("api_url", &self.api_url)
            .field("database", &self.database)
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}
