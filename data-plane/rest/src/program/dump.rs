//! What is in force, and where it comes from: the configuration as a file, with the origin of each value beside it. Secrets are
//! not shown.

use std::fmt::Write as _;

use super::{
    file::quoted,
    settings::{APP_SETTINGS, Settings},
    variables::{PREFIX, Sources},
};
use crate::schema::{Config, DatabaseSettings, InDatabase, SETTINGS, database_settings};

/// In the place of a secret.
const REDACTED: &str = "(not shown)";
const FROM_DEFAULT: &str = "default";

/// Every setting by its variable, with its default. After it come older names, and what counts where it is not given.
const KEYS: &[(&[&str], &str)] = &[
    (&["PGRST_ADMIN_SERVER_HOST", "PGRST_SERVER_HOST"], "!4"),
    (&["PGRST_ADMIN_SERVER_PORT"], ""),
    (&["PGRST_ADMIN_SERVER_UNIX_SOCKET"], ""),
    (&["PGRST_ADMIN_SERVER_UNIX_SOCKET_MODE"], "660"),
    (&["PGRST_CLIENT_ERROR_VERBOSITY"], "verbose"),
    (&["PGRST_DB_AGGREGATES_ENABLED"], "false"),
    (&["PGRST_DB_ANON_ROLE"], ""),
    (&["PGRST_DB_CHANNEL"], "pgrst"),
    (&["PGRST_DB_CHANNEL_ENABLED"], "true"),
    (&["PGRST_DB_CONFIG"], "true"),
    (&["PGRST_DB_EXTRA_SEARCH_PATH"], "public"),
    (&["PGRST_DB_HOISTED_TX_SETTINGS"], "statement_timeout,plan_filter.statement_cost_limit,default_transaction_isolation"),
    (&["PGRST_DB_MAX_ROWS", "PGRST_MAX_ROWS"], ""),
    (&["PGRST_DB_PLAN_ENABLED"], "false"),
    (&["PGRST_DB_POOL"], "10"),
    (&["PGRST_DB_POOL_ACQUISITION_TIMEOUT"], "10"),
    (&["PGRST_DB_POOL_AUTOMATIC_RECOVERY"], "true"),
    (&["PGRST_DB_POOL_MAX_IDLETIME", "PGRST_DB_POOL_TIMEOUT"], "30"),
    (&["PGRST_DB_POOL_MAX_LIFETIME"], "1800"),
    (&["PGRST_DB_PRE_CONFIG"], ""),
    (&["PGRST_DB_PRE_REQUEST", "PGRST_PRE_REQUEST"], ""),
    (&["PGRST_DB_PREPARED_STATEMENTS"], "true"),
    (&["PGRST_DB_ROOT_SPEC", "PGRST_ROOT_SPEC"], ""),
    (&["PGRST_DB_SCHEMAS", "PGRST_DB_SCHEMA"], "public"),
    (&["PGRST_DB_TX_END", "PGRST_TX_END"], "commit"),
    (&["PGRST_DB_URI"], "postgresql://"),
    (&["PGRST_JWT_AUD"], ""),
    (&["PGRST_JWT_CACHE_MAX_ENTRIES"], "1000"),
    (&["PGRST_JWT_ROLE_CLAIM_KEY", "PGRST_ROLE_CLAIM_KEY"], "$.role"),
    (&["PGRST_JWT_SECRET"], ""),
    (&["PGRST_JWT_SECRET_IS_BASE64", "PGRST_SECRET_IS_BASE64"], "false"),
    (&["PGRST_LOG_LEVEL"], "error"),
    (&["PGRST_LOG_QUERY"], "false"),
    (&["PGRST_OPENAPI_MODE"], "follow-privileges"),
    (&["PGRST_OPENAPI_SECURITY_ACTIVE"], "false"),
    (&["PGRST_OPENAPI_SERVER_PROXY_URI", "PGRST_SERVER_PROXY_URI"], ""),
    (&["PGRST_SERVER_CORS_ALLOWED_ORIGINS"], ""),
    (&["PGRST_SERVER_HOST"], "!4"),
    (&["PGRST_SERVER_PORT"], "3000"),
    (&["PGRST_SERVER_REUSEPORT"], "false"),
    (&["PGRST_SERVER_TEMP_FILE_LIMIT"], "4294967296"),
    (&["PGRST_SERVER_TIMING_ENABLED"], "false"),
    (&["PGRST_SERVER_TRACE_HEADER"], ""),
    (&["PGRST_SERVER_UNIX_SOCKET"], ""),
    (&["PGRST_SERVER_UNIX_SOCKET_MODE"], "660"),
    (&["PGRST_URL_USE_LEGACY_TARGET_NAMES"], "true"),
];

