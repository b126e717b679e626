//! The keys that a project's tokens are signed with: how they are made or taken in, what may become of them, and what of them a
//! project's services and its gateway go by; and others whose tokens a project takes.
//!
//! The project's JWT secret is one of them. It is kept among the project's secrets, and is always there.

mod in_force;
mod make;
mod rules;
mod third_party;

use control_plane_api::{SigningAlgorithm, SigningKeyStatus};
use secrecy::SecretString;
use serde_json::{Map, Value};
use uuid::Uuid;

pub use in_force::{KeysInForce, RoleTokens};
pub(crate) use make::MadeKey;
pub(crate) use rules::{MAX_KEYS, Standing, check_move, check_removal, is_whole};
pub(crate) use third_party::{MAX_THIRD_PARTIES, Source, ThirdParty};

/// A key with its private half, as it is kept and as it goes into archives.
#[derive(Debug, Clone)]
pub(crate) struct KeptKey {
    pub(crate) id: Uuid,
    pub(crate) algorithm: SigningAlgorithm,
    pub(crate) status: SigningKeyStatus,
    /// JSON Web Keys; nothing of the JWT secret, which is among the project's secrets.
    pub(crate) jwk: Option<Jwk>,
    /// Unix milliseconds.
    pub(crate) created_at: i64,
}

/// Both halves of a key.
#[derive(Debug, Clone)]
pub(crate) struct Jwk {
    /// Nothing of a shared secret.
    pub(crate) public: Option<Map<String, Value>>,
    /// The whole key as JSON text.
    pub(crate) private: SecretString,
}

/// All of a project's keys, and those of others whose tokens it takes.
#[derive(Debug, Clone)]
pub(crate) struct Signing {
    pub(crate) keys: Vec<KeptKey>,
    /// The keys `anon` and `service_role`, which the JWT secret has signed, are API keys.
    pub(crate) legacy_api_keys: bool,
    pub(crate) third_parties: Vec<ThirdParty>,
}

impl Signing {
    /// What a project has that is made now: its JWT secret, in use, as clients and their tests expect it.
    pub(crate) fn of_new_project(created_at: i64) -> Self {
        let legacy = KeptKey {
            id: Uuid::new_v4(),
            algorithm: SigningAlgorithm::Hs256,
            status: SigningKeyStatus::InUse,
            jwk: None,
            created_at,
        };
        Self { keys: vec![legacy], legacy_api_keys: true, third_parties: Vec::new() }
    }
}
