//! The program's settings, from PostgREST's variables. Those that a database may change are [`crate::schema::SETTINGS`]; this
//! is the only place of the others' names and defaults.
//!
//! Source: PostgREST's documentation, "Configuration".

use std::{collections::HashMap, net::SocketAddr, num::NonZeroUsize, time::Duration};

use project_context::VerificationKeys;
use tokio_postgres::Config as DatabaseConfig;

use super::{
    connection_string,
    host::Host,
    unsupported,
    variables::{SettingsError, Variables},
};
use crate::{
    jwt_keys,
    schema::{Config, SETTINGS},
};

const APP_SETTINGS: &str = "PGRST_APP_SETTINGS_";
const SERVER_HOST: &str = "PGRST_SERVER_HOST";
const ADMIN_HOST: &str = "PGRST_ADMIN_SERVER_HOST";
const ADMIN_PORT: &str = "PGRST_ADMIN_SERVER_PORT";
const DB_URI: &str = "PGRST_DB_URI";
const JWT_SECRET: &str = "PGRST_JWT_SECRET";

const A_PORT: &str = "a port, 0 to 65535";
const SECONDS: &str = "a number of seconds";
const AT_LEAST_ONE: &str = "a number from 1";

/// Everything the program is told.
#[derive(Debug)]
pub struct Settings {
    /// `PGRST_SERVER_HOST`
    pub host: Host,
    /// `PGRST_SERVER_PORT`
    pub port: u16,
    /// `PGRST_ADMIN_SERVER_HOST`
    pub admin_host: Host,
    /// `PGRST_ADMIN_SERVER_PORT`: where `/live` and `/ready` are, if anywhere.
    pub admin_port: Option<u16>,
    /// `PGRST_DB_URI` and `PGRST_DB_POOL*`
    pub database: DatabaseSettings,
    /// `PGRST_JWT_*`
    pub jwt: JwtSettings,
    /// Where the service is, by the host and the port.
    pub base_url: String,
    /// `PGRST_DB_CONFIG`
    pub in_database_config: bool,
    /// `PGRST_APP_SETTINGS_*`, as `app.settings.*`
    pub app_settings: Vec<(String, String)>,
    /// `PGRST_LOG_LEVEL`, as a filter of the log. What is said at the start is always said.
    pub log: String,
    /// What to say about variables that have no effect.
    pub warnings: Vec<String>,
    pub(super) config: Config,
}

/// How the database is reached.
#[derive(Debug)]
pub struct DatabaseSettings {
    /// `PGRST_DB_URI`
    pub config: DatabaseConfig,
    /// `PGRST_DB_POOL`
    pub pool: usize,
    /// `PGRST_DB_POOL_ACQUISITION_TIMEOUT`
    pub wait: Duration,
    /// `PGRST_DB_POOL_MAX_IDLETIME`
    pub idle_after: Duration,
}

/// How tokens are checked.
#[derive(Debug)]
pub struct JwtSettings {
    /// `PGRST_JWT_SECRET`; without, tokens are refused.
    pub keys: Option<VerificationKeys>,
    /// `PGRST_JWT_AUD`
    pub audience: Option<String>,
}

impl Settings {
    /// Reads the settings from a map of variables, and from the files that they name.
    ///
    /// # Errors
    /// The first [`SettingsError`].
    pub fn parse(given: &HashMap<String, String>) -> Result<Self, SettingsError> {
        let variables = Variables::new(given);
        let host = variables.parsed(&[SERVER_HOST], "a host", |value| value.parse().ok())?.unwrap_or(Host::V4Only);
        let port = variables.number(&["PGRST_SERVER_PORT"], A_PORT)?.unwrap_or(3000);
        let base_url = format!("http://{}:{port}/", host.shown());
        let config = config(&variables)?;
        let mut settings = Self {
            admin_host: variables.parsed(&[ADMIN_HOST], "a host", |value| value.parse().ok())?.unwrap_or_else(|| host.clone()),
            admin_port: variables.number(&[ADMIN_PORT], A_PORT)?,
            database: database(&variables, given)?,
            jwt: jwt(&config)?,
            base_url,
            in_database_config: variables.truth(&["PGRST_DB_CONFIG"])?.unwrap_or(true),
            app_settings: app_settings(&variables),
            log: log(&variables)?,
            config,
            warnings: Vec::new(),
            host,
            port,
        };
        if settings.admin_port == Some(settings.port) && settings.port != 0 {
            let expected = "another port than PGRST_SERVER_PORT";
            return Err(SettingsError::Invalid { variable: ADMIN_PORT.to_owned(), value: port.to_string(), expected });
        }
        settings.warnings = unsupported::warnings(&variables, APP_SETTINGS);
        Ok(settings)
    }

