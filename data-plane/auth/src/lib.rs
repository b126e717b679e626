//! A project's Auth service: GoTrue's wire contract over the schema `auth` of the project's database.

mod api;
pub mod caller;
pub mod context;
pub mod error;
mod flow;
pub mod limits;
pub mod message;
pub mod mfa;
pub mod model;
pub mod outgoing;
pub mod passkey;
pub mod password;
pub mod program;
pub mod provider;
pub mod store;
pub mod token;
pub mod web3;

use std::sync::Arc;

pub use auth_settings as settings;
pub use context::{AuthContext, ContextError, Shared};

/// Every path of the service, as GoTrue has them: without a prefix.
pub fn router(context: Arc<AuthContext>) -> axum::Router {
    api::router(context)
}
