//! How the service behaves: PostgREST's settings, by one table of their names whatever the source.
//!
//! Source: PostgREST's documentation, "Configuration". It does not own what is about the process, such as addresses and the
//! pool: that is the program's.

use std::{collections::BTreeMap, fmt, str::FromStr};

use http::{HeaderName, HeaderValue};

use crate::{openapi::Address, role_claim::RoleClaim};

/// What may be set by `ALTER ROLE authenticator SET pgrst.*` or by the function of `db-pre-config`, over what the service was
/// made with. The defaults are Supabase's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// Exposed schemas; the first is the default.
    pub(crate) schemas: Vec<String>,
    /// Appended to the exposed schema in the search path.
    pub(crate) extra_search_path: Vec<String>,
    /// Rows of one read at most.
    pub(crate) max_rows: Option<u64>,
    /// The role of requests without a token; none are let in without.
    pub(crate) anon_role: Option<String>,
    /// A function called before each request, as it is written in the setting.
    pub(crate) pre_request: Option<String>,
    /// A function called before settings are read, as it is written in the setting.
    pub(crate) pre_config: Option<String>,
    /// A function that answers `/`, as it is written in the setting.
    pub(crate) root_spec: Option<String>,
    /// Settings of a function that apply to the whole transaction of a call.
    pub(crate) hoisted_tx_settings: Vec<String>,
    pub(crate) tx_end: TxEnd,
    /// Whether plans may be asked for instead of rows.
    pub(crate) plan_enabled: bool,
    pub(crate) aggregates_enabled: bool,
    pub(crate) prepared_statements: bool,
    /// Where to listen for the word to load the schema again, and whether to. The database does not say.
    pub(crate) channel: String,
    pub(crate) channel_enabled: bool,
    pub(crate) client_error_verbosity: Verbosity,
    /// Whether the log shows the statements of the requests that it shows.
    pub(crate) log_query: bool,
    pub(crate) openapi_mode: OpenApiMode,
    /// Whether the service's description says that it takes tokens.
    pub(crate) openapi_security_active: bool,
    /// The public address of the service, for its description.
    pub(crate) openapi_server_proxy_uri: Option<String>,
    /// Where in a token the role is.
    pub(crate) jwt_role_claim: RoleClaim,
    pub(crate) jwt_audience: Option<String>,
    pub(crate) jwt_secret: Option<Secret>,
    pub(crate) jwt_secret_is_base64: bool,
    /// Tokens whose signatures are remembered; none for 0.
    pub(crate) jwt_cache_max_entries: usize,
    /// Origins that may read answers; every one without.
    pub(crate) cors_allowed_origins: Option<Vec<HeaderValue>>,
    /// Whether answers say by `Server-Timing` what took how long.
    pub(crate) server_timing_enabled: bool,
    /// A header of the request that the answer repeats.
    pub(crate) server_trace_header: Option<HeaderName>,
    /// Bytes that large results may take together, in temporary files, until they are sent. Fixed when the service is made.
    pub(crate) server_temp_file_limit: u64,
    /// Whether an embedded resource with an alias may also be filtered by its target's name.
    pub(crate) legacy_target_names: bool,
    /// Refuse UPDATE and DELETE without a filter, as Supabase does by the extension `safeupdate`.
    pub(crate) safe_update: bool,
}

/// How a request's transaction ends, and whether the request may say otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TxEnd {
    Commit,
    CommitAllowOverride,
    Rollback,
    RollbackAllowOverride,
}

impl TxEnd {
    /// Whether it is left to the request.
    pub(crate) fn may_be_chosen(self) -> bool {
        matches!(self, Self::CommitAllowOverride | Self::RollbackAllowOverride)
    }
}

/// What the service's description shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpenApiMode {
    FollowPrivileges,
    IgnorePrivileges,
    Disabled,
}

/// How much an error says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verbosity {
    Verbose,
    /// The code and the message only.
    Minimal,
}

/// A text that the log does not show.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            schemas: vec!["public".to_owned(), "graphql_public".to_owned()],
            extra_search_path: vec!["public".to_owned(), "extensions".to_owned()],
            max_rows: Some(1000),
            anon_role: Some("anon".to_owned()),
            safe_update: true,
            ..Self::of_postgrest()
        }
    }
}

