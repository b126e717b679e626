//! What the dashboard shows of a project beyond the Management API's document.

use serde::{Deserialize, Serialize};

use crate::{InstanceSize, OperationSummary, Project, Step};

/// One project with everything its card and its page need, without secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProjectOverview {
    pub project: Project,
    /// The open operation, if there is one.
    pub operation: Option<OperationSummary>,
    /// Present in state `failed`.
    pub failure: Option<Failure>,
    pub usage: Option<Usage>,
    /// Version of the PostgreSQL server, such as `15.18`, once known.
    pub postgres_version: Option<String>,
    /// Its size, where its driver holds it to one.
    pub size: Option<InstanceSize>,
    /// Where SQL clients connect, once known.
    pub connection: Option<Connection>,
}

/// Why a project is in state `failed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub step: Step,
    /// The cause, and what to do, for a person.
    pub cause: String,
}

/// Memory and disk of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Proportional set size of the project's processes, in bytes; 0 when stopped.
    pub memory_bytes: u64,
    /// Blocks allocated to the project's data directory, in bytes.
    pub disk_bytes: u64,
    /// Oldest first, at most [`MAX_HISTORY`](Self::MAX_HISTORY).
    pub history: Vec<UsageSample>,
}

impl Usage {
    /// Samples kept of a project.
    pub const MAX_HISTORY: usize = 60;

    /// The figures after one more sample; the oldest falls out.
    pub fn push(&mut self, sample: UsageSample) {
        (self.memory_bytes, self.disk_bytes) = (sample.memory_bytes, sample.disk_bytes);
        if self.history.len() >= Self::MAX_HISTORY {
            self.history.remove(0);
        }
        self.history.push(sample);
    }
}

impl From<UsageSample> for Usage {
    fn from(first: UsageSample) -> Self {
        Self { memory_bytes: first.memory_bytes, disk_bytes: first.disk_bytes, history: vec![first] }
    }
}

/// One point of the usage chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsageSample {
    /// Unix time in milliseconds.
    pub at_ms: i64,
    /// Proportional set size; 0 when stopped.
    pub memory_bytes: u64,
    pub disk_bytes: u64,
}

/// Where SQL clients connect. The password is not part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    pub host: String,
    pub port: u16,
    pub database: String,
    pub user: String,
}
