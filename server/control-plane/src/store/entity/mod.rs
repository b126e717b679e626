//! Rows as they are stored. They never leave `store`.
#![expect(unreachable_pub, reason = "sea-orm's derive wants pub items")]

pub(crate) mod api_key;
pub(crate) mod audit_log;
pub(crate) mod auth_config;
pub(crate) mod event;
pub(crate) mod idempotency_key;
pub(crate) mod instance;
pub(crate) mod operation;
pub(crate) mod project;
pub(crate) mod secret;
pub(crate) mod signing_key;
pub(crate) mod third_party_auth;
