//! What happened to a project, in order. `GET /v1/projects/{ref}/events` streams these.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{OperationKind, ProjectState, Step};

/// Kind of an event; the SSE `event:` field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum EventKind {
    /// The project's state changed; `state` is the new one.
    StateChanged,
    /// A step began.
    StepStarted,
    /// A step ended well; `duration_ms` says how long it took.
    StepFinished,
    /// A try of a step failed and will be repeated; `message` says why.
    StepRetried,
    /// A step gave up; `message` says why.
    StepFailed,
    /// The database ended without being told to.
    DatabaseExited,
    /// The project got another name.
    Renamed,
    /// The last event of a project; nothing of it is left.
    Deleted,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::StateChanged,
        Self::StepStarted,
        Self::StepFinished,
        Self::StepRetried,
        Self::StepFailed,
        Self::DatabaseExited,
        Self::Renamed,
        Self::Deleted,
    ];

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StateChanged => "state_changed",
            Self::StepStarted => "step_started",
            Self::StepFinished => "step_finished",
            Self::StepRetried => "step_retried",
            Self::StepFailed => "step_failed",
            Self::DatabaseExited => "database_exited",
            Self::Renamed => "renamed",
            Self::Deleted => "deleted",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EventKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| format!("unknown event kind {text:?}"))
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProjectEvent {
    /// Grows with time within a project; the SSE `id:` and `Last-Event-ID`.
    pub id: i64,
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: OffsetDateTime,
    pub kind: EventKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ProjectState>,
    /// For a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
}
