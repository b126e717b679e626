//! Projects as the Management API writes them.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{ProjectRef, ProjectState, ProjectStatus};

/// Longest name of a project, in characters.
pub const MAX_NAME_CHARS: usize = 256;
/// Shortest database password accepted, in characters. Upstream names no minimum; the dashboard proposes a long one.
pub const MIN_PASSWORD_CHARS: usize = 1;
/// Longest database password accepted, in characters.
pub const MAX_PASSWORD_CHARS: usize = 256;

/// Body of `POST /v1/projects`. Every field may be missing; what is missing is made up.
///
/// Unknown fields are refused, as the Management API does, so that a misspelt option is never silently dropped.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateProject {
    /// At most 256 characters. Missing: a readable one is made up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Password of the database role `postgres`. Missing: one is generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub db_pass: Option<String>,
    /// `default`, or missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_slug: Option<String>,
    /// Kept and echoed unchanged; every project lives on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// As `region`, in its newer form; not both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub region_selection: Option<serde_json::Value>,
    /// Kept for sizes to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_instance_size: Option<String>,
    /// Not supported; a value is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_url: Option<String>,
    /// Not supported; `true` is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_availability: Option<bool>,
    /// Must be the major version that this machine has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres_engine: Option<String>,
    /// Accepted and ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_channel: Option<String>,
    /// Accepted and ignored, as upstream does; `organization_slug` decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// Accepted and ignored, as upstream does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Accepted and ignored, as upstream does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kps_enabled: Option<bool>,
}

/// Body of `PATCH /v1/projects/{ref}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpdateProject {
    /// The new name, 1 to 256 characters.
    pub name: String,
}

/// A project. `id`, `ref` and `project_id` are the same; clients read one or the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Project {
    pub id: ProjectRef,
    #[serde(rename = "ref")]
    pub project_ref: ProjectRef,
    /// Ours: the same as `ref`.
    pub project_id: ProjectRef,
    /// The organization's slug.
    pub organization_id: String,
    pub organization_slug: String,
    pub name: String,
    pub region: String,
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: OffsetDateTime,
    pub status: ProjectStatus,
    /// Ours: the stored state.
    pub state: ProjectState,
    /// Ours: where the project's services live, without a trailing slash.
    pub api_url: String,
    /// Absent in the answer to a create, as upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,
}

/// Database facts of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Database {
    /// `db.<ref>.api.<domain>`.
    pub host: String,
    /// A version the CLI can use as an image tag; see management.md, fact 8.
    pub version: String,
    /// Major version.
    pub postgres_engine: String,
    pub release_channel: String,
}

/// Answer to `PATCH /v1/projects/{ref}`. `id` is an integer here, unlike elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RenamedProject {
    pub id: i64,
    #[serde(rename = "ref")]
    pub project_ref: ProjectRef,
    pub name: String,
}

/// Answer to `DELETE /v1/projects/{ref}`. `id` is an integer here, unlike elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeletedProject {
    pub id: i64,
    #[serde(rename = "ref")]
    pub project_ref: ProjectRef,
    pub name: String,
}
