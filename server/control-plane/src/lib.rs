//! The domain: projects and their lifecycle, the secrets they have, the database that remembers them, and the
//! reconciler that makes the world agree with it.
//!
//! Requests come in through [`ProjectService`], which writes rows and wakes the [`Reconciler`]; only the reconciler calls
//! a [`Provisioner`]. HTTP, HTML and process handling are deliberately elsewhere.

mod archive;
mod caller;
mod error;
mod feed;
mod in_force;
mod installation;
pub mod lifecycle;
mod progress;
mod provisioner;
mod reconciler;
mod routes;
mod secrets;
mod service;
mod signing;
mod store;
mod usage;

pub use archive::{
    ArchiveError, DATA, DataReader, DataWriter, Entry, EntryKind, MIN_PASSPHRASE_CHARS, Manifest, VOLUMES, inspect,
};
pub use caller::Caller;
pub use error::{Error, StartError};
pub use installation::Installation;
pub use provisioner::{
    DataState, DatabaseEndpoint, DatabaseState, Observation, Placement, Progress, ProvisionError, Provisioner, RemoteServices,
    RolePasswords, ServiceTarget, Services, Started, UnexpectedExit,
};
pub use reconciler::{Reconciler, ReconcilerSettings};
pub use routes::{InForce, LiveProject, NotTold, Routes, ServiceAnswer, ServiceCall};
pub use secrets::{MasterKey, ProjectSecrets, new_hook_secret};
pub use service::{ProjectService, ServiceSettings};
pub use signing::{KeysInForce, RoleTokens};
pub use store::{Node, Store};
