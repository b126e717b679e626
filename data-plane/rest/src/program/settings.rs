//! The program's settings, from PostgREST's variables. Those that a database may change are [`crate::schema::SETTINGS`]; this
//! is the only place of the others' names and defaults.
//!
//! Source: PostgREST's documentation, "Configuration".

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use project_context::{Database, VerificationKeys, Verifier};

use super::{
    access_log::Level,
    host::{Host, Place},
    unsupported,
    variables::{SettingsError, Sources, Variables},
};
use crate::{
    jwt_keys,
    options::Options,
    schema::{Config, InDatabase, SETTINGS, Setting},
};

pub(super) const APP_SETTINGS: &str = "PGRST_APP_SETTINGS_";
const SERVER_HOST: &str = "PGRST_SERVER_HOST";
const SERVER_PORT: &str = "PGRST_SERVER_PORT";
const ADMIN_HOST: &str = "PGRST_ADMIN_SERVER_HOST";
const ADMIN_PORT: &str = "PGRST_ADMIN_SERVER_PORT";
const DB_URI: &str = "PGRST_DB_URI";
const JWT_SECRET: &str = "PGRST_JWT_SECRET";

/// As what the program is known to the database, by PostgREST's name and version as `pg_stat_activity` shows them.
const APPLICATION: &str = "PostgREST 16.2";

/// Permission bits of a socket, unless they are given.
const SOCKET_MODE: u32 = 0o660;

const A_PORT: &str = "a port, 0 to 65535";
const SECONDS: &str = "a number of seconds";
const AT_LEAST_ONE: &str = "a number from 1";

/// Everything the program is told.
#[derive(Debug)]
pub struct Settings {
    /// `PGRST_SERVER_HOST` and `PGRST_SERVER_PORT`, or `PGRST_SERVER_UNIX_SOCKET`
    pub place: Place,
    /// The same of `PGRST_ADMIN_SERVER_*`: where `/live` and `/ready` are, if anywhere.
    pub admin: Option<Place>,
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
    /// Which requests the log shows.
    pub(super) level: Level,
    pub(super) config: Config,
}

/// How the database is reached.
#[derive(Debug)]
pub struct DatabaseSettings {
    /// `PGRST_DB_URI`
    pub reached: Database,
    /// `PGRST_DB_POOL`
    pub pool: usize,
    /// `PGRST_DB_POOL_ACQUISITION_TIMEOUT`
    pub wait: Duration,
    /// `PGRST_DB_POOL_MAX_IDLETIME`
    pub idle_after: Duration,
    /// `PGRST_DB_POOL_MAX_LIFETIME`
    pub max_lifetime: Duration,
    /// `PGRST_DB_POOL_AUTOMATIC_RECOVERY`: without, the program ends when the database can't be reached.
    pub recovers: bool,
}

/// How tokens are checked.
#[derive(Debug)]
pub struct JwtSettings {
    /// `PGRST_JWT_SECRET`; without, tokens are refused.
    pub keys: Option<VerificationKeys>,
    /// `PGRST_JWT_AUD`
    pub audience: Option<String>,
    /// `PGRST_JWT_CACHE_MAX_ENTRIES`
    pub cache_max_entries: usize,
}

impl Settings {
    /// Reads the settings from their sources, and from the files that they name.
    ///
    /// # Errors
    /// The first [`SettingsError`].
    pub fn parse(sources: &Sources) -> Result<Self, SettingsError> {
        let variables = Variables::new(sources);
        let host = host(&variables, &[SERVER_HOST])?;
        let port = variables.number(&[SERVER_PORT], A_PORT)?.unwrap_or(3000);
        let base_url = format!("http://{}:{port}/", host.shown());
        let config = config(&variables)?;
        let level = level(&variables)?;
        let share = variables.truth(&["PGRST_SERVER_REUSEPORT"])?.unwrap_or(false);
        let socket = socket(&variables, "PGRST_SERVER_UNIX_SOCKET", "PGRST_SERVER_UNIX_SOCKET_MODE")?;
        let mut settings = Self {
            place: socket.unwrap_or(Place::Address { host, port, share }),
            admin: admin(&variables)?,
            database: database(&variables, sources)?,
            jwt: jwt(&config, sources)?,
            base_url,
            in_database_config: variables.truth(&["PGRST_DB_CONFIG"])?.unwrap_or(true),
            app_settings: app_settings(&variables),
            // What is said at the start is always said, and statements if they are asked for.
            log: format!("{},startup=info,query=info", level.filter()),
            level,
            config,
            warnings: Vec::new(),
        };
        if let (Place::Address { port, .. }, Some(Place::Address { port: admin, .. })) = (&settings.place, &settings.admin)
            && port == admin
            && *port != 0
        {
            let expected = "another port than PGRST_SERVER_PORT";
            return Err(SettingsError::Invalid { variable: ADMIN_PORT.to_owned(), value: port.to_string(), expected });
        }
        settings.warnings = unsupported::warnings(&variables, APP_SETTINGS);
        settings.warnings.extend(deprecations(&variables, &settings.config));
        Ok(settings)
    }

