//! The state of a project: the word we store, and the Management API's word for it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::OperationKind;

/// Stored state of a project, a plain word. Only the reconciler and `ProjectService` set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(rename_all = "snake_case"))]
pub enum ProjectState {
    /// Being made.
    Provisioning,
    /// Live at its address.
    Running,
    /// On its way to `Paused`.
    Pausing,
    /// Stopped by its owner; data kept.
    Paused,
    /// On its way from `Paused` to `Running`.
    Resuming,
    /// Being stopped and started.
    Restarting,
    /// Being removed, data and secrets included.
    Deleting,
    /// An operation gave up; the failure says at which step and why. Retry is possible.
    Failed,
}

impl ProjectState {
    /// Every state, in the order of a project's life.
    pub const ALL: [Self; 8] = [
        Self::Provisioning,
        Self::Running,
        Self::Pausing,
        Self::Paused,
        Self::Resuming,
        Self::Restarting,
        Self::Deleting,
        Self::Failed,
    ];

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::Running => "running",
            Self::Pausing => "pausing",
            Self::Paused => "paused",
            Self::Resuming => "resuming",
            Self::Restarting => "restarting",
            Self::Deleting => "deleting",
            Self::Failed => "failed",
        }
    }

    /// True while an operation is expected to change the state without anybody asking again.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        match self {
            Self::Provisioning | Self::Pausing | Self::Resuming | Self::Restarting | Self::Deleting => true,
            Self::Running | Self::Paused | Self::Failed => false,
        }
    }
}

serialized_as_word!(ProjectState);

impl fmt::Display for ProjectState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ProjectState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| format!("unknown project state {text:?}"))
    }
}

/// The Management API's status of a project. Clients accept unknown values; these are the ones we send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ProjectStatus {
    ComingUp,
    ActiveHealthy,
    ActiveUnhealthy,
    Pausing,
    Inactive,
    Restoring,
    Restarting,
    GoingDown,
    InitFailed,
    PauseFailed,
    RestoreFailed,
}

impl ProjectStatus {
    /// The status for a stored state. `failed_operation` is what was running when the project became `Failed`.
    #[must_use]
    pub const fn new(state: ProjectState, failed_operation: Option<OperationKind>, healthy: bool) -> Self {
        match state {
            ProjectState::Provisioning => Self::ComingUp,
            ProjectState::Running if healthy => Self::ActiveHealthy,
            ProjectState::Running => Self::ActiveUnhealthy,
            ProjectState::Pausing => Self::Pausing,
            ProjectState::Paused => Self::Inactive,
            ProjectState::Resuming => Self::Restoring,
            ProjectState::Restarting => Self::Restarting,
            ProjectState::Deleting => Self::GoingDown,
            ProjectState::Failed => match failed_operation {
                Some(OperationKind::Pause | OperationKind::Export) => Self::PauseFailed,
                Some(OperationKind::Resume) => Self::RestoreFailed,
                Some(OperationKind::Restart | OperationKind::Resize | OperationKind::Recover) => Self::ActiveUnhealthy,
                Some(OperationKind::Delete) => Self::GoingDown,
                Some(OperationKind::Create | OperationKind::Import) | None => Self::InitFailed,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_survives_its_stored_word() {
        for state in ProjectState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }

    #[test]
    fn statuses_are_spelled_as_the_management_api_does() {
        let status = |state| serde_json::to_value(ProjectStatus::new(state, None, true)).unwrap();
        assert_eq!(status(ProjectState::Provisioning), "COMING_UP");
        assert_eq!(status(ProjectState::Running), "ACTIVE_HEALTHY");
        assert_eq!(status(ProjectState::Paused), "INACTIVE");
        assert_eq!(status(ProjectState::Deleting), "GOING_DOWN");
        assert_eq!(status(ProjectState::Failed), "INIT_FAILED");
    }
}
