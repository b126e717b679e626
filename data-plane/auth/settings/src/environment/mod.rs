//! Settings from `GOTRUE_*` variables, by upstream's public names: what the program `auth` is configured with.
//!
//! An empty variable counts as not set. A variable that can't be read is an error that names it and what belongs there;
//! all errors are told at once. Where files are read and watched is not decided here, only what is in them ([`file`]).

pub mod file;
mod section;
#[cfg(test)]
mod tests;
pub mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use thiserror::Error;

use super::Settings;

/// Variables by name.
pub type Variables = BTreeMap<String, String>;

/// What the variables say.
#[derive(Debug)]
pub struct FromEnvironment {
    pub settings: Settings,
    /// How much is logged, in the words of `RUST_LOG`, if `GOTRUE_LOG_LEVEL` says so.
    pub log_level: Option<&'static str>,
    /// `GOTRUE_*` variables that no setting has; to be told once.
    pub unknown: Vec<String>,
    /// Variables that upstream has and that change nothing here, each with the reason.
    pub ignored: Vec<(String, &'static str)>,
}

/// All that is wrong with the variables.
#[derive(Debug, Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct EnvironmentError(pub Vec<VariableError>);

/// One variable that can't be read, or is missing. Values of secrets are not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableError {
    pub variable: String,
    /// What belongs there.
    pub expected: String,
    /// What is there instead.
    pub value: Option<String>,
}

impl fmt::Display for VariableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{} must be {}, but is `{value}`", self.variable, self.expected),
            None => write!(f, "{} must be {}", self.variable, self.expected),
        }
    }
}

impl Settings {
    /// The settings that these variables say.
    pub fn from_environment(variables: &Variables) -> Result<FromEnvironment, EnvironmentError> {
        let mut reader = Reader { variables, asked: BTreeSet::new(), errors: Vec::new() };
        let settings = section::all(&mut reader);
        let mut log_level = None;
        reader.parsed(
            "LOG_LEVEL",
            "panic, fatal, error, warn, info, debug or trace",
            |text| Some(Some(value::log_level(text)?)),
            &mut log_level,
        );
        if !reader.errors.is_empty() {
            return Err(EnvironmentError(reader.errors));
        }
        let mut unknown = Vec::new();
        let mut ignored = Vec::new();
        if settings.saml.enabled {
            ignored.push(("GOTRUE_SAML_ENABLED".to_owned(), "there is no SAML"));
        }
        for name in variables.keys().filter(|name| name.starts_with("GOTRUE_") && !reader.asked.contains(*name)) {
            match IGNORED.iter().find(|(start, _)| name.starts_with(start)) {
                Some((_, reason)) => ignored.push((name.clone(), *reason)),
                None => unknown.push(name.clone()),
            }
        }
        Ok(FromEnvironment { settings, log_level, unknown, ignored })
    }
}

/// Upstream's variables that change nothing here: their names' starts, and why.
pub const IGNORED: [(&str, &str); 30] = [
    ("GOTRUE_DB_DRIVER", "PostgreSQL is the only one"),
    ("GOTRUE_DB_MIGRATIONS_PATH", "the migrations are in the program"),
    ("GOTRUE_DB_MAX_IDLE_POOL_SIZE", "idle connections are closed by `GOTRUE_DB_CONN_MAX_IDLE_TIME`"),
    ("GOTRUE_DB_HEALTH_CHECK_PERIOD", "a connection is looked at when it is taken"),
    ("GOTRUE_DB_ADVISOR_", "it watches Go's connection pool"),
    ("GOTRUE_LOG_", "the log goes to standard error in one form; its level is `RUST_LOG`, or `GOTRUE_LOG_LEVEL`"),
    ("GOTRUE_TRACING_", "spans go to the log"),
    ("GOTRUE_METRICS_", "metrics are the node's"),
    ("GOTRUE_PROFILER_", "it is Go's profiler"),
    ("GOTRUE_OPERATOR_TOKEN", "upstream does not use it either"),
    ("GOTRUE_API_ENDPOINT", "upstream does not use it either"),
    ("GOTRUE_SESSION_KEY", "upstream does not use it either"),
    ("GOTRUE_MAX_VERIFIED_FACTORS", "upstream reads `GOTRUE_MFA_MAX_VERIFIED_FACTORS`"),
    ("GOTRUE_JWT_ADMIN_GROUP_NAME", "administrators are told by `GOTRUE_JWT_ADMIN_ROLES`"),
    ("GOTRUE_EXTERNAL_SAML_", "upstream reads `GOTRUE_SAML_*`"),
    ("GOTRUE_EXTERNAL_SKIP_NONCE_CHECK", "it is set per provider"),
    ("GOTRUE_EXTERNAL_OIDC_PROVIDER_CACHE_TTL", "a provider's own cache headers are followed"),
    ("GOTRUE_PASSWORD_HIBP_BLOOM_", "no answer of the leak service is kept"),
    ("GOTRUE_MAILER_EMAIL_VALIDATION_SERVICE_", "no address is looked up before it is written to"),
    ("GOTRUE_MAILER_EMAIL_VALIDATION_BLOCKED_", "no address is looked up before it is written to"),
    ("GOTRUE_INDEX_WORKER_", "the migrations make the indexes"),
    ("GOTRUE_RELOADING_", "files are read again when they change"),
    ("GOTRUE_EXPERIMENTAL_", "not in the contract"),
    ("GOTRUE_MAILER_TEMPLATE_", "templates are fetched for each message"),
    ("GOTRUE_MAILER_EMAIL_BACKGROUND_SENDING", "who asks for a mail is told when it can't be sent"),
    ("GOTRUE_SMTP_LOGGING_ENABLED", "what a mail server refuses is always in the log, and nothing else of it"),
    ("GOTRUE_MFA_RECOVERY_CODES_", "recovery codes are not in the contract"),
    ("GOTRUE_SAML_PRIVATE_KEY_NEXT", "there is no SAML"),
    ("GOTRUE_HOOK_CUSTOM_SMS_PROVIDER_", "upstream reads `GOTRUE_HOOK_SEND_SMS_*`"),
    ("GOTRUE_WEBHOOK_", "hooks are set by `GOTRUE_HOOK_*`"),
];