/// The configuration as a file. The database is asked for its part; if it can't be, that is said in a comment.
pub async fn dump(sources: &Sources, settings: &Settings) -> String {
    if !settings.in_database_config {
        return written(sources, &DatabaseSettings::new(), "");
    }
    match in_database(settings).await {
        Ok(own) => written(sources, &own, ""),
        Err(error) => {
            written(sources, &DatabaseSettings::new(), &format!("# The database's own settings are not known: {error}\n"))
        }
    }
}

/// An empty configuration to begin with: every setting and its default, none in force.
#[must_use]
pub fn example() -> String {
    let mut text =
        "# Every setting and its default. A variable of the environment counts more than this file: PGRST_DB_URI for db-uri.\n\n"
            .to_owned();
    for (names, default) in KEYS {
        let _ = writeln!(text, "# {} = {}", key(names), shown(default));
    }
    text
}

async fn in_database(settings: &Settings) -> Result<DatabaseSettings, Box<dyn std::error::Error>> {
    let client = settings.database.reached.connect().await?;
    Ok(database_settings(&client, &settings.config).await?)
}

/// `own`: what the database says.
fn written(sources: &Sources, own: &DatabaseSettings, before: &str) -> String {
    let mut text = before.to_owned();
    for (names, default) in KEYS {
        let (value, origin) = in_force(names, default, sources, own);
        let value = match names[0] {
            "PGRST_JWT_SECRET" if !value.is_empty() => REDACTED.to_owned(),
            "PGRST_DB_URI" => without_password(&value),
            _ => value,
        };
        let _ = writeln!(text, "{} = {} # {origin}", key(names), shown(&value));
    }
    for name in sources.beginning_with(APP_SETTINGS) {
        let setting = name.strip_prefix(APP_SETTINGS).unwrap_or(name).to_ascii_lowercase();
        let _ = writeln!(text, "app.settings.{setting} = {} # {}", quoted(REDACTED), sources.origin(name));
    }
    text
}

fn in_force(names: &[&str], default: &str, sources: &Sources, own: &DatabaseSettings) -> (String, String) {
    let setting = SETTINGS.iter().find(|setting| setting.variables.first() == names.first());
    let in_database = setting.filter(|setting| setting.is_open_to(InDatabase::All)).and_then(|setting| {
        let name = setting.in_database();
        let value = own.get(&name)?;
        // What can't be used is not.
        setting.apply(&mut Config::of_postgrest(), value.trim()).map(|()| (value.clone(), format!("{name} of the database")))
    });
    let given = || names.iter().find_map(|name| Some((sources.value(name)?.trim().to_owned(), sources.origin(name))));
    in_database.or_else(given).unwrap_or_else(|| (default.to_owned(), FROM_DEFAULT.to_owned()))
}

pub(super) fn key(names: &[&str]) -> String {
    names[0].strip_prefix(PREFIX).unwrap_or(names[0]).to_ascii_lowercase().replace('_', "-")
}

/// As the file has it: numbers and truth values stand by themselves.
fn shown(value: &str) -> String {
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    if is_number || matches!(value, "true" | "false") { value.to_owned() } else { quoted(value) }
}

