//! The log of a program: lines on stderr.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::EnvFilter;

/// Why the log could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is not one.
    #[error("the log filter {filter:?} is not understood; info, or rest=debug,info, would be")]
    Filter {
        /// What was given.
        filter: String,
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// There is a log already.
    #[error("the log was started twice")]
    Twice,
}

/// Starts the log of the process. `filter` is a level, or levels by module: `rest=debug,info`.
///
/// # Errors
/// [`LogError`]
pub fn start_logging(filter: &str) -> Result<(), LogError> {
    let parsed = EnvFilter::try_new(filter).map_err(|source| LogError::Filter { filter: filter.to_owned(), source })?;
    tracing_subscriber::fmt()
        .with_env_filter(parsed)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .try_init()
        .map_err(|_| LogError::Twice)
}