impl Config {
    /// PostgREST's own defaults.
    pub(crate) fn of_postgrest() -> Self {
        let hoisted = ["statement_timeout", "plan_filter.statement_cost_limit", "default_transaction_isolation"];
        Self {
            schemas: vec!["public".to_owned()],
            extra_search_path: vec!["public".to_owned()],
            max_rows: None,
            anon_role: None,
            pre_request: None,
            pre_config: None,
            root_spec: None,
            hoisted_tx_settings: hoisted.map(str::to_owned).to_vec(),
            tx_end: TxEnd::Commit,
            plan_enabled: false,
            aggregates_enabled: false,
            prepared_statements: true,
            channel: "pgrst".to_owned(),
            channel_enabled: true,
            client_error_verbosity: Verbosity::Verbose,
            log_query: false,
            openapi_mode: OpenApiMode::FollowPrivileges,
            openapi_security_active: false,
            openapi_server_proxy_uri: None,
            jwt_role_claim: RoleClaim::default(),
            jwt_audience: None,
            jwt_secret: None,
            jwt_secret_is_base64: false,
            jwt_cache_max_entries: 1000,
            cors_allowed_origins: None,
            server_timing_enabled: false,
            server_trace_header: None,
            server_temp_file_limit: TEMP_FILE_LIMIT,
            legacy_target_names: true,
            safe_update: false,
        }
    }

    /// This, as the database's settings change it, and those of them that do. One that can't be used is logged, and what was
    /// used in its place `before` stays.
    pub(crate) fn with_settings(
        &self,
        settings: &DatabaseSettings,
        before: &DatabaseSettings,
        which: InDatabase,
    ) -> (Self, DatabaseSettings) {
        let mut config = self.clone();
        let mut used = DatabaseSettings::new();
        for (name, value) in settings {
            let Some(setting) = SETTINGS.iter().find(|setting| setting.is_open_to(which) && setting.in_database() == *name)
            else {
                continue;
            };
            if setting.apply(&mut config, value.trim()).is_some() {
                used.insert(name.clone(), value.clone());
                if let Some(deprecation) = config.deprecation(setting) {
                    tracing::warn!("{name} {deprecation}");
                }
                continue;
            }
            tracing::warn!("{name} can't be used; set it to {}", setting.expected);
            if let Some(value) = before.get(name)
                && setting.apply(&mut config, value.trim()).is_some()
            {
                used.insert(name.clone(), value.clone());
            }
        }
        (config, used)
    }

    /// What to say about the form that this setting has been given in.
    pub(crate) fn deprecation(&self, setting: &Setting) -> Option<String> {
        if setting.variables[0] == ROLE_CLAIM_KEY { self.jwt_role_claim.deprecation() } else { None }
    }

    /// Whether a token that is good by the other is good by this one, and the other way round, and as many are remembered.
    pub(crate) fn checks_tokens_as(&self, other: &Self) -> bool {
        let what = |config: &Self| (config.jwt_secret_is_base64, config.jwt_cache_max_entries);
        (&self.jwt_secret, &self.jwt_audience, what(self)) == (&other.jwt_secret, &other.jwt_audience, what(other))
    }
}

/// Settings as the database names them, such as `pgrst.db_schemas`, and their values.
pub(crate) type DatabaseSettings = BTreeMap<String, String>;

/// Which settings the database may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InDatabase {
    Nothing,
    /// A project's tokens are checked by its own secret, so that a bad one is refused without waking the database.
    AllButTokens,
    All,
}

/// What the settings that the database may change are called there.
pub(crate) fn names_in_database(which: InDatabase) -> Vec<String> {
    SETTINGS.iter().filter(|setting| setting.is_open_to(which)).map(Setting::in_database).collect()
}

/// A setting: its names, and what a value makes of a [`Config`].
#[derive(Debug)]
pub(crate) struct Setting {
    /// As a variable; older names follow. In the database, `PGRST_DB_SCHEMAS` is `pgrst.db_schemas`.
    pub(crate) variables: &'static [&'static str],
    /// For messages: what belongs there.
    pub(crate) expected: &'static str,
    /// Whether `@file` stands for what is in the file, if a variable says so.
    pub(crate) from_file: bool,
    fixed: bool,
    set: fn(&mut Config, &str) -> Option<()>,
}

impl Setting {
    /// `None`, and nothing is changed, if the value can't be used. An empty value is none where there may be none.
    pub(crate) fn apply(&self, config: &mut Config, value: &str) -> Option<()> {
        (self.set)(config, value)
    }

