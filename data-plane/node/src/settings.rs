//! The program's settings, from the variables that it is given. The only place of their names and defaults.

use std::{collections::HashMap, net::SocketAddr, num::NonZeroUsize, path::PathBuf, str::FromStr, time::Duration};

use control_plane_api::ProjectRef;
use ipnet::IpNet;
use project_context::DatabaseAddress;

const ADMIN_LISTEN: &str = "NODE_ADMIN_LISTEN";
const ADMIN_LISTEN_DEFAULT: &str = "0.0.0.0:8001";

/// Why the settings can't be used. Names the variable and says what to do.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// One without a default is not set, or empty.
    #[error("{variable} is not set; set it to {expected}")]
    Missing {
        /// The variable.
        variable: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// The value is not of the kind that belongs there.
    #[error("{variable} is {value:?}; set it to {expected}")]
    Invalid {
        /// The variable.
        variable: &'static str,
        /// What was there.
        value: String,
        /// What belongs there.
        expected: &'static str,
    },
}

/// Everything the program is told, secrets aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `NODE_LISTEN`: where the services are served, to the gateway only.
    pub listen: SocketAddr,
    /// `NODE_ADMIN_LISTEN`: where `/live`, `/ready` and `/settings` are.
    pub admin_listen: SocketAddr,
    /// `NODE_PROJECT_REF`
    pub project_ref: ProjectRef,
    /// `NODE_API_URL`: the public address, without a trailing slash.
    pub api_url: String,
    /// `NODE_DATABASE_HOST`, `NODE_DATABASE_PORT`, `NODE_DATABASE_NAME`
    pub database: DatabaseAddress,
    /// `NODE_MAX_CONNECTIONS`: database connections at most.
    pub max_connections: usize,
    /// `NODE_IDLE_SECONDS`: after this long without a request they are closed.
    pub idle_after: Duration,
    /// `NODE_ALLOWED_NETWORKS`, with commas between them: what mail, hooks and providers may lead to besides the internet.
    pub allowed_networks: Vec<IpNet>,
    /// `NODE_SECRETS_DIR`
    pub secrets_dir: PathBuf,
    /// `NODE_LOG`: a level, or levels by module.
    pub log: String,
}

impl Settings {
    /// Reads the settings from a map of variables.
    ///
    /// # Errors
    /// The first [`SettingsError`].
    pub fn parse(variables: &HashMap<String, String>) -> Result<Self, SettingsError> {
        let variables = Variables(variables);
        Ok(Self {
            listen: variables.parsed("NODE_LISTEN", "0.0.0.0:8000", AN_ADDRESS)?,
            admin_listen: variables.parsed(ADMIN_LISTEN, ADMIN_LISTEN_DEFAULT, AN_ADDRESS)?,
            project_ref: variables.required("NODE_PROJECT_REF", "the project's ref, 20 lowercase letters")?,
            api_url: variables.url("NODE_API_URL")?,
            database: DatabaseAddress {
                host: variables.required("NODE_DATABASE_HOST", "the host name of the project's database")?,
                port: variables.parsed("NODE_DATABASE_PORT", "5432", "a port, 1 to 65535")?,
                name: variables.parsed("NODE_DATABASE_NAME", "postgres", "the database's name")?,
            },
            max_connections: variables.parsed::<NonZeroUsize>("NODE_MAX_CONNECTIONS", "20", "a number from 1")?.get(),
            idle_after: Duration::from_secs(variables.parsed("NODE_IDLE_SECONDS", "30", "a number of seconds")?),
            allowed_networks: variables.networks("NODE_ALLOWED_NETWORKS")?,
            secrets_dir: variables.parsed("NODE_SECRETS_DIR", "/run/secrets", "a folder")?,
            log: variables.parsed("NODE_LOG", "info", "a level, such as info")?,
        })
    }

    /// Where `/ready` is, for whoever wants to know only that.
    ///
    /// # Errors
    /// [`SettingsError::Invalid`]
    pub fn parse_admin_listen(variables: &HashMap<String, String>) -> Result<SocketAddr, SettingsError> {
        Variables(variables).parsed(ADMIN_LISTEN, ADMIN_LISTEN_DEFAULT, AN_ADDRESS)
    }
}

const AN_ADDRESS: &str = "an address and port, such as 0.0.0.0:8000";

struct Variables<'a>(&'a HashMap<String, String>);

