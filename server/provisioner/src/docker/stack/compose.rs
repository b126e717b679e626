//! The subset of the Compose specification (<https://github.com/compose-spec/compose-spec/blob/main/spec.md>) that a stack
//! may use. What is not here is an error that names the key: better than a setting that is silently dropped.
//!
//! Not in it on purpose: what reaches out of the project (`ports`, `networks`, host paths, `privileged`, `devices`), because
//! a project's network and its ports are the driver's; and `build`, because images are made once and not for each project.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Deserializer, de::Error as _};

/// A `compose.yaml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Compose {
    /// Accepted and ignored: containers are named after the project.
    #[serde(default, rename = "name")]
    _name: Option<String>,
    /// How the driver finds its way in the stack.
    #[serde(rename = "x-supacloud")]
    pub(crate) binding: Binding,
    pub(crate) services: BTreeMap<String, Service>,
    #[serde(default)]
    pub(crate) volumes: BTreeMap<String, Option<Volume>>,
    #[serde(default)]
    pub(crate) secrets: BTreeMap<String, Secret>,
}

/// `x-supacloud`: which services the driver has to know.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Binding {
    pub(crate) database: DatabaseBinding,
    /// Which paths of the project's address are whose.
    pub(crate) routes: Vec<RouteBinding>,
    /// Where to ask, by GET, whether the services are ready: 200 if so. Missing: whether the first route's port accepts connections.
    #[serde(default)]
    pub(crate) ready: Option<PlaceBinding>,
    /// Where a service takes, by PUT, what it is to go by while it runs. Missing: the services go by what they were made with.
    #[serde(default)]
    pub(crate) settings: Option<PlaceBinding>,
}

/// The database service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DatabaseBinding {
    pub(crate) service: String,
    /// The volume whose folder `data` is the data directory (`PGDATA`).
    pub(crate) volume: String,
    #[serde(default = "postgres_port")]
    pub(crate) port: u16,
}

const fn postgres_port() -> u16 {
    5432
}

/// A route.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteBinding {
    /// By whole segments; `/` is every path.
    pub(crate) prefix: String,
    pub(crate) service: String,
    pub(crate) port: u16,
    /// The service does not expect the prefix.
    #[serde(default)]
    strip_prefix: bool,
    /// It expects this in the place of the prefix.
    #[serde(default)]
    replace_prefix: Option<String>,
}

impl RouteBinding {
    /// What the service expects in the place of the prefix; nothing where the path is its own as it is.
    pub(crate) fn instead(&self) -> Option<String> {
        self.replace_prefix.clone().or_else(|| self.strip_prefix.then(String::new))
    }
}

/// What is asked of a service itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlaceBinding {
    pub(crate) service: String,
    pub(crate) port: u16,
    pub(crate) path: String,
}

/// A service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    pub(crate) image: String,
    #[serde(default)]
    pub(crate) command: Option<Words>,
    #[serde(default)]
    pub(crate) entrypoint: Option<Words>,
    #[serde(default)]
    pub(crate) environment: Environment,
    #[serde(default)]
    pub(crate) depends_on: DependsOn,
    #[serde(default)]
    pub(crate) network_mode: Option<NetworkMode>,
    #[serde(default)]
    pub(crate) volumes: Vec<VolumeMount>,
    #[serde(default)]
    pub(crate) tmpfs: OneOrMany,
    /// Names of top-level secrets; each is a file below /run/secrets.
    #[serde(default)]
    pub(crate) secrets: Vec<String>,
    #[serde(default)]
    pub(crate) healthcheck: Option<HealthCheck>,
    #[serde(default)]
    pub(crate) user: Option<String>,
    #[serde(default)]
    pub(crate) working_dir: Option<String>,
    #[serde(default)]
    pub(crate) read_only: bool,
    /// Capabilities that this service can't do without; all others are dropped.
    #[serde(default)]
    pub(crate) cap_add: Vec<String>,
    #[serde(default)]
    pub(crate) shm_size: Option<Bytes>,
    #[serde(default)]
    pub(crate) stop_signal: Option<String>,
    #[serde(default)]
    pub(crate) stop_grace_period: Option<Period>,
    #[serde(default)]
    pub(crate) pids_limit: Option<i64>,
    /// This service's part of the memory of the project's size, in percent.
    #[serde(default = "all", rename = "x-memory-percent")]
    pub(crate) memory_percent: u8,
}

const fn all() -> u8 {
    100
}

/// A volume of the project's own. The driver keeps it; there is nothing to choose.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Volume {}

/// A secret: the value of a variable.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Secret {
    pub(crate) environment: String,
}

