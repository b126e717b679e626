//! How the database is reached: a connection string of either form, completed as libpq does it.

use std::collections::HashMap;

use tokio_postgres::{Config, config::SslMode};

/// Where Debian's packages and PostgreSQL's image keep the socket.
const SOCKET_DIR: &str = "/var/run/postgresql";

/// Reads a connection string. What it does not say is taken from libpq's variables (`PGHOST`, `PGPORT`, `PGUSER`,
/// `PGPASSWORD`, `PGDATABASE`, `PGSSLMODE`).
///
/// The error says what is wrong with it, and shows nothing of it: it has a password.
pub(super) fn parse(text: &str, variables: &HashMap<String, String>) -> Result<Config, String> {
    let mut config: Config = text.parse().map_err(|_| NOT_UNDERSTOOD.to_owned())?;
    let variable = |name: &str| variables.get(name).map(String::as_str).filter(|value| !value.is_empty());
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        config.host(variable("PGHOST").unwrap_or(SOCKET_DIR));
    }
    if config.get_ports().is_empty()
        && let Some(port) = variable("PGPORT")
    {
        config.port(port.parse().map_err(|_| format!("PGPORT is {port:?}, which is no port"))?);
    }
    if config.get_user().is_none()
        && let Some(user) = variable("PGUSER")
    {
        config.user(user);
    }
    if config.get_password().is_none()
        && let Some(password) = variable("PGPASSWORD")
    {
        config.password(password);
    }
    if config.get_dbname().is_none()
        && let Some(name) = variable("PGDATABASE")
    {
        config.dbname(name);
    }
    let asks_by_variable =
        !text.contains("sslmode") && matches!(variable("PGSSLMODE"), Some("require" | "verify-ca" | "verify-full"));
    if config.get_ssl_mode() == SslMode::Require || asks_by_variable {
        return Err(
            "it asks for TLS (sslmode=require), which is not supported yet; use a private network and sslmode=disable".to_owned()
        );
    }
    if config.get_application_name().is_none() {
        config.application_name("supacloud rest");
    }
    Ok(config)
}

const NOT_UNDERSTOOD: &str = "it is neither a URI, such as postgres://user:password@host:5432/database with special characters \
    percent-encoded, nor of the form host=... user=... password=... dbname=...; of parameters it may have options, \
    application_name, sslmode (disable or prefer), connect_timeout, tcp_user_timeout, keepalives, keepalives_idle, \
    keepalives_interval, keepalives_retries, target_session_attrs, channel_binding and load_balance_hosts";

#[cfg(test)]
mod tests {
    use tokio_postgres::config::Host;

    use super::*;

    fn parsed(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
        parse(text, &variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn both_forms_say_the_same() {
        for text in [
            "postgres://authenticator:p%40ss@db:5433/app",
            "postgresql://authenticator:p%40ss@db:5433/app",
            "host=db port=5433 user=authenticator password='p@ss' dbname=app",
        ] {
            let config = parsed(text, &[("PGHOST", "other"), ("PGUSER", "other")]).unwrap();
            assert_eq!(config.get_hosts(), [Host::Tcp("db".to_owned())]);
            assert_eq!(config.get_ports(), [5433]);
            assert_eq!((config.get_user(), config.get_dbname()), (Some("authenticator"), Some("app")));
            assert_eq!(config.get_password(), Some(b"p@ss".as_slice()));
        }
    }

    #[test]
    fn the_rest_comes_from_libpqs_variables() {
        let config =
            parsed("postgresql://", &[("PGHOST", "db"), ("PGPORT", "5433"), ("PGUSER", "u"), ("PGPASSWORD", "p")]).unwrap();
        assert_eq!((config.get_hosts(), config.get_ports()), ([Host::Tcp("db".to_owned())].as_slice(), [5433].as_slice()));
        assert_eq!((config.get_user(), config.get_password()), (Some("u"), Some(b"p".as_slice())));
        let config = parsed("postgres://user@/app", &[]).unwrap();
        assert_eq!(config.get_hosts(), [Host::Unix(SOCKET_DIR.into())]);
    }

    #[test]
    fn refusals_show_nothing_of_it() {
        for (text, part) in [
            ("mysql://u:secret@h/d", "neither a URI"),
            ("postgres://u:secret@h/d?sslrootcert=x", "of parameters it may have options"),
            ("postgres://u:secret@h/d?sslmode=require", "TLS"),
            ("postgres://u:secret@h/d?sslmode=verify-full", "sslmode (disable or prefer)"),
        ] {
            let error = parsed(text, &[]).unwrap_err();
            assert!(error.contains(part) && !error.contains("sec"), "{error}");
        }
    }
}
