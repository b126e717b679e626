//! The connection to the engine, and what its refusals mean for a project.

use std::{error::Error as _, path::PathBuf, sync::Arc, time::Duration};

use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker, errors::Error};
use control_plane::ProvisionError;
use hyper_util::{
    client::legacy::{Client, connect::Connect},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::sync::OnceCell;

use super::{ssh, tls};

/// Longest time for one answer. Building and pulling stream theirs.
const TIMEOUT: Duration = Duration::from_secs(120);
/// How long a connection over a network is kept for the next call.
const IDLE: Duration = Duration::from_secs(30);
/// Where the engine listens unless told otherwise.
const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// Where the engine is, in the forms of `DOCKER_HOST`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineAddress {
    /// `unix:///path`, `tcp://host:port` or `ssh://user@host:port`; empty: the local socket.
    pub host: String,
    /// Folder with `ca.pem`, `cert.pem` and `key.pem`, for TLS over tcp.
    pub certificates: Option<PathBuf>,
}

/// The engine. Connects on first use, and again until that has succeeded once.
#[derive(Debug)]
pub(super) struct Engine {
    address: EngineAddress,
    docker: OnceCell<Docker>,
}

impl Engine {
    pub(super) fn new(address: EngineAddress) -> Self {
        Self { address, docker: OnceCell::new() }
    }

    /// A client that speaks the engine's version of the API.
    pub(super) async fn docker(&self) -> Result<&Docker, ProvisionError> {
        let connect = || async {
            let client = self.connect().map_err(|error| self.unavailable(&error))?;
            let client = client.negotiate_version().await.map_err(|error| self.unavailable(&error))?;
            let version = client.client_version();
            let version = format!("/v{}.{}", version.major_version, version.minor_version);
            Ok(client.with_request_modifier(move |request| versioned(request, &version)))
        };
        self.docker.get_or_try_init(connect).await
    }

    /// Whether a container's own address can be reached from here.
    pub(super) fn is_local(&self) -> bool {
        self.host().starts_with("unix://")
    }

    fn host(&self) -> &str {
        if self.address.host.is_empty() { DEFAULT_HOST } else { &self.address.host }
    }

    fn connect(&self) -> Result<Docker, Error> {
        let (host, seconds) = (self.host(), TIMEOUT.as_secs());
        if let Some(path) = host.strip_prefix("unix://") {
            return Docker::connect_with_unix(path, seconds, API_DEFAULT_VERSION);
        }
        if host.starts_with("ssh://") {
            let destination =
                ssh::Destination::parse(host).ok_or_else(|| said("it has the form ssh://user@host:port".to_owned()))?;
            return ssh::client(destination, seconds);
        }
        match &self.address.certificates {
            Some(folder) => tls::client(host, folder, seconds),
            None => Docker::connect_with_http(host, seconds, API_DEFAULT_VERSION),
        }
    }

    /// What a failure of the engine means. `doing` completes "could not ...".
    pub(super) fn failed(&self, doing: &str, error: Error) -> ProvisionError {
        match &error {
            Error::DockerResponseServerError { status_code, message } => refused(doing, *status_code, message.clone(), error),
            Error::DockerStreamError { error: message } => refused(doing, 500, message.clone(), error),
            Error::DockerContainerWaitError { error: message, .. } => refused(doing, 500, message.clone(), error),
            Error::RequestTimeoutError => {
                transient(format!("could not {doing}: the Docker engine did not answer in time"), error)
            }
            _ => self.unavailable(&error),
        }
    }

    fn unavailable(&self, error: &Error) -> ProvisionError {
        let host = self.host();
        let mut detail = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            // Some only pass on the words of their cause.
            if !detail.ends_with(&cause_text) {
                detail = format!("{detail}: {cause_text}");
            }
            source = cause.source();
        }
        let remedy = self.remedy(&detail);
        ProvisionError::Unavailable {
            cause: format!("the Docker engine at {host} can't be reached ({detail}). {remedy}; the project goes on by itself"),
            source: None,
        }
    }

    /// What helps against a failure with these words.
    fn remedy(&self, detail: &str) -> String {
        let has = |words: &str| detail.contains(words);
        match &self.address.certificates {
            _ if self.host().starts_with("ssh://") => {
                "As the user that supacloud runs as, `ssh` must get there without a question, and find `docker` there".to_owned()
            }
            Some(folder) if has("fatal alert") => {
                format!("It does not accept cert.pem in {}: have it signed by the engine's authority", folder.display())
            }
            Some(folder) if has("invalid peer certificate") => {
                format!("Its certificate is not signed for it by ca.pem in {}", folder.display())
            }
            Some(folder) if has(&folder.display().to_string()) => "Put ca.pem, cert.pem and key.pem there".to_owned(),
            None if self.host().starts_with("tcp://") && !has("Connection refused") => {
                "It may want TLS: set provisioner.docker.certificates. Or start it, or set provisioner.docker.host".to_owned()
            }
            Some(_) | None => "Start it, or set provisioner.docker.host".to_owned(),
        }
    }
}

