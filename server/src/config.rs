//! Settings: the embedded defaults, then a file, then the environment. Typed and checked at start.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use config::{Environment, File, FileFormat};
use gateway::Scheme;
use ipnet::Ipv4Net;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::networks::Networks;

/// Every setting with its default and what it means.
const DEFAULTS: &str = include_str!("config.default.toml");
const DEFAULT_FILE: &str = "supacloud.toml";
const PREFIX: &str = "SUPACLOUD_";
/// Shortest admin token, in characters.
const MIN_TOKEN_CHARS: usize = 16;

/// Settings in force.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(deserialize_with = "secret")]
    pub(crate) master_key: Option<SecretString>,
    pub(crate) server: Server,
    pub(crate) database: Database,
    pub(crate) provisioner: Provisioner,
    pub(crate) project: Project,
    pub(crate) log: Log,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Server {
    pub(crate) listen: SocketAddr,
    pub(crate) data_dir: PathBuf,
    pub(crate) domain: String,
    #[serde(deserialize_with = "secret")]
    pub(crate) admin_token: Option<SecretString>,
    #[serde(deserialize_with = "path")]
    pub(crate) site_root: Option<PathBuf>,
    #[serde(deserialize_with = "scheme")]
    pub(crate) public_scheme: Option<Scheme>,
    #[serde(deserialize_with = "port")]
    pub(crate) public_port: Option<u16>,
    pub(crate) trusted_proxies: Networks,
    pub(crate) refused_networks: Networks,
}

