//! What the program is told, by its environment and its files.

use std::{borrow::Cow, path::PathBuf, time::Duration};

use ipnet::IpNet;
use project_context::{Database, PoolSettings};
use secrecy::ExposeSecret as _;

use crate::settings::{
    PoolSize, Settings,
    environment::{
        EnvironmentError, Variables,
        file::{FileError, with_files},
    },
};

/// As what it is known to the database.
const APPLICATION: &str = "auth";

/// Ours: networks that mail, hooks and providers may be in although they are private, by http and without encryption, too.
const ALLOWED_NETWORKS: &str = "AUTH_ALLOWED_NETWORKS";

/// Whoever sets this program's variables runs it, so its own networks are in reach: the mail catcher beside it in a compose
/// file, for one. Not what is link-local, where clouds keep their machines' credentials.
const OWN_NETWORKS: [&str; 6] = ["127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

/// Connections, unless told otherwise.
const CONNECTIONS: usize = 20;

/// The only schema that the tables are in.
const SCHEMA: &str = "auth";

/// Everything that settings are read from. The environment stays, files may change.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The environment's variables.
    pub environment: Variables,
    /// A file of variables.
    pub file: Option<PathBuf>,
    /// A folder of such files.
    pub folder: Option<PathBuf>,
}

/// What all of them say.
#[derive(Debug)]
pub struct Given {
    /// Auth's own settings.
    pub settings: Settings,
    /// `RUST_LOG`: a level, or levels by module. Without it, the level of `GOTRUE_LOG_LEVEL`.
    pub log: String,
    pub(super) database: Database,
    pub(super) allowed_networks: Vec<IpNet>,
    /// Of variables that have no effect.
    pub(super) warnings: Vec<String>,
}

/// Why the settings can't be used. Shows no secret.
#[derive(Debug, thiserror::Error)]
pub enum GivenError {
    /// A file can't be read or understood.
    #[error(transparent)]
    File(#[from] FileError),
    /// Variables that can't be used, all of them.
    #[error(transparent)]
    Variables(#[from] EnvironmentError),
    /// The connection string.
    #[error("DATABASE_URL can't be used: {0}")]
    Database(String),
    /// Tables can't be elsewhere.
    #[error("DB_NAMESPACE is {0:?}; the tables are in the schema auth, leave it out")]
    Schema(String),
    /// A network that is none.
    #[error("{ALLOWED_NETWORKS} has {0:?}; write networks such as 10.0.0.0/8 with commas between them, or none")]
    Network(String),
}

impl Given {
    /// Reads all of it.
    ///
    /// # Errors
    /// [`GivenError`]
    pub fn read(sources: &Sources) -> Result<Self, GivenError> {
        let variables = with_files(sources.environment.clone(), sources.file.as_deref(), sources.folder.as_deref())?;
        let read = Settings::from_environment(&variables)?;
        let ignored = read.ignored.iter().map(|(name, why)| format!("{name} has no effect: {why}"));
        let unknown = read.unknown.iter().map(|name| format!("{name} is not known and has no effect"));
        let warnings = ignored.chain(unknown).collect();
        let settings = read.settings;
        if settings.db.schema != SCHEMA {
            return Err(GivenError::Schema(settings.db.schema));
        }
        let url = settings.db.url.as_ref().map(|url| url.expose_secret()).unwrap_or_default();
        let parameters = variables.clone().into_iter().collect();
        let database = Database::parse(&without_path(url), &parameters, APPLICATION).map_err(GivenError::Database)?;
        let set = |name: &str| variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        Ok(Self {
            log: set("RUST_LOG").or(read.log_level).unwrap_or("info").to_owned(),
            allowed_networks: networks(set(ALLOWED_NETWORKS))?,
            database,
            settings,
            warnings,
        })
    }

    pub(super) fn pool(&self) -> PoolSettings {
        let db = &self.settings.db;
        PoolSettings {
            database: self.database.clone(),
            empty_path: true,
            max_connections: match db.max_pool_size {
                Some(PoolSize::Connections(connections)) => usize::try_from(connections).unwrap_or(usize::MAX),
                // Of the hundred that PostgreSQL has unless it is told otherwise.
                Some(PoolSize::Percent(percent)) => usize::from(percent),
                None => CONNECTIONS,
            },
            idle_after: db.conn_max_idle_time.unwrap_or(project_context::IDLE_AFTER).max(Duration::from_secs(1)),
            max_lifetime: db.conn_max_lifetime,
            wait: project_context::WAIT,
        }
    }
}

fn networks(listed: Option<&str>) -> Result<Vec<IpNet>, GivenError> {
    let listed: Vec<&str> = match listed {
        None => OWN_NETWORKS.to_vec(),
        Some("none") => Vec::new(),
        Some(listed) => listed.split(',').map(str::trim).collect(),
    };
    listed.into_iter().map(|network| network.parse().map_err(|_| GivenError::Network(network.to_owned()))).collect()
}

/// Without the search path that GoTrue's connection strings have: every name is written with its schema here.
fn without_path(url: &str) -> Cow<'_, str> {
    let Some((before, query)) = url.split_once('?') else { return Cow::Borrowed(url) };
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("search_path=")).collect();
    Cow::Owned(format!("{before}?{}", kept.join("&")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_path_is_left_out_and_the_rest_stays() {
        for (url, expected) in [
            ("postgres://a@b/c", "postgres://a@b/c"),
            ("postgres://a@b/c?search_path=auth", "postgres://a@b/c?"),
            (
                "postgres://a@b/c?sslmode=disable&search_path=auth&connect_timeout=5",
                "postgres://a@b/c?sslmode=disable&connect_timeout=5",
            ),
        ] {
            assert_eq!(without_path(url), expected);
        }
    }

    #[test]
    fn own_networks_are_in_reach_unless_others_are_listed() {
        let shown = |listed| networks(listed).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(shown(None).unwrap(), OWN_NETWORKS);
        assert_eq!(shown(Some("none")).unwrap(), Vec::<String>::new());
        assert_eq!(shown(Some("192.0.2.0/24, ::1/128")).unwrap(), ["192.0.2.0/24", "::1/128"]);
        assert!(shown(Some("localhost")).unwrap_err().to_string().contains(r#"has "localhost"; write networks"#));
        let link_local: std::net::IpAddr = "169.254.169.254".parse().unwrap();
        assert!(!networks(None).unwrap().iter().any(|network| network.contains(&link_local)));
    }
}
