//! What the page about a project's signing keys is made from, and how it travels.

use control_plane_api::SigningKey;
use serde::{Deserialize, Serialize};

/// All keys of a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeyRing {
    /// Oldest first.
    pub(crate) keys: Vec<SigningKey>,
    /// The one that is the JWT secret.
    pub(crate) legacy_id: String,
    /// The API keys `anon` and `service_role` are in force.
    pub(crate) legacy_api_keys: bool,
    /// Where others find what verifies the project's tokens.
    pub(crate) jwks_url: String,
    /// What was just done.
    pub(crate) done: Option<String>,
}