/// A connection string of either form, without its password.
fn without_password(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else {
        return if uri.contains("password") || uri.starts_with('@') { REDACTED.to_owned() } else { uri.to_owned() };
    };
    if rest.contains("password=") {
        return REDACTED.to_owned();
    }
    // A password may have any sign, even if it should not.
    match rest.rsplit_once('@') {
        Some((user, host)) if user.contains(':') => {
            let user = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}:***@{host}")
        }
        Some(_) | None => uri.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, io::Write as _};

    use super::*;

    #[test]
    fn every_setting_has_its_default_here() {
        let mut config = Config::of_postgrest();
        for setting in SETTINGS {
            let (names, default) = KEYS.iter().find(|(names, _)| *names == setting.variables).expect(setting.variables[0]);
            if names[0] != "PGRST_JWT_SECRET" {
                setting.apply(&mut config, default).expect(names[0]);
            }
        }
        assert_eq!(config, Config::of_postgrest());
    }

    #[test]
    fn the_example_is_a_file_that_changes_nothing_and_uncommented_says_the_same() {
        let uncommented: String = example().lines().skip(2).map(|line| format!("{}\n", line.trim_start_matches("# "))).collect();
        for text in [example(), uncommented] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let sources = Sources::with_file(HashMap::new(), file.path().to_owned()).unwrap();
            let settings = Settings::parse(&sources).unwrap();
            let nothing = Settings::parse(&Sources::default()).unwrap();
            assert_eq!((settings.place, settings.admin, settings.config), (nothing.place, nothing.admin, nothing.config));
            assert!(settings.warnings.iter().all(|warning| !warning.contains("is not known")), "{:?}", settings.warnings);
        }
    }

    #[test]
    fn values_come_with_their_origin_and_without_secrets() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"db-max-rows = 5\ndb-pool = 3\njwt-secret = \"a-secret-of-thirty-two-characters\"\n").unwrap();
        let environment = [
            ("PGRST_DB_URI", "postgres://me:s3cr@t@h/d"),
            ("PGRST_DB_MAX_ROWS", "6"),
            ("PGRST_APP_SETTINGS_Key", "s3cret"),
            ("PGRST_DB_SCHEMA", "api"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let sources = Sources::with_file(environment, file.path().to_owned()).unwrap();
        let own = [("pgrst.db_tx_end", "rollback"), ("pgrst.db_plan_enabled", "maybe"), ("pgrst.db_channel", "x")];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let dumped = written(&sources, &own, "");
        for line in [
            "db-max-rows = 6 # PGRST_DB_MAX_ROWS".to_owned(),
            format!("db-pool = 3 # db-pool (line 2 of {})", file.path().display()),
            "db-uri = \"postgres://me:***@h/d\" # PGRST_DB_URI".to_owned(),
            "db-schemas = \"api\" # PGRST_DB_SCHEMA".to_owned(),
            "db-tx-end = \"rollback\" # pgrst.db_tx_end of the database".to_owned(),
            "db-plan-enabled = false # default".to_owned(),
            "db-channel = \"pgrst\" # default".to_owned(),
            "app.settings.key = \"(not shown)\" # PGRST_APP_SETTINGS_Key".to_owned(),
        ] {
            assert!(dumped.lines().any(|shown| shown == line), "{line}\n{dumped}");
        }
        assert!(!dumped.contains("s3cr") && !dumped.contains("a-secret"), "{dumped}");
        // It is a file again.
        let mut again = tempfile::NamedTempFile::new().unwrap();
        again.write_all(dumped.as_bytes()).unwrap();
        Sources::with_file(HashMap::new(), again.path().to_owned()).unwrap();
    }

    #[test]
    fn no_form_of_a_connection_string_shows_its_password() {
        for (uri, shown) in [
            ("postgres://a@h/d", "postgres://a@h/d"),
            ("postgres://a:p@h/d?x=1", "postgres://a:***@h/d?x=1"),
            ("postgres://a:p:@q@h", "postgres://a:***@h"),
            ("postgres://h/d?user=a&password=p", REDACTED),
            ("host=h password=p", REDACTED),
            ("host=h user=a", "host=h user=a"),
            ("@/run/secrets/uri", REDACTED),
        ] {
            assert_eq!(without_password(uri), shown);
        }
    }
}