    /// What the service is told.
    pub(super) fn options(&self) -> Options {
        Options {
            project_ref: None,
            base_url: self.base_url.clone(),
            config: Arc::new(self.config.clone()),
            in_database_config: if self.in_database_config { InDatabase::All } else { InDatabase::Nothing },
            app_settings: self.app_settings.clone(),
        }
    }

    /// What checks tokens; without a secret, nothing.
    pub(super) fn verifier(self) -> Option<Arc<Verifier>> {
        let JwtSettings { keys, audience, cache_max_entries } = self.jwt;
        keys.map(|keys| Arc::new(Verifier::new(keys, audience).with_cache(cache_max_entries)))
    }

    /// Where `/ready` is, for whoever wants to know only that.
    ///
    /// # Errors
    /// [`SettingsError`] when there is no such place.
    pub fn parse_admin(sources: &Sources) -> Result<Place, SettingsError> {
        let missing =
            || SettingsError::Unusable { variable: ADMIN_PORT.to_owned(), problem: "it is not set; set it to a port".to_owned() };
        admin(&Variables::new(sources))?.ok_or_else(missing)
    }
}

fn host(variables: &Variables<'_>, names: &[&'static str]) -> Result<Host, SettingsError> {
    Ok(variables.parsed(names, "a host", |value| value.parse().ok())?.unwrap_or(Host::V4Only))
}

fn admin(variables: &Variables<'_>) -> Result<Option<Place>, SettingsError> {
    let host = host(variables, &[ADMIN_HOST, SERVER_HOST])?;
    let port = variables.number(&[ADMIN_PORT], A_PORT)?;
    let socket = socket(variables, "PGRST_ADMIN_SERVER_UNIX_SOCKET", "PGRST_ADMIN_SERVER_UNIX_SOCKET_MODE")?;
    Ok(socket.or_else(|| port.map(|port| Place::Address { host, port, share: false })))
}

fn socket(variables: &Variables<'_>, path: &'static str, mode: &'static str) -> Result<Option<Place>, SettingsError> {
    let octal = |value: &str| u32::from_str_radix(value, 8).ok().filter(|mode| (0o600..=0o777).contains(mode));
    let mode = variables.parsed(&[mode], "an octal number from 600 to 777", octal)?.unwrap_or(SOCKET_MODE);
    Ok(variables.get(&[path]).map(|(_, path)| Place::Socket { path: path.into(), mode }))
}

fn database(variables: &Variables<'_>, sources: &Sources) -> Result<DatabaseSettings, SettingsError> {
    let uri = variables.text_or_file(&[DB_URI])?.unwrap_or_else(|| "postgresql://".to_owned());
    let reached = Database::parse(uri.trim(), sources.environment(), APPLICATION)
        .map_err(|problem| SettingsError::Unusable { variable: sources.origin(DB_URI), problem })?;
    let seconds = |names: &[&'static str], default| -> Result<_, SettingsError> {
        Ok(Duration::from_secs(variables.number(names, SECONDS)?.unwrap_or(default)))
    };
    Ok(DatabaseSettings {
        reached,
        pool: variables.number::<NonZeroUsize>(&["PGRST_DB_POOL"], AT_LEAST_ONE)?.map_or(10, NonZeroUsize::get),
        wait: seconds(&["PGRST_DB_POOL_ACQUISITION_TIMEOUT"], 10)?,
        idle_after: seconds(&["PGRST_DB_POOL_MAX_IDLETIME", "PGRST_DB_POOL_TIMEOUT"], 30)?,
        max_lifetime: seconds(&["PGRST_DB_POOL_MAX_LIFETIME"], 1800)?,
        recovers: variables.truth(&["PGRST_DB_POOL_AUTOMATIC_RECOVERY"])?.unwrap_or(true),
    })
}