/// Reads one variable after the other, and keeps what was asked for and what was wrong.
struct Reader<'a> {
    variables: &'a Variables,
    asked: BTreeSet<String>,
    errors: Vec<VariableError>,
}

/// Names that upstream takes besides `GOTRUE_<name>`, the first one that is set counts.
const OTHER_NAMES: [(&str, &[&str]); 8] = [
    ("API_PORT", &["PORT"]),
    ("API_EXTERNAL_URL", &["GOTRUE_API_API_EXTERNAL_URL", "API_EXTERNAL_URL"]),
    ("API_REQUEST_ID_HEADER", &["REQUEST_ID_HEADER"]),
    ("DB_DATABASE_URL", &["DATABASE_URL"]),
    ("DB_NAMESPACE", &["GOTRUE_DB_DB_NAMESPACE", "DB_NAMESPACE"]),
    ("WEBAUTHN_RP_ID", &["RP_ID"]),
    ("JWT_VALID_METHODS", &["GOTRUE_JWT_VALIDMETHODS"]),
    ("RATE_LIMIT_OAUTH_DYNAMIC_CLIENT_REGISTER", &["GOTRUE_RATE_LIMIT_O_AUTH_DYNAMIC_CLIENT_REGISTER"]),
];

impl<'a> Reader<'a> {
    /// The variable's own name and its text, trimmed; `None` if it is not set or empty.
    fn find(&mut self, name: &str) -> Option<(String, &'a str)> {
        let own = format!("GOTRUE_{name}");
        let others = OTHER_NAMES.iter().find(|(of, _)| *of == name).map(|(_, others)| *others).unwrap_or_default();
        let mut found = None;
        for name in std::iter::once(own.as_str()).chain(others.iter().copied()) {
            self.asked.insert(name.to_owned());
            let text = self.variables.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
            if found.is_none() {
                found = text.map(|text| (name.to_owned(), text));
            }
        }
        found
    }

    fn optional(&mut self, name: &str) -> Option<String> {
        self.find(name).map(|(_, text)| text.to_owned())
    }

    fn required(&mut self, name: &str, expected: &str) -> String {
        let found = self.optional(name);
        if found.is_none() {
            let variable = OTHER_NAMES.iter().find(|(of, _)| *of == name).and_then(|(_, others)| others.last());
            let variable = variable.map_or_else(|| format!("GOTRUE_{name}"), |name| (*name).to_owned());
            self.errors.push(VariableError { variable, expected: expected.to_owned(), value: None });
        }
        found.unwrap_or_default()
    }

    fn text(&mut self, name: &str, into: &mut String) {
        if let Some(text) = self.optional(name) {
            *into = text;
        }
    }

    /// Read by `read`; what it can't read is an error.
    fn parsed<T>(&mut self, name: &str, expected: &str, read: impl FnOnce(&str) -> Option<T>, into: &mut T) {
        let Some((variable, text)) = self.find(name) else { return };
        match read(text) {
            Some(value) => *into = value,
            None => self.errors.push(VariableError { variable, expected: expected.to_owned(), value: Some(text.to_owned()) }),
        }
    }

    fn flag(&mut self, name: &str, into: &mut bool) {
        self.parsed(name, "true or false", value::boolean, into);
    }

    fn number<T: std::str::FromStr>(&mut self, name: &str, into: &mut T) {
        self.parsed(name, "a whole number", |text| text.parse().ok(), into);
    }

    fn duration(&mut self, name: &str, into: &mut Duration) {
        self.parsed(name, "a duration (`90s`, `1h30m`)", value::duration, into);
    }

    /// Not set, or longer than nothing.
    fn optional_duration(&mut self, name: &str, into: &mut Option<Duration>) {
        let positive = |text: &str| value::duration(text).filter(|span| !span.is_zero()).map(Some);
        self.parsed(name, "a duration above 0 (`24h`)", positive, into);
    }

    /// A plain number of seconds, as upstream has some.
    fn seconds(&mut self, name: &str, into: &mut Duration) {
        self.duration(name, into);
    }

    fn list(&mut self, name: &str, into: &mut Vec<String>) {
        if let Some((_, text)) = self.find(name) {
            *into = value::list(text);
        }
    }

    /// An error of a secret's: without its value.
    fn wrong_secret(&mut self, name: &str, expected: String) {
        self.errors.push(VariableError { variable: format!("GOTRUE_{name}"), expected, value: None });
    }

    fn wrong(&mut self, name: &str, expected: &str) {
        let value = self.optional(name);
        self.errors.push(VariableError { variable: format!("GOTRUE_{name}"), expected: expected.to_owned(), value });
    }
}