/// A command: a list of words, or a line that is split as a shell would.
#[derive(Debug, Clone)]
pub(crate) struct Words(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match OneOrMany::deserialize(deserializer)? {
            OneOrMany::Many(words) => Ok(Self(words)),
            OneOrMany::One(line) => {
                let words = shlex::split(&line).ok_or_else(|| D::Error::custom(format!("{line:?} has an open quote")))?;
                Ok(Self(words))
            }
        }
    }
}

/// A word or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    Many(Vec<String>),
    One(String),
}

impl Default for OneOrMany {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl OneOrMany {
    pub(crate) fn as_slice(&self) -> &[String] {
        match self {
            Self::Many(words) => words,
            Self::One(word) => std::slice::from_ref(word),
        }
    }
}

/// Variables: a map, or a list of `NAME=value`. Every value is text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment(pub(crate) BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Environment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Map(BTreeMap<String, Scalar>),
            List(Vec<String>),
        }
        match Form::deserialize(deserializer)? {
            Form::Map(map) => Ok(Self(map.into_iter().map(|(name, value)| (name, value.into_text())).collect())),
            Form::List(list) => {
                let pair = |line: String| match line.split_once('=') {
                    Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
                    None => {
                        Err(D::Error::custom(format!("{line:?} has no value: the server's own environment is not passed on")))
                    }
                };
                Ok(Self(list.into_iter().map(pair).collect::<Result<_, _>>()?))
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Bool(bool),
    Integer(i64),
    Number(f64),
    Text(String),
}

impl Scalar {
    fn into_text(self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Number(value) => value.to_string(),
            Self::Text(value) => value,
        }
    }
}

/// Services to start before this one: a list, or a map with a condition each, which is accepted and ignored (whoever needs
/// another service waits for it).
#[derive(Debug, Clone, Default)]
pub(crate) struct DependsOn(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for DependsOn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Condition {
            #[serde(rename = "condition")]
            _condition: String,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            List(Vec<String>),
            Map(BTreeMap<String, Condition>),
        }
        Ok(Self(match Form::deserialize(deserializer)? {
            Form::List(names) => names,
            Form::Map(map) => map.into_keys().collect(),
        }))
    }
}

/// Whose network a service is in, if not in its own: `service:name`, as the containers of a Kubernetes pod share one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NetworkMode(pub(crate) String);

impl<'de> Deserialize<'de> for NetworkMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.strip_prefix("service:") {
            Some(service) if !service.is_empty() => Ok(Self(service.to_owned())),
            Some(_) | None => Err(D::Error::custom(format!("network_mode is {text:?}; only service:<name> is possible"))),
        }
    }
}

/// A named volume at a path: `name:/path` or `name:/path:ro`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VolumeMount {
    pub(crate) volume: String,
    pub(crate) target: String,
    pub(crate) read_only: bool,
}

impl<'de> Deserialize<'de> for VolumeMount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut parts = text.split(':');
        let (volume, target, mode) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next());
        let is_name = !volume.is_empty() && volume.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        let read_only = match mode {
            None | Some("rw") => false,
            Some("ro") => true,
            Some(_) => return Err(D::Error::custom(format!("{text:?}: the mode is ro or rw"))),
        };
        if !is_name || volume.starts_with('.') || !target.starts_with('/') || parts.next().is_some() {
            return Err(D::Error::custom(format!("{text:?} is not name:/path. Folders of the host can't be mounted")));
        }
        Ok(Self { volume: volume.to_owned(), target: target.to_owned(), read_only })
    }
}

/// A health check. The engine runs it; whether a project is healthy, the control plane finds out for itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HealthCheck {
    /// `["CMD", ...]`, `["CMD-SHELL", line]`, or a line for a shell.
    pub(crate) test: OneOrMany,
    #[serde(default)]
    pub(crate) interval: Option<Period>,
    #[serde(default)]
    pub(crate) timeout: Option<Period>,
    #[serde(default)]
    pub(crate) retries: Option<i64>,
    #[serde(default)]
    pub(crate) start_period: Option<Period>,
}

/// A time such as `1m30s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period(pub(crate) Duration);

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text).map(Self).map_err(|error| D::Error::custom(format!("{text:?} is not a time: {error}")))
    }
}

/// A size such as `64m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) i64);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let lower = text.to_ascii_lowercase();
        let digits = lower.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let shift = match &lower[digits.len()..] {
            "" | "b" => 0,
            "k" | "kb" => 10,
            "m" | "mb" => 20,
            "g" | "gb" => 30,
            _ => 63,
        };
        let bytes = digits.parse::<i64>().ok().and_then(|number| number.checked_mul(1_i64.checked_shl(shift)?));
        match bytes {
            Some(bytes) if bytes > 0 && shift < 63 => Ok(Self(bytes)),
            _ => Err(D::Error::custom(format!("{text:?} is not a size such as 64m"))),
        }
    }
}
