//! Drivers of the control plane's [`Provisioner`](control_plane::Provisioner) trait. A driver knows how to run one project
//! in its own way; what is to be done, and when, is the reconciler's.

mod local;

pub use local::{LocalProvisioner, LocalSettings};