fn jwt(config: &Config, sources: &Sources) -> Result<JwtSettings, SettingsError> {
    let unusable = |problem| SettingsError::Unusable { variable: sources.origin(JWT_SECRET), problem };
    let keys = jwt_keys::keys(config).map_err(unusable)?;
    Ok(JwtSettings { keys, audience: config.jwt_audience.clone(), cache_max_entries: config.jwt_cache_max_entries })
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

fn deprecations(variables: &Variables<'_>, config: &Config) -> Vec<String> {
    let of = |setting: &Setting| Some(format!("{} {}", variables.get(setting.variables)?.0, config.deprecation(setting)?));
    SETTINGS.iter().filter_map(of).collect()
}

fn app_settings(variables: &Variables<'_>) -> Vec<(String, String)> {
    let named = |name: &str| name.strip_prefix(APP_SETTINGS).map(|name| format!("app.settings.{}", name.to_ascii_lowercase()));
    let all = variables.beginning_with(APP_SETTINGS).into_iter();
    all.filter_map(|(name, value)| Some((named(name)?, value.to_owned()))).collect()
}

fn level(variables: &Variables<'_>) -> Result<Level, SettingsError> {
    let level = variables.parsed(&["PGRST_LOG_LEVEL"], "crit, error, warn, info or debug", Level::parse)?;
    Ok(level.unwrap_or(Level::Error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::parse(&Sources::of_environment(environment))
    }

    #[test]
    fn what_is_not_given_is_as_postgrest_has_it() {
        let settings = parse(&[]).unwrap();
        assert_eq!(settings.place, Place::Address { host: Host::V4Only, port: 3000, share: false });
        assert_eq!(settings.admin, None);
        assert_eq!((settings.database.pool, settings.database.wait), (10, Duration::from_secs(10)));
        assert_eq!(settings.database.idle_after, Duration::from_secs(30));
        assert_eq!((settings.database.max_lifetime, settings.database.recovers), (Duration::from_secs(1800), true));
        assert_eq!((settings.config.schemas.as_slice(), settings.config.max_rows), (["public".to_owned()].as_slice(), None));
        assert_eq!(settings.config.extra_search_path, ["public"]);
        assert!(!settings.config.safe_update && settings.config.anon_role.is_none() && settings.jwt.keys.is_none());
        assert_eq!(settings.base_url, "http://0.0.0.0:3000/");
        assert_eq!((settings.level, settings.log.as_str()), (Level::Error, "warn,startup=info,query=info"));
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
        assert_eq!(settings.place, Place::Address { host: Host::Any, port: 3000, share: false });
        assert_eq!(settings.config.cors_allowed_origins.unwrap(), ["http://a", "http://b"]);
        assert_eq!(settings.warnings, Vec::<String>::new());
    }

    #[test]
    fn a_socket_counts_more_than_a_port() {
        let settings = parse(&[
            ("PGRST_SERVER_UNIX_SOCKET", "/run/rest.sock"),
            ("PGRST_SERVER_UNIX_SOCKET_MODE", "777"),
            ("PGRST_ADMIN_SERVER_PORT", "3000"),
            ("PGRST_ADMIN_SERVER_UNIX_SOCKET", "/run/admin.sock"),
        ]);
        let settings = settings.unwrap();
        assert_eq!(settings.place, Place::Socket { path: "/run/rest.sock".into(), mode: 0o777 });
        assert_eq!(settings.admin, Some(Place::Socket { path: "/run/admin.sock".into(), mode: 0o660 }));
        for mode in ["577", "1000", "abc"] {
            let error = parse(&[("PGRST_SERVER_UNIX_SOCKET_MODE", mode)]).unwrap_err().to_string();
            assert!(error.ends_with("set it to an octal number from 600 to 777"), "{error}");
        }
    }

    #[test]
    fn what_has_no_effect_is_named() {
        let settings = parse(&[
            ("PGRST_DB_USE_LEGACY_GUCS", "false"),
            ("PGRST_JWT_CACHE_MAX_LIFETIME", "60"),
            ("PGRST_NEW", "s3cret"),
            ("PGRST_DB_ROOT_SPEC", ""),
        ]);
        let expected =
            ["PGRST_JWT_CACHE_MAX_LIFETIME is not supported yet and has no effect", "PGRST_NEW is not known and has no effect"];
        assert_eq!(settings.unwrap().warnings, expected);
    }

    #[test]
    fn a_role_claim_in_the_older_form_is_understood_and_named() {
        let warnings = |variable, path| parse(&[(variable, path)]).unwrap().warnings;
        assert_eq!(warnings("PGRST_JWT_ROLE_CLAIM_KEY", "$.app.role"), Vec::<String>::new());
        for variable in ["PGRST_JWT_ROLE_CLAIM_KEY", "PGRST_ROLE_CLAIM_KEY"] {
            let deprecated = "is given in a form that is deprecated, and will not be understood some day; set it to";
            assert_eq!(warnings(variable, ".app.roles[0]"), [format!("{variable} {deprecated} $.app.roles[0]")]);
        }
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
        for (variable, value, expected) in [
            ("PGRST_JWT_ROLE_CLAIM_KEY", "roles[0]", "set it to a JSON Path (RFC 9535), such as $.role"),
            ("PGRST_JWT_AUD", "http://a b", "set it to a text, which with a colon in it is a URI (RFC 3986)"),
            ("PGRST_JWT_CACHE_MAX_ENTRIES", "many", "set it to a number of tokens"),
        ] {
            let error = parse(&[(variable, value)]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{variable} is {value:?}; {expected}")), "{error}");
        }
    }
}
