//! The log of a program: lines on stderr.

use std::{
    fmt,
    io::{IsTerminal as _, stderr},
};

use tracing_subscriber::EnvFilter;

/// What tells the parameters of statements below a warning, and with them tokens and hashes. The second one is a part of the first,
/// which a filter could name by itself.
const SILENT: [&str; 2] = ["tokio_postgres=warn", "tokio_postgres::query=warn"];

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
        if !(self.0)(log_filter(filter)?) {
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
        .with_env_filter(log_filter(filter)?)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .with_filter_reloading();
    let handle = log.reload_handle();
    log.try_init().map_err(|_| LogError::Twice)?;
    Ok(Log(Box::new(move |filter| handle.reload(filter).is_ok())))
}

/// A filter for a log: as asked, and without what has secrets in it. For programs that write their log themselves.
///
/// # Errors
/// [`LogError::Filter`]
pub fn log_filter(filter: &str) -> Result<EnvFilter, LogError> {
    let parsed = EnvFilter::try_new(filter).map_err(|source| LogError::Filter { filter: filter.to_owned(), source })?;
    Ok(SILENT.iter().fold(parsed, |filter, silent| filter.add_directive(silent.parse().expect("a directive"))))
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("not poisoned").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn parameters_of_statements_are_logged_at_no_level() {
        for filter in ["debug", "trace", "tokio_postgres=trace", "info,tokio_postgres::query=debug", "trace,tokio_postgres=debug"]
        {
            let written = Written::default();
            let writer = written.clone();
            let subscriber = tracing_subscriber::fmt()
                .with_env_filter(log_filter(filter).expect("a filter"))
                .with_writer(move || writer.clone())
                .finish();
            tracing::subscriber::with_default(subscriber, || {
                tracing::debug!(target: "tokio_postgres::query", "executing statement s1 with parameters: [\"hush\"]");
                tracing::trace!(target: "tokio_postgres::connection", "hush");
                tracing::error!(target: "tokio_postgres::connection", "the server has gone");
            });
            let written = String::from_utf8(written.0.lock().expect("not poisoned").clone()).expect("text");
            assert!(written.contains("the server has gone") && !written.contains("hush"), "{filter}: {written}");
        }
    }
}
