//! Health of a project's services, as `GET /v1/projects/{ref}/health` answers it.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A service of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ServiceName {
    Auth,
    Db,
    DbPostgresUser,
    Pooler,
    Realtime,
    Rest,
    Storage,
    PgBouncer,
}

impl ServiceName {
    /// Every name the Management API knows, in its order.
    pub const ALL: [Self; 8] =
        [Self::Auth, Self::Db, Self::DbPostgresUser, Self::Pooler, Self::Realtime, Self::Rest, Self::Storage, Self::PgBouncer];

    /// False for what this version has not yet.
    #[must_use]
    pub const fn is_built(self) -> bool {
        match self {
            Self::Db | Self::DbPostgresUser | Self::Rest => true,
            Self::Auth | Self::Pooler | Self::Realtime | Self::Storage | Self::PgBouncer => false,
        }
    }

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Db => "db",
            Self::DbPostgresUser => "db_postgres_user",
            Self::Pooler => "pooler",
            Self::Realtime => "realtime",
            Self::Rest => "rest",
            Self::Storage => "storage",
            Self::PgBouncer => "pg_bouncer",
        }
    }
}

impl FromStr for ServiceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|name| name.as_str() == text).ok_or_else(|| format!("unknown service {text:?}"))
    }
}

/// Status of a service, as the Management API spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ServiceStatus {
    ComingUp,
    ActiveHealthy,
    Unhealthy,
}

/// Health of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServiceHealth {
    pub name: ServiceName,
    pub healthy: bool,
    pub status: ServiceStatus,
    /// Why it is not healthy, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