    /// Where `/ready` is, for whoever wants to know only that.
    ///
    /// # Errors
    /// [`SettingsError`] when there is no such place.
    pub fn parse_admin(given: &HashMap<String, String>) -> Result<SocketAddr, SettingsError> {
        let variables = Variables::new(given);
        let missing = || SettingsError::Unusable { variable: ADMIN_PORT, problem: "it is not set; set it to a port".to_owned() };
        let port: u16 = variables.number(&[ADMIN_PORT], A_PORT)?.ok_or_else(missing)?;
        let host: Host =
            variables.parsed(&[ADMIN_HOST, SERVER_HOST], "a host", |value| value.parse().ok())?.unwrap_or(Host::V4Only);
        // A name is taken for this machine's.
        let address = format!("{}:{port}", host.shown());
        Ok(address.parse().unwrap_or_else(|_| SocketAddr::from(([127, 0, 0, 1], port))))
    }
}

fn database(variables: &Variables<'_>, given: &HashMap<String, String>) -> Result<DatabaseSettings, SettingsError> {
    let uri = variables.text_or_file(&[DB_URI])?.unwrap_or_else(|| "postgresql://".to_owned());
    let config =
        connection_string::parse(uri.trim(), given).map_err(|problem| SettingsError::Unusable { variable: DB_URI, problem })?;
    let seconds = |names: &[&'static str], default| -> Result<_, SettingsError> {
        Ok(Duration::from_secs(variables.number(names, SECONDS)?.unwrap_or(default)))
    };
    Ok(DatabaseSettings {
        config,
        pool: variables.number::<NonZeroUsize>(&["PGRST_DB_POOL"], AT_LEAST_ONE)?.map_or(10, NonZeroUsize::get),
        wait: seconds(&["PGRST_DB_POOL_ACQUISITION_TIMEOUT"], 10)?,
        idle_after: seconds(&["PGRST_DB_POOL_MAX_IDLETIME", "PGRST_DB_POOL_TIMEOUT"], 30)?,
    })
}

fn jwt(config: &Config) -> Result<JwtSettings, SettingsError> {
    let keys = jwt_keys::keys(config).map_err(|problem| SettingsError::Unusable { variable: JWT_SECRET, problem })?;
    Ok(JwtSettings { keys, audience: config.jwt_audience.clone() })
}

fn config(variables: &Variables<'_>) -> Result<Config, SettingsError> {
    let mut config = Config::of_postgrest();
    for setting in SETTINGS {
        if setting.from_file {
            // Never shown, not even in an error.
            if let Some(text) = variables.text_or_file(setting.variables)? {
                setting.apply(&mut config, &text);
            }
        } else {
            variables.parsed(setting.variables, setting.expected, |value| setting.apply(&mut config, value))?;
        }
    }
    Ok(config)
}

fn app_settings(variables: &Variables<'_>) -> Vec<(String, String)> {
    let named = |name: &str| name.strip_prefix(APP_SETTINGS).map(|name| format!("app.settings.{}", name.to_ascii_lowercase()));
    let all = variables.beginning_with(APP_SETTINGS).into_iter();
    all.filter_map(|(name, value)| Some((named(name)?, value.to_owned()))).collect()
}