    pub(crate) fn is_open_to(&self, which: InDatabase) -> bool {
        !self.fixed
            && match which {
                InDatabase::Nothing => false,
                InDatabase::AllButTokens => !self.variables[0].starts_with("PGRST_JWT_"),
                InDatabase::All => true,
            }
    }

    /// Its name in the database.
    pub(crate) fn in_database(&self) -> String {
        self.variables[0].to_ascii_lowercase().replacen('_', ".", 1)
    }
}

const ROLE_CLAIM_KEY: &str = "PGRST_JWT_ROLE_CLAIM_KEY";
/// A result that PostgreSQL gives at once has at most a quarter of this.
const TEMP_FILE_LIMIT: u64 = 4 * 1024 * 1024 * 1024;

const BOOLEAN: &str = "true or false";
const SCHEMAS: &str = "names of schemas, of which none is PostgreSQL's own";
const FUNCTION: &str = "the name of a function";
const TEXT: &str = "a text";
const ADDRESS: &str = "an address, such as https://example.com:8443/basePath";
const TX_END: &str = "commit, commit-allow-override, rollback or rollback-allow-override";
const ORIGINS: &str = "origins separated by commas, such as https://example.com,https://www.example.com";
const ROLE_CLAIM: &str =
    "a JSON Path (RFC 9535), such as $.role, $['https://example.com/role'], $.roles[0] or $.roles[?search(@, '^web_')]";
const AUDIENCE: &str = "a text, which with a colon in it is a URI (RFC 3986), such as https://example.com";

/// The only place of the settings' names.
pub(crate) const SETTINGS: &[Setting] = &[
    of(&["PGRST_CLIENT_ERROR_VERBOSITY"], "verbose or minimal", |c, v| put(&mut c.client_error_verbosity, word(v, &VERBOSITIES))),
    of(&["PGRST_DB_AGGREGATES_ENABLED"], BOOLEAN, |c, v| put(&mut c.aggregates_enabled, truth(v))),
    of(&["PGRST_DB_ANON_ROLE"], "the name of a role", |c, v| put(&mut c.anon_role, Some(text(v)))),
    Setting { fixed: true, ..of(&["PGRST_DB_CHANNEL"], "the name of a channel", |c, v| put(&mut c.channel, text(v))) },
    Setting { fixed: true, ..of(&["PGRST_DB_CHANNEL_ENABLED"], BOOLEAN, |c, v| put(&mut c.channel_enabled, truth(v))) },
    of(&["PGRST_DB_EXTRA_SEARCH_PATH"], "names of schemas", |c, v| put(&mut c.extra_search_path, Some(names(v)))),
    of(&["PGRST_DB_HOISTED_TX_SETTINGS"], "names of settings", |c, v| put(&mut c.hoisted_tx_settings, Some(names(v)))),
    of(&["PGRST_DB_MAX_ROWS", "PGRST_MAX_ROWS"], "a number of rows", |c, v| put(&mut c.max_rows, optional(v))),
    of(&["PGRST_DB_PLAN_ENABLED"], BOOLEAN, |c, v| put(&mut c.plan_enabled, truth(v))),
    of(&["PGRST_DB_PRE_CONFIG"], FUNCTION, |c, v| put(&mut c.pre_config, Some(text(v)))),
    of(&["PGRST_DB_PRE_REQUEST", "PGRST_PRE_REQUEST"], FUNCTION, |c, v| put(&mut c.pre_request, Some(text(v)))),
    of(&["PGRST_DB_PREPARED_STATEMENTS"], BOOLEAN, |c, v| put(&mut c.prepared_statements, truth(v))),
    of(&["PGRST_DB_ROOT_SPEC", "PGRST_ROOT_SPEC"], FUNCTION, |c, v| put(&mut c.root_spec, Some(text(v)))),
    of(&["PGRST_DB_SCHEMAS", "PGRST_DB_SCHEMA"], SCHEMAS, |c, v| put(&mut c.schemas, exposable(v))),
    of(&["PGRST_DB_TX_END", "PGRST_TX_END"], TX_END, |c, v| put(&mut c.tx_end, word(v, &TX_ENDS))),
    of(&["PGRST_JWT_AUD"], AUDIENCE, |c, v| put(&mut c.jwt_audience, string_or_uri(v))),
    of(&["PGRST_JWT_CACHE_MAX_ENTRIES"], "a number of tokens", |c, v| put(&mut c.jwt_cache_max_entries, v.parse().ok())),
    of(&[ROLE_CLAIM_KEY, "PGRST_ROLE_CLAIM_KEY"], ROLE_CLAIM, |c, v| put(&mut c.jwt_role_claim, v.parse().ok())),
    Setting {
        from_file: true,
        ..of(&["PGRST_JWT_SECRET"], TEXT, |c, v| put(&mut c.jwt_secret, Some(Some(Secret(v.to_owned())))))
    },
    of(&["PGRST_JWT_SECRET_IS_BASE64", "PGRST_SECRET_IS_BASE64"], BOOLEAN, |c, v| put(&mut c.jwt_secret_is_base64, truth(v))),
    Setting { fixed: true, ..of(&["PGRST_LOG_QUERY"], BOOLEAN, |c, v| put(&mut c.log_query, truth(v))) },
    of(&["PGRST_OPENAPI_MODE"], "follow-privileges, ignore-privileges or disabled", |c, v| {
        put(&mut c.openapi_mode, word(v, &OPENAPI_MODES))
    }),
    of(&["PGRST_OPENAPI_SECURITY_ACTIVE"], BOOLEAN, |c, v| put(&mut c.openapi_security_active, truth(v))),
    of(&["PGRST_OPENAPI_SERVER_PROXY_URI", "PGRST_SERVER_PROXY_URI"], ADDRESS, |c, v| {
        put(&mut c.openapi_server_proxy_uri, address(v))
    }),
    of(&["PGRST_SERVER_CORS_ALLOWED_ORIGINS"], ORIGINS, |c, v| put(&mut c.cors_allowed_origins, origins(v))),
    Setting {
        fixed: true,
        ..of(&["PGRST_SERVER_TEMP_FILE_LIMIT"], "a number of bytes", |c, v| put(&mut c.server_temp_file_limit, v.parse().ok()))
    },
    of(&["PGRST_SERVER_TIMING_ENABLED"], BOOLEAN, |c, v| put(&mut c.server_timing_enabled, truth(v))),
    of(&["PGRST_SERVER_TRACE_HEADER"], "the name of a header", |c, v| put(&mut c.server_trace_header, optional(v))),
    of(&["PGRST_URL_USE_LEGACY_TARGET_NAMES"], BOOLEAN, |c, v| put(&mut c.legacy_target_names, truth(v))),
];

