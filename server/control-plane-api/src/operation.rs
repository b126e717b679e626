//! What is being done to a project, and how far it has come.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A change to a project. At most one is open per project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(rename_all = "snake_case"))]
pub enum OperationKind {
    Create,
    Pause,
    Resume,
    Restart,
    /// Give a running project another size.
    Resize,
    /// Put a paused project into an archive.
    Export,
    /// Make a project of an archive.
    Import,
    /// Ours, not a user's: bring back a project that should be running and is not.
    Recover,
    Delete,
}

impl OperationKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Create,
        Self::Pause,
        Self::Resume,
        Self::Restart,
        Self::Resize,
        Self::Export,
        Self::Import,
        Self::Recover,
        Self::Delete,
    ];

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Restart => "restart",
            Self::Resize => "resize",
            Self::Export => "export",
            Self::Import => "import",
            Self::Recover => "recover",
            Self::Delete => "delete",
        }
    }

    /// The operation's steps, in order; the first one is where it begins.
    #[must_use]
    pub const fn steps(self) -> &'static [Step] {
        match self {
            Self::Create => &[Step::PrepareTemplate, Step::CloneData, Step::StartDatabase, Step::SetPasswords, Step::Publish],
            Self::Pause => &[Step::Withdraw, Step::StopDatabase],
            Self::Resume => &[Step::StartDatabase, Step::Publish],
            Self::Restart => &[Step::Withdraw, Step::StopDatabase, Step::StartDatabase, Step::Publish],
            Self::Resize => &[Step::ApplySize],
            Self::Export => &[Step::PackData],
            Self::Import => &[Step::PrepareTemplate, Step::UnpackData, Step::StartDatabase, Step::SetPasswords, Step::Publish],
            Self::Recover => &[Step::Withdraw, Step::StartDatabase, Step::Publish],
            Self::Delete => &[Step::Withdraw, Step::DestroyData, Step::Forget],
        }
    }
}

serialized_as_word!(OperationKind);

impl fmt::Display for OperationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for OperationKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| format!("unknown operation kind {text:?}"))
    }
}

/// One idempotent step of an operation; [`OperationKind::steps`] gives the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(rename_all = "snake_case"))]
pub enum Step {
    /// Have the prepared template that projects are cloned from.
    PrepareTemplate,
    /// Clone the template into the project's own data directory, durably.
    CloneData,
    /// Start the database and wait until it answers.
    StartDatabase,
    /// Give every login role the project's own password.
    SetPasswords,
    /// Open the project's address.
    Publish,
    /// Close the project's address.
    Withdraw,
    /// Stop the database.
    StopDatabase,
    /// Have the limits of the project's size in force.
    ApplySize,
    /// Write data and secrets into an archive, sealed and durable.
    PackData,
    /// Have the data of an archive in the project's own data directory, durably.
    UnpackData,
    /// Remove processes and data.
    DestroyData,
    /// Remove the project's rows, its secrets among them.
    Forget,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 12] = [
        Self::PrepareTemplate,
        Self::CloneData,
        Self::StartDatabase,
        Self::SetPasswords,
        Self::Publish,
        Self::Withdraw,
        Self::StopDatabase,
        Self::ApplySize,
        Self::PackData,
        Self::UnpackData,
        Self::DestroyData,
        Self::Forget,
    ];

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PrepareTemplate => "prepare_template",
            Self::CloneData => "clone_data",
            Self::StartDatabase => "start_database",
            Self::SetPasswords => "set_passwords",
            Self::Publish => "publish",
            Self::Withdraw => "withdraw",
            Self::StopDatabase => "stop_database",
            Self::ApplySize => "apply_size",
            Self::PackData => "pack_data",
            Self::UnpackData => "unpack_data",
            Self::DestroyData => "destroy_data",
            Self::Forget => "forget",
        }
    }

    /// The step in words a person reads, sentence case.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::PrepareTemplate => "Prepare template",
            Self::CloneData => "Clone data directory",
            Self::StartDatabase => "Start database",
            Self::SetPasswords => "Set passwords",
            Self::Publish => "Open address",
            Self::Withdraw => "Close address",
            Self::StopDatabase => "Stop database",
            Self::ApplySize => "Apply size",
            Self::PackData => "Pack data",
            Self::UnpackData => "Unpack data",
            Self::DestroyData => "Remove data",
            Self::Forget => "Remove records",
        }
    }
}

serialized_as_word!(Step);

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|step| step.as_str() == text).ok_or_else(|| format!("unknown step {text:?}"))
    }
}

/// The open operation of a project, as shown to a caller whose request conflicts with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OperationSummary {
    /// UUID, as text.
    pub id: String,
    pub kind: OperationKind,
    pub step: Step,
    /// How often the step has failed so far; 0 on the first try.
    pub attempt: i32,
    /// Why the last try failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_serialized_form() {
        for kind in OperationKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        for step in Step::ALL {
            assert_eq!(step.as_str().parse(), Ok(step));
            assert_eq!(serde_json::to_value(step).unwrap(), step.as_str());
        }
    }
}
