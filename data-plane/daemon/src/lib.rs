//! What turns a router into a program: listening within limits, draining, signals, the log, and the question whether it is
//! ready. Shared by the data plane's programs, so that each `main` only reads its settings.
//!
//! It does not own settings, and reads no environment.

mod admin;
mod health;
mod log;
mod serve;
mod stop;
mod targets;

pub use admin::{READY_AT_MOST, router as admin_router};
pub use health::{ask, ask_unix, loopback};
pub use log::{Log, LogError, log_filter, start_logging};
pub use serve::{Answering, Limits, UnknownLength, serve, serve_admitted, serve_unix};
pub use stop::{ReloadSignal, ReloadSignals, stop_on_signals};