const TX_ENDS: [(&str, TxEnd); 4] = [
    ("commit", TxEnd::Commit),
    ("commit-allow-override", TxEnd::CommitAllowOverride),
    ("rollback", TxEnd::Rollback),
    ("rollback-allow-override", TxEnd::RollbackAllowOverride),
];

const OPENAPI_MODES: [(&str, OpenApiMode); 3] = [
    ("follow-privileges", OpenApiMode::FollowPrivileges),
    ("ignore-privileges", OpenApiMode::IgnorePrivileges),
    ("disabled", OpenApiMode::Disabled),
];

const VERBOSITIES: [(&str, Verbosity); 2] = [("verbose", Verbosity::Verbose), ("minimal", Verbosity::Minimal)];

const fn of(variables: &'static [&'static str], expected: &'static str, set: fn(&mut Config, &str) -> Option<()>) -> Setting {
    Setting { variables, expected, from_file: false, fixed: false, set }
}

fn put<T>(place: &mut T, value: Option<T>) -> Option<()> {
    *place = value?;
    Some(())
}

/// Names as a setting lists them: separated by commas, quoted or not.
fn names(list: &str) -> Vec<String> {
    list.split(',').map(|item| item.trim().trim_matches('"').to_owned()).filter(|item| !item.is_empty()).collect()
}

/// Not PostgreSQL's own: what they show is for no client of the service.
fn exposable(list: &str) -> Option<Vec<String>> {
    let own = |schema: &String| matches!(schema.as_str(), "pg_catalog" | "information_schema");
    Some(names(list)).filter(|schemas| !schemas.is_empty() && !schemas.iter().any(own))
}

/// Whatever is around the word, such as quotes, is passed over, as PostgREST does it.
pub(crate) fn truth(value: &str) -> Option<bool> {
    let word = value.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '-').to_ascii_lowercase();
    match word.as_str() {
        "true" => Some(true),
        "false" => Some(false),
        number => number.parse::<i64>().ok().map(|number| number > 0),
    }
}

