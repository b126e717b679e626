//! The log of a program: lines on stderr.

use std::{
    fmt,
    io::{IsTerminal as _, stderr},
};

use tracing_subscriber::EnvFilter;

const SILENT: &str = "tokio_postgres=warn";

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

/// The log of the process, to change what it shows.
pub struct Log(Box<dyn Fn(EnvFilter) -> bool + Send + Sync>);

impl Log {
    /// Takes another filter in the place of the one before.
    ///
    /// # Errors
    /// [`LogError::Filter`]
    pub fn refilter(&self, filter: &str) -> Result<(), LogError> {
        if !(self.0)(parsed(filter)?) {
            tracing::debug!("the log has ended");
        }
        Ok(())
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Log").finish()
    }
}

/// Starts the log of the process. `filter` is a level, or levels by module: `rest=debug,info`. What the client of the database
/// would say below a warning is left out in any case: it has the parameters of statements, and with them tokens.
///
/// # Errors
/// [`LogError`]
pub fn start_logging(filter: &str) -> Result<Log, LogError> {
    let log = tracing_subscriber::fmt()
        .with_env_filter(parsed(filter)?)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .with_filter_reloading();
    let handle = log.reload_handle();
    log.try_init().map_err(|_| LogError::Twice)?;
    Ok(Log(Box::new(move |filter| handle.reload(filter).is_ok())))
}

fn parsed(filter: &str) -> Result<EnvFilter, LogError> {
    let parsed = EnvFilter::try_new(filter).map_err(|source| LogError::Filter { filter: filter.to_owned(), source })?;
    Ok(parsed.add_directive(SILENT.parse().expect("a directive")))
}
