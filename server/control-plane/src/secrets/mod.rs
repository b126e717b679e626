//! The secrets of projects: how they are made, sealed at rest and opened again. Nothing here has a `Serialize`, and every
//! `Debug` is redacted.

mod generate;
mod master_key;
mod seal;

pub(crate) use generate::{Field, made_up_name, made_up_ref, role_token};
pub use generate::{ProjectSecrets, new_hook_secret};
pub use master_key::MasterKey;
pub(crate) use seal::Vault;
