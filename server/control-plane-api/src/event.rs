//! What happened to a project, in order. `GET /v1/projects/{ref}/events` streams these.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{OperationKind, ProjectRef, ProjectState, Step, UsageSample};

/// Kind of an event; the SSE `event:` field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(rename_all = "snake_case"))]
pub enum EventKind {
    /// The project's state changed; `state` is the new one.
    StateChanged,
    /// A step began.
    StepStarted,
    /// A step ended well; `duration_ms` says how long it took.
    StepFinished,
    /// A try of a step failed and will be repeated; `message` says why.
    StepRetried,
    /// A step that takes long says what it is doing; `message` has the lines.
    StepProgress,
    /// A step gave up; `message` says why.
    StepFailed,
    /// The database ended without being told to.
    DatabaseExited,
    /// The project got another name.
    Renamed,
    /// The project got another size; `message` says which.
    Resized,
    /// The last event of a project; nothing of it is left.
    Deleted,
    /// Memory and disk were measured; `usage` says how much they are. Not kept: it has the id of the event before it.
    Measured,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::StateChanged,
        Self::StepStarted,
        Self::StepFinished,
        Self::StepRetried,
        Self::StepProgress,
        Self::StepFailed,
        Self::DatabaseExited,
        Self::Renamed,
        Self::Resized,
        Self::Deleted,
        Self::Measured,
    ];

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StateChanged => "state_changed",
            Self::StepStarted => "step_started",
            Self::StepFinished => "step_finished",
            Self::StepRetried => "step_retried",
            Self::StepProgress => "step_progress",
            Self::StepFailed => "step_failed",
            Self::DatabaseExited => "database_exited",
            Self::Renamed => "renamed",
            Self::Resized => "resized",
            Self::Deleted => "deleted",
            Self::Measured => "measured",
        }
    }
}

serialized_as_word!(EventKind);

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
    /// Of kind `measured` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<UsageSample>,
}

/// What `GET /v1/events` says of a project; the SSE `event:` field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum NoticeKind {
    /// Something of it is different, or it is new or gone.
    Changed,
    /// Its memory and disk were measured.
    Measured,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Changed, Self::Measured];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Measured => "measured",
        }
    }
}

/// That a project should be looked at again. Notices carry no content and may be left out where another one follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Notice {
    pub kind: NoticeKind,
    /// Missing if it may be any of them.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub project_ref: Option<ProjectRef>,
}
