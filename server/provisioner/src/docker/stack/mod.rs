//! A stack: what a project's containers are, as a folder with a `compose.yaml`. Read, checked and filled with a project's
//! facts here; nothing here knows an engine.

mod check;
mod compose;
mod interpolate;

use std::{collections::BTreeMap, fs, path::Path};

pub(super) use compose::{Binding, HealthCheck, Period, PlaceBinding, VolumeMount};
pub(super) use interpolate::{Part, Value};

use compose::Compose;
use interpolate::{Filled, fill};

/// Largest `compose.yaml`, in bytes.
const MAX_BYTES: u64 = 256 * 1024;
/// Most services of a stack. Each has an address in the project's network.
pub(super) const MAX_SERVICES: usize = 10;

/// Seconds between the stop signal and the end of a service, unless the stack says otherwise.
const STOP_GRACE: i64 = 10;

/// A stack can't be used.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum StackError {
    #[error(
        "there is no stack {name:?}. There are {known}; another one is a folder with a compose.yaml in provisioner.docker.stacks_dir"
    )]
    Unknown { name: String, known: String },
    #[error("the stack {name:?} can't be read: {cause}")]
    Unreadable { name: String, cause: String },
    #[error("the stack {name:?} can't be used: {cause}")]
    Invalid { name: String, cause: String },
}

/// A stack as it was written.
#[derive(Debug, Clone)]
pub(super) struct Stack {
    name: String,
    compose: Compose,
}

/// A service with its variables filled in.
#[derive(Debug, Clone)]
pub(super) struct ServiceSpec {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) entrypoint: Option<Vec<String>>,
    pub(super) command: Option<Vec<String>>,
    pub(super) environment: BTreeMap<String, String>,
    /// Variables whose values contain secrets.
    pub(super) secret_environment: BTreeMap<String, Vec<Part>>,
    /// Files below /run/secrets, by name, with the secret that is in each.
    pub(super) secret_files: BTreeMap<String, String>,
    /// The service whose network it joins; nothing: it has its own.
    pub(super) joins: Option<String>,
    /// It depends on the database, itself or through others: it is to begin once that answers.
    pub(super) awaits_database: bool,
    pub(super) volumes: Vec<VolumeMount>,
    pub(super) tmpfs: Vec<String>,
    pub(super) healthcheck: Option<HealthCheck>,
    pub(super) user: Option<String>,
    pub(super) working_dir: Option<String>,
    pub(super) read_only: bool,
    pub(super) cap_add: Vec<String>,
    pub(super) shm_bytes: Option<i64>,
    pub(super) stop_signal: Option<String>,
    /// Seconds between the stop signal and the end.
    pub(super) stop_grace: i64,
    pub(super) pids_limit: Option<i64>,
    pub(super) memory_percent: u8,
}

impl ServiceSpec {
    /// It is started only once it has been given secrets.
    pub(super) fn has_secrets(&self) -> bool {
        !self.secret_environment.is_empty() || !self.secret_files.is_empty()
    }

    /// The service whose network it is in.
    pub(super) fn network_of(&self) -> &str {
        self.joins.as_deref().unwrap_or(&self.name)
    }
}

impl Stack {
    /// Finds a stack by name: in the folder, if there is one, or among those that come with the program.
    ///
    /// # Errors
    /// [`StackError`].
    pub(super) fn load(name: &str, folder: Option<&Path>) -> Result<Self, StackError> {
        let own = folder.map(|folder| folder.join(name)).filter(|stack| is_plain(name) && stack.is_dir());
        let text = match own {
            Some(stack) => read(name, &stack)?,
            None => {
                let known = project_template::STACKS.iter().find(|(known, _)| *known == name);
                known.map(|(_, text)| (*text).to_owned()).ok_or_else(|| unknown(name, folder))?
            }
        };
        Self::parse(name, &text)
    }