impl Server {
    /// The scheme and, where it is not the scheme's own, the port of the addresses that are shown, when the server listens at
    /// this port.
    pub(crate) fn public(&self, listening: u16) -> (Scheme, Option<u16>) {
        let is_local = self.domain == "localhost";
        let scheme = self.public_scheme.unwrap_or(if is_local { Scheme::Http } else { Scheme::Https });
        let own = (is_local && self.public_scheme.is_none()).then_some(listening);
        (scheme, self.public_port.or(own).filter(|port| *port != scheme.default_port()))
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Database {
    /// A secret: the URL may hold a password.
    #[serde(deserialize_with = "secret")]
    pub(crate) url: Option<SecretString>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Provisioner {
    pub(crate) driver: Driver,
    pub(crate) concurrency: usize,
    pub(crate) usage_interval_seconds: u64,
    pub(crate) size: String,
    pub(crate) local: Local,
    pub(crate) docker: Docker,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Driver {
    Local,
    Docker,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Docker {
    pub(crate) host: String,
    #[serde(deserialize_with = "path")]
    pub(crate) certificates: Option<PathBuf>,
    pub(crate) stack: String,
    #[serde(deserialize_with = "path")]
    pub(crate) stacks_dir: Option<PathBuf>,
    pub(crate) postgres_major: u32,
    pub(crate) base_image: String,
    pub(crate) postgres_image: String,
    pub(crate) node_image: String,
    #[serde(deserialize_with = "path")]
    pub(crate) node: Option<PathBuf>,
    pub(crate) address_pool: Ipv4Net,
    pub(crate) reach: Reach,
    pub(crate) server_container: String,
    pub(crate) publish_address: IpAddr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reach {
    Auto,
    Address,
    Port,
}

impl From<Reach> for provisioner::Reach {
    fn from(reach: Reach) -> Self {
        match reach {
            Reach::Auto => Self::Auto,
            Reach::Address => Self::Address,
            Reach::Port => Self::Port,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Local {
    #[serde(deserialize_with = "path")]
    pub(crate) binaries: Option<PathBuf>,
    pub(crate) run_as: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Project {
    pub(crate) max_connections: usize,
    pub(crate) idle_seconds: u64,
    pub(crate) concurrency: usize,
    pub(crate) max_body_bytes: u64,
    pub(crate) response_seconds: u64,
    pub(crate) allowed_networks: Networks,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) filter: String,
    pub(crate) format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// The settings can't be used. Each message names the setting and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("a setting is not understood: {0}. `supacloud config print` shows all of them with their meaning")]
    Malformed(#[from] config::ConfigError),
    #[error(
        "server.listen is {0}, which other machines can reach, but no admin token is set. Set SUPACLOUD_SERVER__ADMIN_TOKEN \
         (`openssl rand -hex 32` makes one), or listen on 127.0.0.1"
    )]
    OpenWithoutToken(SocketAddr),
    #[error("server.admin_token has {0} characters; at least {MIN_TOKEN_CHARS} are needed. `openssl rand -hex 32` makes one")]
    ShortToken(usize),
    #[error("server.domain {0:?} is not a host name. Use letters, digits, - and dots, such as example.com")]
    BadDomain(String),
    #[error(
        "provisioner.docker.address_pool {0} is too small: every project takes 16 addresses of it. Use a /16, such as 10.213.0.0/16"
    )]
    SmallPool(Ipv4Net),
    #[error("{0} must be at least 1")]
    Zero(&'static str),
}

impl Config {
    /// Reads the settings. `variables` is the environment; only `main` may pass the real one.
    pub(crate) fn load(file: Option<&str>, variables: &HashMap<String, String>) -> Result<Self, ConfigError> {
        let config: Self = sources(file, variables).build()?.try_deserialize()?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        match &self.server.admin_token {
            None if !self.server.listen.ip().is_loopback() => return Err(ConfigError::OpenWithoutToken(self.server.listen)),
            Some(token) if token.expose_secret().chars().count() < MIN_TOKEN_CHARS => {
                return Err(ConfigError::ShortToken(token.expose_secret().chars().count()));
            }
            Some(_) | None => {}
        }
        let domain = &self.server.domain;
        let is_label = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !domain.split('.').all(is_label) {
            return Err(ConfigError::BadDomain(domain.clone()));
        }
        for (name, value) in [
            ("provisioner.concurrency", self.provisioner.concurrency),
            ("project.max_connections", self.project.max_connections),
            ("project.concurrency", self.project.concurrency),
        ] {
            if value == 0 {
                return Err(ConfigError::Zero(name));
            }
        }
        if self.provisioner.docker.address_pool.prefix_len() > 28 {
            return Err(ConfigError::SmallPool(self.provisioner.docker.address_pool));
        }
        if self.provisioner.usage_interval_seconds == 0 {
            return Err(ConfigError::Zero("provisioner.usage_interval_seconds"));
        }
        Ok(())
    }
}

/// Where the server listens, for whoever asks it: the other settings may be wrong, or not this caller's to know.
pub(crate) fn listen(file: Option<&str>, variables: &HashMap<String, String>) -> Result<SocketAddr, ConfigError> {
    Ok(sources(file, variables).build()?.get("server.listen")?)
}

/// Where the server listens, and the token that it asks for, for whoever wants to talk to it.
pub(crate) fn access(
    file: Option<&str>,
    variables: &HashMap<String, String>,
) -> Result<(SocketAddr, Option<SecretString>), ConfigError> {
    let sources = sources(file, variables).build()?;
    let token: String = sources.get("server.admin_token")?;
    Ok((sources.get("server.listen")?, (!token.is_empty()).then(|| token.into())))
}

/// The settings in force as TOML, secrets redacted.
pub(crate) fn printed(file: Option<&str>, variables: &HashMap<String, String>) -> Result<String, ConfigError> {
    let config = sources(file, variables).build()?;
    let mut lines = Vec::new();
    for line in DEFAULTS.lines() {
        lines.push(line.to_owned());
    }
    let mut section = String::new();
    for line in &mut lines {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = format!("{name}.");
        } else if let Some((key, _)) = line.split_once(" = ")
            && !key.starts_with('#')
        {
            let path = format!("{section}{key}");
            let value: config::Value = config.get(&path)?;
            let shown = match value.kind {
                config::ValueKind::String(text) if !text.is_empty() && is_secret(&path) => "\"[redacted]\"".to_owned(),
                config::ValueKind::String(text) => format!("{text:?}"),
                other => other.to_string(),
            };
            *line = format!("{key} = {shown}");
        }
    }
    lines.push(String::new());
    Ok(lines.join("\n"))
}

fn is_secret(path: &str) -> bool {
    matches!(path, "master_key" | "server.admin_token" | "database.url")
}

fn sources(file: Option<&str>, variables: &HashMap<String, String>) -> config::ConfigBuilder<config::builder::DefaultState> {
    // Others of the prefix belong to the build and the tests.
    let ours =
        variables.iter().filter(|(name, _)| name.starts_with(PREFIX) && (name.contains("__") || *name == "SUPACLOUD_MASTER_KEY"));
    let mut environment: HashMap<String, String> = ours.map(|(name, value)| (name.clone(), value.clone())).collect();
    // Names that others use for the same.
    for (theirs, ours) in [
        ("DATABASE_URL", "SUPACLOUD_DATABASE__URL"),
        ("DOCKER_HOST", "SUPACLOUD_PROVISIONER__DOCKER__HOST"),
        ("DOCKER_CERT_PATH", "SUPACLOUD_PROVISIONER__DOCKER__CERTIFICATES"),
    ] {
        if let Some(value) = variables.get(theirs) {
            environment.entry(ours.into()).or_insert_with(|| value.clone());
        }
    }
    let from_file = match file {
        Some(path) => File::new(path, FileFormat::Toml).required(true),
        None => File::new(DEFAULT_FILE, FileFormat::Toml).required(false),
    };
    config::Config::builder()
        .add_source(File::from_str(DEFAULTS, FileFormat::Toml))
        .add_source(from_file)
        .add_source(Environment::with_prefix("SUPACLOUD").prefix_separator("_").separator("__").source(Some(environment)))
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok((!text.is_empty()).then(|| SecretString::from(text)))
}

fn scheme<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Scheme>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let invalid = || D::Error::custom(format!("{text:?} must be http or https"));
    if text.is_empty() { Ok(None) } else { Scheme::named(&text).map(Some).ok_or_else(invalid) }
}

fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let invalid = || D::Error::custom(format!("{text:?} must be a port, 1 to 65535"));
    let port = || text.parse().ok().filter(|port| *port != 0);
    if text.is_empty() { Ok(None) } else { port().map(Some).ok_or_else(invalid) }
}

fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok((!text.is_empty()).then(|| PathBuf::from(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Config::load(None, &variables)
    }

    #[test]
    fn defaults_are_complete_and_local() {
        let config = load(&[]).unwrap();
        assert_eq!(config.server.listen.to_string(), "127.0.0.1:8000");
        assert_eq!(config.provisioner.driver, Driver::Local);
        assert!(config.master_key.is_none() && config.server.admin_token.is_none());
    }

    #[test]
    fn the_environment_wins_and_foreign_variables_are_ignored() {
        let config = load(&[
            ("SUPACLOUD_SERVER__LISTEN", "127.0.0.1:9"),
            ("SUPACLOUD_TOOLS_DIR", "/x"),
            ("DATABASE_URL", "postgres://u@h/d"),
            ("SUPACLOUD_PROVISIONER__CONCURRENCY", "3"),
        ])
        .unwrap();
        assert_eq!(config.server.listen.port(), 9);
        assert_eq!(config.provisioner.concurrency, 3);
        assert_eq!(config.database.url.unwrap().expose_secret(), "postgres://u@h/d");
    }

    #[test]
    fn refuses_what_can_not_work_and_says_why() {
        for (variables, message) in [
            (&[("SUPACLOUD_SERVER__LISTEN", "0.0.0.0:8000")][..], "admin token"),
            (&[("SUPACLOUD_SERVER__ADMIN_TOKEN", "short")], "16"),
            (&[("SUPACLOUD_SERVER__LISTNE", "127.0.0.1:1")], "listne"),
            (&[("SUPACLOUD_SERVER__LISTEN", "nonsense")], "server.listen"),
            (&[("SUPACLOUD_PROVISIONER__DRIVER", "kubernetes")], "kubernetes"),
            (&[("SUPACLOUD_SERVER__DOMAIN", "exa mple")], "host name"),
            (&[("SUPACLOUD_PROJECT__CONCURRENCY", "0")], "project.concurrency"),
            (&[("SUPACLOUD_SERVER__TRUSTED_PROXIES", "10.0.0.0/8,proxy")], "\"proxy\" is neither an address nor a network"),
            (&[("SUPACLOUD_PROVISIONER__DOCKER__ADDRESS_POOL", "10.0.0.0/29")], "address_pool"),
            (&[("SUPACLOUD_PROVISIONER__DOCKER__ADDRESS_POOL", "10.0.0.1")], "address_pool"),
            (&[("SUPACLOUD_SERVER__REFUSED_NETWORKS", "10.0.0.0/33")], "server.refused_networks"),
            (&[("SUPACLOUD_PROJECT__ALLOWED_NETWORKS", "localhost")], "\"localhost\" is neither an address nor a network"),
            (&[("SUPACLOUD_SERVER__PUBLIC_SCHEME", "ftp")], "must be http or https"),
            (&[("SUPACLOUD_SERVER__PUBLIC_PORT", "0")], "server.public_port"),
            (&[("SUPACLOUD_SERVER__PUBLIC_PORT", "70000")], "1 to 65535"),
        ] {
            let error = load(variables).unwrap_err().to_string();
            assert!(error.contains(message), "{variables:?}: {error}");
        }
        let open = load(&[("SUPACLOUD_SERVER__LISTEN", "0.0.0.0:8000"), ("SUPACLOUD_SERVER__ADMIN_TOKEN", "0123456789abcdef")]);
        assert!(open.is_ok());
    }

    #[test]
    fn shown_addresses_follow_the_domain_unless_they_are_set() {
        for (domain, scheme, port, expected) in [
            ("localhost", "", "", ("http", Some(8000))),
            ("example.com", "", "", ("https", None)),
            ("example.com", "", "8443", ("https", Some(8443))),
            ("example.com", "http", "", ("http", None)),
            ("example.com", "HTTP", "8080", ("http", Some(8080))),
            ("example.com", "https", "443", ("https", None)),
            // A proxy's, at the scheme's own port.
            ("localhost", "https", "", ("https", None)),
            ("localhost", "", "9000", ("http", Some(9000))),
        ] {
            let variables = [
                ("SUPACLOUD_SERVER__DOMAIN", domain),
                ("SUPACLOUD_SERVER__PUBLIC_SCHEME", scheme),
                ("SUPACLOUD_SERVER__PUBLIC_PORT", port),
            ];
            let (found, port) = load(&variables).unwrap().server.public(8000);
            assert_eq!((found.as_str(), port), expected, "{variables:?}");
        }
    }

    #[test]
    fn networks_may_stand_in_the_environment() {
        let config = load(&[("SUPACLOUD_SERVER__TRUSTED_PROXIES", "10.0.0.0/8, ::1")]).unwrap();
        assert!(config.server.trusted_proxies.contain("::1".parse().unwrap()));
        assert!(!config.server.refused_networks.contain([10, 0, 0, 1].into()));
    }

    #[test]
    fn printing_shows_everything_but_secrets() {
        let variables = [
            ("SUPACLOUD_MASTER_KEY", "hunter2"),
            ("DATABASE_URL", "postgres://u:hunter2@h/d"),
            ("SUPACLOUD_SERVER__ADMIN_TOKEN", "hunter2"),
        ];
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let printed = printed(None, &variables).unwrap();
        assert!(!printed.contains("hunter2"), "{printed}");
        assert_eq!(printed.matches("[redacted]").count(), 3);
        assert!(printed.contains("listen = \"127.0.0.1:8000\""));
    }
}
