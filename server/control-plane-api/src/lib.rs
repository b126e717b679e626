//! The control plane's wire contract: what the JSON API, the dashboard and the gateway say to each other about
//! projects. Types only: no IO, no clock, no randomness, so that the same code runs in the browser.
//!
//! Field names and values are the Supabase Management API's, because its clients (the CLI, the MCP server, the
//! Terraform provider) decode these documents. What is ours alone is additional fields, which those clients ignore.

#[macro_use]
mod word;

mod api_key;
mod archive;
mod error;
mod event;
mod health;
mod instance_size;
mod operation;
mod organization;
mod overview;
mod project;
mod project_ref;
mod signing_key;
mod state;
mod third_party_auth;

pub use api_key::{ApiKey, ApiKeyType, SecretJwtTemplate};
pub use archive::{ArchiveState, ImportProject, ProjectArchive};
pub use error::{ErrorBody, ErrorCode};
pub use event::{EventKind, Notice, NoticeKind, ProjectEvent};
pub use health::{ServiceHealth, ServiceName, ServiceStatus};
pub use instance_size::InstanceSize;
pub use operation::{OperationKind, OperationSummary, Step};
pub use organization::Organization;
pub use overview::{Connection, Failure, ProjectOverview, Usage, UsageSample};
pub use project::{
    CreateProject, Database, DeletedProject, MAX_NAME_CHARS, MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS, Project, RenamedProject,
    UpdateProject,
};
pub use project_ref::{InvalidProjectRef, ProjectRef};
pub use signing_key::{
    CreateSigningKey, LegacyApiKeys, SigningAlgorithm, SigningKey, SigningKeyStatus, SigningKeys, UpdateSigningKey,
};
pub use state::{ProjectState, ProjectStatus};
pub use third_party_auth::{CreateThirdPartyAuth, ThirdPartyAuth};

/// The only organization until accounts exist. Its id is its slug, as the Terraform provider expects.
pub const DEFAULT_ORGANIZATION: &str = "default";

/// The region reported where the caller named none: this machine.
pub const DEFAULT_REGION: &str = "local";