    fn parse(name: &str, text: &str) -> Result<Self, StackError> {
        let invalid = |cause: String| StackError::Invalid { name: name.to_owned(), cause };
        let compose: Compose = serde_saphyr::from_str(text).map_err(|error| invalid(error.to_string()))?;
        let stack = Self { name: name.to_owned(), compose };
        check::check(&stack.compose).map_err(invalid)?;
        Ok(stack)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn binding(&self) -> &Binding {
        &self.compose.binding
    }

    /// The names of its volumes.
    pub(super) fn volumes(&self) -> impl Iterator<Item = &str> {
        self.compose.volumes.keys().map(String::as_str)
    }

    /// Its services with the variables filled in, each after those that it needs.
    ///
    /// # Errors
    /// [`StackError::Invalid`] where a variable is not known.
    pub(super) fn services(&self, variables: &BTreeMap<String, Value>) -> Result<Vec<ServiceSpec>, StackError> {
        let invalid = |cause: String| StackError::Invalid { name: self.name.clone(), cause };
        let order = check::order(&self.compose.services).map_err(invalid)?;
        order
            .into_iter()
            .map(|name| self.service(name, variables).map_err(|cause| invalid(format!("service {name}: {cause}"))))
            .collect()
    }

    fn service(&self, name: &str, variables: &BTreeMap<String, Value>) -> Result<ServiceSpec, String> {
        let service = &self.compose.services[name];
        let plain = |text: &str| match fill(text, variables)? {
            Filled::Plain(text) => Ok(text),
            Filled::WithSecrets(_) => Err(format!(
                "{text:?} contains a secret, which everybody who may look at containers could read. Secrets may stand in \
                 environment and in secrets"
            )),
        };
        let words = |words: &Option<compose::Words>| match words {
            Some(words) => words.0.iter().map(|word| plain(word)).collect::<Result<Vec<_>, _>>().map(Some),
            None => Ok(None),
        };
        let (mut environment, mut secret_environment) = (BTreeMap::new(), BTreeMap::new());
        for (variable, text) in &service.environment.0 {
            match fill(text, variables)? {
                Filled::Plain(text) => drop(environment.insert(variable.clone(), text)),
                Filled::WithSecrets(parts) => drop(secret_environment.insert(variable.clone(), parts)),
            }
        }
        let secret_files = service.secrets.iter().map(|name| {
            let variable = &self.compose.secrets[name].environment;
            match variables.get(variable) {
                Some(Value::Secret) => Ok((name.clone(), variable.clone())),
                Some(Value::Fact(_)) | None => Err(format!("the secret {name:?} is made from {variable:?}, which is no secret")),
            }
        });
        Ok(ServiceSpec {
            name: name.to_owned(),
            image: plain(&service.image)?,
            entrypoint: words(&service.entrypoint)?,
            command: words(&service.command)?,
            environment,
            secret_environment,
            secret_files: secret_files.collect::<Result<_, _>>()?,
            joins: service.network_mode.as_ref().map(|mode| mode.0.clone()),
            awaits_database: check::depends(&self.compose.services, name, &self.compose.binding.database.service),
            volumes: service.volumes.clone(),
            tmpfs: service.tmpfs.as_slice().to_vec(),
            healthcheck: service.healthcheck.clone(),
            user: service.user.as_deref().map(plain).transpose()?,
            working_dir: service.working_dir.clone(),
            read_only: service.read_only,
            cap_add: service.cap_add.clone(),
            shm_bytes: service.shm_size.map(|size| size.0),
            stop_signal: service.stop_signal.clone(),
            stop_grace: service
                .stop_grace_period
                .map_or(STOP_GRACE, |period| i64::try_from(period.0.as_secs()).unwrap_or(i64::MAX)),
            pids_limit: service.pids_limit,
            memory_percent: service.memory_percent,
        })
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.len() <= 40 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn read(name: &str, folder: &Path) -> Result<String, StackError> {
    let path = folder.join("compose.yaml");
    let unreadable =
        |cause: String| StackError::Unreadable { name: name.to_owned(), cause: format!("{}: {cause}", path.display()) };
    let size = fs::metadata(&path).map_err(|error| unreadable(error.to_string()))?.len();
    if size > MAX_BYTES {
        return Err(unreadable(format!("it has {size} bytes; at most {MAX_BYTES} are read")));
    }
    fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))
}

fn unknown(name: &str, folder: Option<&Path>) -> StackError {
    let mut known: Vec<String> = project_template::STACKS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let entries = folder.and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    known.extend(
        entries
            .filter(|entry| entry.path().join("compose.yaml").exists())
            .filter_map(|entry| entry.file_name().into_string().ok()),
    );
    known.sort();
    known.dedup();
    StackError::Unknown { name: name.to_owned(), known: known.join(", ") }
}

#[cfg(test)]
mod tests;
