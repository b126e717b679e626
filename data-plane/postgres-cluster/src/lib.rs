//! One PostgreSQL cluster on this Linux machine: find the binaries, prepare a template, clone it, start, adopt, stop
//! and remove the clone; or take its files elsewhere.
//!
//! The crate knows nothing of projects or of the control plane; a caller names directories, ports and SQL. It owns
//! everything that touches a data directory or a postmaster, so that two callers can never clone over, start or remove
//! the same directory at once (a lock file beside each data directory). It does not own what the SQL says, passwords of
//! roles, or when a cluster should run.
//!
//! ```no_run
//! # async fn example() -> Result<(), postgres_cluster::Error> {
//! use postgres_cluster::{Binaries, Cluster, RunAs, Template};
//! let binaries = Binaries::discover(None)?;
//! let run_as = RunAs::resolve(Some("postgres"))?;
//! let template = Template::prepare(&binaries, &run_as, "/srv/templates".as_ref(), &[("roles.sql", "select 1")]).await?;
//! let cluster = Cluster::new(&binaries, &run_as, "/srv/a/data", "/srv/a/socket");
//! cluster.clone_from(&template).await?;
//! let running = cluster.start().await?;
//! # Ok(()) }
//! ```
//!
//! Files beside a data directory `D`: `D.log` (what the postmaster prints; see [`Cluster::trim_log`]), `D.lock`, and
//! for the time of a change `D.partial` (half-made clone) and `D.deleting` (half-removed cluster).

mod binaries;
mod child;
mod cluster;
mod cold;
mod container;
mod copy;
mod error;
mod files;
mod log;
mod postmaster;
mod proc;
mod run_as;
mod running;
mod secret;
mod settings;
mod sql;
mod template;
mod trust;

pub use binaries::Binaries;
pub use cluster::{Cluster, SUPERUSER};
pub use cold::NewData;
pub use container::container_files;
pub use error::Error;
pub use postmaster::Observed;
pub use proc::kill_all_below;
pub use run_as::RunAs;
pub use running::{Exit, Running, StopMode};
pub use secret::{free_loopback_port, random_password, scram_verifier};
pub use sql::run_files;
pub use template::Template;