/// The request for this version of the API: bollard asks for it and leaves it out of the path, which means the engine's
/// newest, whatever that is. And a proxy of the engine's socket may look only at paths that have one.
fn versioned(request: BollardRequest, version: &str) -> BollardRequest {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map(|path| format!("{version}{path}"));
    let mut uri = parts.uri.clone().into_parts();
    uri.path_and_query = path.and_then(|path| path.parse().ok());
    if let Ok(uri) = uri.try_into() {
        parts.uri = uri;
    }
    BollardRequest::from_parts(parts, body)
}

/// A client over connections that this makes. They are kept for a while: making one takes as long as several calls.
pub(super) fn over<C>(connector: C, address: &str, seconds: u64) -> Result<Docker, Error>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).build(connector);
    let client = Arc::new(client);
    let transport = move |request: BollardRequest| {
        let client = Arc::clone(&client);
        async move { client.request(request).await.map_err(Error::from) }
    };
    Docker::connect_with_custom_transport(transport, Some(address), seconds, API_DEFAULT_VERSION)
}

/// An error of the way to the engine, in these words.
pub(super) fn said(words: String) -> Error {
    std::io::Error::other(words).into()
}

/// Whether the engine says that what was asked for is not there.
pub(super) fn is_missing(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 404, .. })
}

/// Whether it is so already: started, stopped, being removed.
pub(super) fn is_so_already(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 304, .. })
}

/// Whether what was asked for can't be while the thing is as it is, such as a container that is just starting again.
pub(super) fn is_in_the_way(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 409, .. })
}

/// The answer, or nothing where what was asked about is not there.
pub(super) fn found<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sorts the engine's words by what helps. They are not translated, and have been the same for many versions.
fn refused(doing: &str, status: u16, message: String, source: Error) -> ProvisionError {
    let message = message.trim().to_owned();
    if let Some(port) = taken_port(&message) {
        return ProvisionError::PortInUse { port };
    }
    let has = |words: &str| message.contains(words);
    let remedy = if has("no space left on device") {
        "the engine's disk is full. Free some space (`docker system df` shows what takes it)"
    } else if has("non-overlapping IPv4 address pool") || has("Pool overlaps with other one") {
        "no free address range is left. Remove unused networks, or set provisioner.docker.address_pool to another range"
    } else if has("is already in use by container") {
        "the name is taken by a container that is not supacloud's. Rename or remove that one"
    } else if status == 404 && has("No such image") || has("manifest unknown") || has("pull access denied") {
        "the image is missing and can't be pulled. Check its name and the registry"
    } else {
        return transient(format!("could not {doing}: {message}"), source);
    };
    transient(format!("could not {doing}: {remedy}. The engine said: {message}"), source)
}

/// The port in a refusal to publish one, such as `Bind for 127.0.0.1:5433 failed: port is already allocated`.
fn taken_port(message: &str) -> Option<u16> {
    if !["port is already allocated", "address already in use", "ports are not available"]
        .iter()
        .any(|words| message.contains(words))
    {
        return None;
    }
    let after =
        message.split("127.0.0.1:").last().filter(|_| message.contains("127.0.0.1:")).or_else(|| message.split(':').nth(1))?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

pub(super) fn transient(cause: String, source: Error) -> ProvisionError {
    ProvisionError::Transient { cause, source: Some(Box::new(source)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(message: &str, status_code: u16) -> ProvisionError {
        let error = Error::DockerResponseServerError { status_code, message: message.to_owned() };
        Engine::new(EngineAddress { host: String::new(), certificates: None }).failed("start the container x", error)
    }

    #[test]
    fn refusals_say_what_to_do() {
        for (message, expected) in [
            ("mkdir /var/lib/docker/overlay2/x: no space left on device", "disk is full"),
            ("could not find an available, non-overlapping IPv4 address pool among the defaults", "address_pool"),
            ("Conflict. The container name \"/x\" is already in use by container \"abc\"", "Rename or remove"),
            ("No such image: x:latest", "can't be pulled"),
            ("something else", "could not start the container x: something else"),
        ] {
            let error = cause(message, 404);
            assert!(error.to_string().contains(expected) && !error.is_permanent() && !error.is_unavailable(), "{error}");
        }
    }

    #[test]
    fn a_taken_port_is_told_apart() {
        for message in [
            "driver failed programming external connectivity on endpoint x (abc): Bind for 127.0.0.1:5433 failed: port is already allocated",
            "driver failed programming external connectivity: Error starting userland proxy: listen tcp4 127.0.0.1:5433: bind: address already in use",
            "failed to bind host port for 127.0.0.1:5433:10.213.0.2:5432/tcp: address already in use",
        ] {
            assert!(matches!(cause(message, 500), ProvisionError::PortInUse { port: 5433 }), "{message}");
        }
    }

    #[tokio::test]
    async fn an_engine_that_is_not_there_is_no_fault_of_the_project() {
        for host in ["unix:///nonexistent/docker.sock", "tcp://127.0.0.1:1"] {
            let engine = Engine::new(EngineAddress { host: host.to_owned(), certificates: None });
            let error = engine.docker().await.unwrap_err();
            assert!(error.is_unavailable() && error.to_string().contains(host), "{error}");
        }
    }
}
