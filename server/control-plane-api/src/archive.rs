//! A project in an archive, on its way from one driver or machine to another.

use serde::{Deserialize, Serialize};

/// How far the archive of a project is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ArchiveState {
    /// It is being made.
    Packing,
    /// It can be downloaded.
    Ready,
    /// It could not be made; nothing of the project has changed.
    Failed,
}

/// The archive of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProjectArchive {
    pub state: ArchiveState,
    /// Its size so far, as it is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// For a person: how far it is, or why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// How a project is made of an archive; what is missing is as for new projects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema, utoipa::IntoParams))]
pub struct ImportProject {
    /// What runs it: `local` or `docker`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Which of the driver's stacks it is made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// `nano`, `micro`, ...; missing: the size that it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
}