/// PostgREST's levels in ours. Its `error` shows requests that failed by the server's fault, which is a warning here.
fn log(variables: &Variables<'_>) -> Result<String, SettingsError> {
    let level = variables.parsed(&["PGRST_LOG_LEVEL"], "crit, error, warn, info or debug", |value| match value {
        "crit" => Some("error"),
        "error" | "warn" => Some("warn"),
        "info" => Some("info"),
        "debug" => Some("debug"),
        _ => None,
    })?;
    Ok(format!("{},startup=info", level.unwrap_or("warn")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::parse(&variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn what_is_not_given_is_as_postgrest_has_it() {
        let settings = parse(&[]).unwrap();
        assert_eq!((&settings.host, settings.port, settings.admin_port), (&Host::V4Only, 3000, None));
        assert_eq!((settings.database.pool, settings.database.wait), (10, Duration::from_secs(10)));
        assert_eq!(settings.database.idle_after, Duration::from_secs(30));
        assert_eq!((settings.config.schemas.as_slice(), settings.config.max_rows), (["public".to_owned()].as_slice(), None));
        assert_eq!(settings.config.extra_search_path, ["public"]);
        assert!(!settings.config.safe_update && settings.config.anon_role.is_none() && settings.jwt.keys.is_none());
        assert_eq!(settings.base_url, "http://0.0.0.0:3000/");
        assert_eq!(settings.log, "warn,startup=info");
    }

    #[test]
    fn older_names_are_understood_and_lists_are_taken_apart() {
        let settings = parse(&[
            ("PGRST_DB_SCHEMA", "api, \"My Schema\""),
            ("PGRST_MAX_ROWS", "7"),
            ("PGRST_DB_POOL_TIMEOUT", "5"),
            ("PGRST_APP_SETTINGS_JWT_Secret", "x"),
            ("PGRST_SERVER_HOST", "*"),
            ("PGRST_SERVER_CORS_ALLOWED_ORIGINS", "http://a, http://b"),
        ])
        .unwrap();
        assert_eq!(settings.config.schemas, ["api", "My Schema"]);
        assert_eq!((settings.config.max_rows, settings.database.idle_after), (Some(7), Duration::from_secs(5)));
        assert_eq!(settings.app_settings, [("app.settings.jwt_secret".to_owned(), "x".to_owned())]);
        assert_eq!(settings.host, Host::Any);
        assert_eq!(settings.config.cors_allowed_origins.unwrap(), ["http://a", "http://b"]);
        assert_eq!(settings.warnings, Vec::<String>::new());
    }

    #[test]
    fn what_has_no_effect_is_named() {
        let settings = parse(&[
            ("PGRST_DB_TX_END", "rollback-allow-override"),
            ("PGRST_DB_PLAN_ENABLED", "false"),
            ("PGRST_NEW", "s3cret"),
            ("PGRST_DB_ROOT_SPEC", ""),
        ]);
        let expected = ["PGRST_DB_TX_END is not supported yet and has no effect", "PGRST_NEW is not known and has no effect"];
        assert_eq!(settings.unwrap().warnings, expected);
    }

    #[test]
    fn secrets_come_as_text_and_from_files() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "reallyreallyreallyreallyverysafe\n").unwrap();
        let named = format!("@{}", file.path().display());
        for secret in ["reallyreallyreallyreallyverysafe", &named] {
            assert!(parse(&[("PGRST_JWT_SECRET", secret)]).unwrap().jwt.keys.is_some());
        }
    }

    #[test]
    fn errors_name_the_variable_and_show_no_secret() {
        for (variable, value, message) in [
            ("PGRST_SERVER_PORT", "http", r#"PGRST_SERVER_PORT is "http"; set it to a port, 0 to 65535"#),
            ("PGRST_DB_POOL", "0", r#"PGRST_DB_POOL is "0"; set it to a number from 1"#),
            ("PGRST_DB_CONFIG", "maybe", r#"PGRST_DB_CONFIG is "maybe"; set it to true or false"#),
            (
                "PGRST_ADMIN_SERVER_PORT",
                "3000",
                r#"PGRST_ADMIN_SERVER_PORT is "3000"; set it to another port than PGRST_SERVER_PORT"#,
            ),
            ("PGRST_JWT_SECRET", "s3cret", "PGRST_JWT_SECRET can't be used: it has 6 bytes; use at least 32"),
            (
                "PGRST_JWT_SECRET",
                r#"{"kty":"s3cret","k":"0123456789012345678901234"}"#,
                "PGRST_JWT_SECRET can't be used: key 1 of the set is for no signature that is known here",
            ),
            ("PGRST_DB_URI", "@/nowhere/uri", "PGRST_DB_URI names the file /nowhere/uri, which can't be read"),
        ] {
            assert_eq!(parse(&[(variable, value)]).unwrap_err().to_string(), message);
        }
        let error = parse(&[("PGRST_JWT_ROLE_CLAIM_KEY", ".roles[?(@ == \"a\")]")]).unwrap_err().to_string();
        assert!(error.ends_with("filters are not supported yet"), "{error}");
    }
}