impl Variables<'_> {
    /// An empty variable counts as none: so compose files pass on what is not set.
    fn get(&self, variable: &str) -> Option<&str> {
        self.0.get(variable).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    fn parsed<T: FromStr>(&self, variable: &'static str, default: &str, expected: &'static str) -> Result<T, SettingsError> {
        let value = self.get(variable).unwrap_or(default);
        value.parse().map_err(|_| SettingsError::Invalid { variable, value: value.to_owned(), expected })
    }

    fn required<T: FromStr>(&self, variable: &'static str, expected: &'static str) -> Result<T, SettingsError> {
        let value = self.get(variable).ok_or(SettingsError::Missing { variable, expected })?;
        value.parse().map_err(|_| SettingsError::Invalid { variable, value: value.to_owned(), expected })
    }

    fn networks(&self, variable: &'static str) -> Result<Vec<IpNet>, SettingsError> {
        let listed = self.get(variable).unwrap_or_default();
        let networks = listed.split(',').map(str::trim).filter(|network| !network.is_empty()).map(str::parse);
        let expected = "networks such as 10.0.0.0/8, with commas between them";
        networks.collect::<Result<_, _>>().map_err(|_| SettingsError::Invalid { variable, value: listed.to_owned(), expected })
    }

    fn url(&self, variable: &'static str) -> Result<String, SettingsError> {
        let expected = "the project's public address, such as http://abcdefghijklmnopqrst.api.localhost:8000";
        let value: String = self.required(variable, expected)?;
        if value.starts_with("http://") || value.starts_with("https://") {
            Ok(value.trim_end_matches('/').to_owned())
        } else {
            Err(SettingsError::Invalid { variable, value, expected })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let given = [
            ("NODE_PROJECT_REF", "abcdefghijklmnopqrst"),
            ("NODE_API_URL", "https://abcdefghijklmnopqrst.api.example.com/"),
            ("NODE_DATABASE_HOST", "database"),
        ];
        let all = given.iter().chain(variables).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::parse(&all.collect())
    }

    #[test]
    fn what_is_not_given_has_a_default() {
        let settings = parse(&[("NODE_LOG", "")]).unwrap();
        assert_eq!(settings.listen, "0.0.0.0:8000".parse().unwrap());
        assert_eq!(settings.admin_listen, "0.0.0.0:8001".parse().unwrap());
        assert_eq!(settings.api_url, "https://abcdefghijklmnopqrst.api.example.com");
        assert_eq!(settings.database, DatabaseAddress { host: "database".to_owned(), port: 5432, name: "postgres".to_owned() });
        assert_eq!((settings.max_connections, settings.idle_after), (20, Duration::from_secs(30)));
        assert_eq!(settings.secrets_dir, PathBuf::from("/run/secrets"));
        assert_eq!(settings.log, "info");
        assert!(settings.allowed_networks.is_empty());
    }

    #[test]
    fn networks_have_commas_between_them() {
        let settings = parse(&[("NODE_ALLOWED_NETWORKS", "10.0.0.0/8, ::1/128")]).unwrap();
        assert_eq!(settings.allowed_networks, ["10.0.0.0/8".parse().unwrap(), "::1/128".parse::<IpNet>().unwrap()]);
    }

    #[test]
    fn errors_name_the_variable_and_what_belongs_there() {
        for (variable, value, message) in [
            ("NODE_LISTEN", "8000", r#"NODE_LISTEN is "8000"; set it to an address and port, such as 0.0.0.0:8000"#),
            ("NODE_PROJECT_REF", "a", r#"NODE_PROJECT_REF is "a"; set it to the project's ref, 20 lowercase letters"#),
            ("NODE_DATABASE_PORT", "65536", r#"NODE_DATABASE_PORT is "65536"; set it to a port, 1 to 65535"#),
            (
                "NODE_ALLOWED_NETWORKS",
                "localhost",
                r#"NODE_ALLOWED_NETWORKS is "localhost"; set it to networks such as 10.0.0.0/8, with commas between them"#,
            ),
            ("NODE_MAX_CONNECTIONS", "0", r#"NODE_MAX_CONNECTIONS is "0"; set it to a number from 1"#),
            (
                "NODE_API_URL",
                "example.com",
                r#"NODE_API_URL is "example.com"; set it to the project's public address, such as http://abcdefghijklmnopqrst.api.localhost:8000"#,
            ),
            ("NODE_DATABASE_HOST", " ", "NODE_DATABASE_HOST is not set; set it to the host name of the project's database"),
        ] {
            assert_eq!(parse(&[(variable, value)]).unwrap_err().to_string(), message);
        }
    }
}