fn word<T: Copy>(value: &str, known: &[(&str, T)]) -> Option<T> {
    known.iter().find(|(word, _)| *word == value).map(|(_, meaning)| *meaning)
}

fn text(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

/// Of RFC 7519: whatever has a colon is a URI.
fn string_or_uri(value: &str) -> Option<Option<String>> {
    if value.contains(':') && fluent_uri::Uri::parse(value).is_err() { None } else { Some(text(value)) }
}

/// Where something is reached by HTTP, whole.
fn address(value: &str) -> Option<Option<String>> {
    if value.is_empty() { Some(None) } else { Address::parse(value).map(|_| text(value)) }
}

fn optional<T: FromStr>(value: &str) -> Option<Option<T>> {
    if value.is_empty() { Some(None) } else { value.parse().ok().map(Some) }
}

fn origins(value: &str) -> Option<Option<Vec<HeaderValue>>> {
    if value.is_empty() {
        return Some(None);
    }
    // The layer takes no `*` among others.
    let origins = value.split(',').map(|origin| origin.trim()).filter(|origin| !origin.is_empty());
    origins.map(|origin| HeaderValue::from_str(origin).ok().filter(|_| origin != "*")).collect::<Option<_>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(settings: &[(&str, &str)]) -> Config {
        Config::default().with_settings(&given(settings), &DatabaseSettings::new(), InDatabase::All).0
    }

    fn given(settings: &[(&str, &str)]) -> DatabaseSettings {
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn truth_may_stand_in_quotes() {
        for (value, expected) in [
            ("true", Some(true)),
            ("\"True\"", Some(true)),
            ("'false'", Some(false)),
            ("1", Some(true)),
            ("-1", Some(false)),
            ("0", Some(false)),
            ("\"\"", None),
            ("yes", None),
        ] {
            assert_eq!(truth(value), expected, "{value}");
        }
    }

    #[test]
    fn settings_of_authenticator_configure_the_service() {
        let config = with(&[("pgrst.db_schemas", "api, \"My Schema\""), ("pgrst.db_max_rows", "7"), ("statement_timeout", "8s")]);
        assert_eq!(config.schemas, ["api", "My Schema"]);
        assert_eq!(config.max_rows, Some(7));
        assert_eq!(with(&[]), Config::default());
    }

    #[test]
    fn every_setting_is_understood() {
        let config = with(&[
            ("pgrst.client_error_verbosity", "minimal"),
            ("pgrst.db_aggregates_enabled", "true"),
            ("pgrst.db_anon_role", "web"),
            ("pgrst.db_extra_search_path", ""),
            ("pgrst.db_hoisted_tx_settings", "work_mem, lock_timeout"),
            ("pgrst.db_max_rows", ""),
            ("pgrst.db_plan_enabled", "true"),
            ("pgrst.db_pre_config", "api.configure"),
            ("pgrst.db_pre_request", "api.check"),
            ("pgrst.db_prepared_statements", "false"),
            ("pgrst.db_root_spec", "root"),
            ("pgrst.db_tx_end", "commit-allow-override"),
            ("pgrst.jwt_aud", "urn:us"),
            ("pgrst.jwt_cache_max_entries", "0"),
            ("pgrst.jwt_role_claim_key", "$.app.role"),
            ("pgrst.jwt_secret", "s3cret"),
            ("pgrst.jwt_secret_is_base64", "true"),
            ("pgrst.openapi_mode", "disabled"),
            ("pgrst.openapi_security_active", "true"),
            ("pgrst.openapi_server_proxy_uri", "https://a.example/b"),
            ("pgrst.server_cors_allowed_origins", "https://a.example, https://b.example"),
            ("pgrst.server_timing_enabled", "true"),
            ("pgrst.server_trace_header", "X-Request-Id"),
            ("pgrst.url_use_legacy_target_names", "false"),
        ]);
        let text = |text: &str| Some(text.to_owned());
        let expected = Config {
            client_error_verbosity: Verbosity::Minimal,
            aggregates_enabled: true,
            anon_role: text("web"),
            extra_search_path: vec![],
            hoisted_tx_settings: vec!["work_mem".to_owned(), "lock_timeout".to_owned()],
            max_rows: None,
            plan_enabled: true,
            pre_config: text("api.configure"),
            pre_request: text("api.check"),
            prepared_statements: false,
            root_spec: text("root"),
            tx_end: TxEnd::CommitAllowOverride,
            jwt_audience: text("urn:us"),
            jwt_cache_max_entries: 0,
            jwt_role_claim: "$.app.role".parse().unwrap(),
            jwt_secret: Some(Secret("s3cret".to_owned())),
            jwt_secret_is_base64: true,
            openapi_mode: OpenApiMode::Disabled,
            openapi_security_active: true,
            openapi_server_proxy_uri: text("https://a.example/b"),
            cors_allowed_origins: Some(vec![
                HeaderValue::from_static("https://a.example"),
                HeaderValue::from_static("https://b.example"),
            ]),
            server_timing_enabled: true,
            server_trace_header: Some(HeaderName::from_static("x-request-id")),
            legacy_target_names: false,
            ..Config::default()
        };
        assert_eq!(config, expected);
        assert!(!format!("{config:?}").contains("s3cret"));
    }

    #[test]
    fn what_can_not_be_used_changes_nothing() {
        for (name, value) in [
            ("pgrst.client_error_verbosity", "loud"),
            ("pgrst.db_aggregates_enabled", "maybe"),
            ("pgrst.db_channel", "other"),
            ("pgrst.db_max_rows", "many"),
            ("pgrst.db_schema", "older"),
            ("pgrst.db_schemas", " ,"),
            ("pgrst.db_schemas", "public, pg_catalog"),
            ("pgrst.db_channel_enabled", "false"),
            ("pgrst.db_tx_end", "later"),
            ("pgrst.jwt_aud", "https://%zz"),
            ("pgrst.jwt_aud", "5://us"),
            ("pgrst.jwt_aud", ":"),
            ("pgrst.jwt_cache_max_entries", "-1"),
            ("pgrst.jwt_role_claim_key", "role"),
            ("pgrst.jwt_role_claim_key", ""),
            ("pgrst.openapi_mode", ""),
            ("pgrst.openapi_server_proxy_uri", "no address"),
            ("pgrst.openapi_server_proxy_uri", "example.com/api"),
            ("pgrst.openapi_server_proxy_uri", "ftp://example.com"),
            ("pgrst.openapi_server_proxy_uri", "https:///api"),
            ("pgrst.server_cors_allowed_origins", "*"),
            ("pgrst.server_trace_header", "a b"),
            ("pgrst.unknown", "x"),
            ("db_max_rows", "7"),
        ] {
            assert_eq!(with(&[(name, value)]), Config::default(), "{name}");
        }
    }

    #[test]
    fn what_was_used_before_stays_in_the_place_of_what_can_not_be_used() {
        let all = InDatabase::All;
        let (_, before) = Config::default().with_settings(&given(&[("pgrst.db_max_rows", "2")]), &DatabaseSettings::new(), all);
        let changed = given(&[("pgrst.db_max_rows", "many"), ("pgrst.db_plan_enabled", "true")]);
        for _ in 0..2 {
            let (config, used) = Config::default().with_settings(&changed, &before, all);
            assert_eq!((config.max_rows, config.plan_enabled), (Some(2), true));
            assert_eq!(used, given(&[("pgrst.db_max_rows", "2"), ("pgrst.db_plan_enabled", "true")]));
        }
        let (config, used) = Config::default().with_settings(&given(&[]), &before, all);
        assert_eq!((config, used.len()), (Config::default(), 0), "what is no longer set is as it was made");
    }

    #[test]
    fn a_database_changes_what_it_may() {
        let settings = given(&[("pgrst.jwt_secret", "s3cret"), ("pgrst.jwt_aud", "us"), ("pgrst.db_anon_role", "web")]);
        let with = |which| Config::default().with_settings(&settings, &DatabaseSettings::new(), which).0;
        assert_eq!(with(InDatabase::Nothing), Config::default());
        let of_project = with(InDatabase::AllButTokens);
        assert!(of_project.checks_tokens_as(&Config::default()) && of_project.anon_role.as_deref() == Some("web"));
        assert!(!with(InDatabase::All).checks_tokens_as(&Config::default()));
        assert_eq!(names_in_database(InDatabase::Nothing), Vec::<String>::new());
        assert!(names_in_database(InDatabase::AllButTokens).contains(&"pgrst.db_schemas".to_owned()));
    }
}
