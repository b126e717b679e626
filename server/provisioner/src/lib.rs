//! Drivers of the control plane's [`Provisioner`](control_plane::Provisioner) trait. A driver knows how to run one project
//! in its own way; what is to be done, and when, is the reconciler's.

mod archive;
mod docker;
mod drivers;
mod error;
mod local;
mod passwords;

pub use docker::{DockerProvisioner, DockerSettings, EngineAddress, ImageSettings, Reach, StackError, answers};
pub use drivers::{DOCKER, Drivers, LOCAL};
pub use local::{LocalProvisioner, LocalSettings};
pub use project_template::LOGIN_ROLES;
