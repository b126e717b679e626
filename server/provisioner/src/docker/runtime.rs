//! Makes one container be as it is to be, from whatever it is found as; and short-lived ones that do a piece of work.

use std::{collections::HashMap, time::Duration};

use bollard::{
    container::LogOutput,
    models::{ContainerCreateBody, ContainerInspectResponse, ContainerSummary, HostConfig, NetworkConnectRequest},
    query_parameters::{
        CreateContainerOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder, LogsOptionsBuilder,
        RemoveContainerOptionsBuilder, RenameContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
        WaitContainerOptions,
    },
};
use control_plane::ProvisionError;
use control_plane_api::ProjectRef;
use futures::StreamExt as _;

use super::{
    container::{Desired, endpoint, hardened},
    engine::{Engine, found, is_in_the_way, is_missing, is_so_already},
    image::Images,
    names::{COMPONENT, GENERATION, Names},
    watch::Watch,
};

/// Lines of a container's output that go into an error.
const LAST_LINES: &str = "12";
/// So many times in a row the engine may start a container again before waiting for it is given up.
const RESTARTS: i64 = 3;
/// Longest time for a piece of work, such as copying a volume.
const WORK_LIMIT: Duration = Duration::from_secs(540);

/// A container that is as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prepared {
    pub(super) id: String,
    /// It runs, or will without our doing.
    pub(super) alive: bool,
}

/// The engine with what is needed to change its containers without alarming the watch.
#[derive(Debug)]
pub(super) struct Runtime<'a> {
    pub(super) engine: &'a Engine,
    pub(super) names: &'a Names,
    pub(super) images: &'a Images,
    pub(super) watch: &'a Watch,
}

impl Runtime<'_> {
    /// The project's containers, running or not.
    pub(super) async fn containers(&self, project_ref: &ProjectRef) -> Result<Vec<ContainerSummary>, ProvisionError> {
        self.list(self.names.of_project(project_ref)).await
    }

    /// The installation's containers, running or not.
    pub(super) async fn all_containers(&self) -> Result<Vec<ContainerSummary>, ProvisionError> {
        self.list(self.names.ours()).await
    }

    async fn list(&self, filters: HashMap<String, Vec<String>>) -> Result<Vec<ContainerSummary>, ProvisionError> {
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let listed = self.engine.docker().await?.list_containers(Some(options)).await;
        listed.map_err(|error| self.engine.failed("list containers", error))
    }

    pub(super) async fn inspect(&self, container: &str) -> Result<Option<ContainerInspectResponse>, ProvisionError> {
        let inspected = found(self.engine.docker().await?.inspect_container(container, None::<InspectContainerOptions>).await);
        inspected.map_err(|error| self.engine.failed(&format!("look at the container {container}"), error))
    }

    /// The container of this name, if it is this installation's.
    pub(super) async fn inspect_ours(&self, name: &str) -> Result<Option<ContainerInspectResponse>, ProvisionError> {
        let labels = |container: &ContainerInspectResponse| container.config.as_ref()?.labels.clone();
        let is_ours = |container: &ContainerInspectResponse| labels(container).is_some_and(|labels| self.names.is_ours(&labels));
        Ok(self.inspect(name).await?.filter(is_ours))
    }

    /// Has the container there as it is to be, running or not, and nothing else in its place: one that was renamed gets its
    /// name back, one of another generation is replaced, one that was paused or disconnected goes on.
    pub(super) async fn prepare(&self, desired: &Desired, existing: &[ContainerSummary]) -> Result<Prepared, ProvisionError> {
        let of_component: Vec<&ContainerSummary> =
            existing.iter().filter(|container| is_of(container, &desired.component)).collect();
        let named = |container: &ContainerSummary| {
            container.names.iter().flatten().any(|name| name.trim_start_matches('/') == desired.name)
        };
        let chosen =
            of_component.iter().position(|container| named(container)).or(if of_component.is_empty() { None } else { Some(0) });
        for (index, container) in of_component.iter().enumerate() {
            // Two of them on the same data would destroy it.
            if Some(index) != chosen {
                self.remove(container.id.as_deref().unwrap_or_default()).await?;
            }
        }
        let current = match chosen.and_then(|index| of_component[index].id.as_deref()) {
            Some(id) => self.inspect(id).await?,
            None => None,
        };
        let Some(current) = current else { return self.prepare_new(desired).await };
        let id = current.id.clone().unwrap_or_default();
        if !is_of_generation(&current, desired) || (desired.starts_once && !is_running(&current)) {
            self.stop(&id, desired.stop_grace).await?;
            self.remove(&id).await?;
            return self.prepare_new(desired).await;
        }
        self.adjust(&current, desired).await?;
        Ok(Prepared { id, alive: is_alive(&current) })
    }

    /// Puts right what can be without another container.
    async fn adjust(&self, current: &ContainerInspectResponse, desired: &Desired) -> Result<(), ProvisionError> {
        let docker = self.engine.docker().await?;
        let id = current.id.as_deref().unwrap_or_default();
        let doing = format!("put the container {} right", desired.name);
        let failed = |error| self.engine.failed(&doing, error);
        if current.name.as_deref().is_some_and(|name| name.trim_start_matches('/') != desired.name) {
            self.watch.expect_one(id, "rename");
            docker
                .rename_container(id, RenameContainerOptionsBuilder::new().name(&desired.name).build())
                .await
                .map_err(failed)?;
        }
        if !desired.limits.are_of(current) {
            self.watch.expect_one(id, "update");
            docker.update_container(id, desired.limits.update()).await.map_err(failed)?;
        }
        if let Some((network, address)) = &desired.endpoint
            && !is_connected(current, desired)
        {
            let endpoint_config = Some(endpoint(&desired.component, *address));
            let request = NetworkConnectRequest { container: id.to_owned(), endpoint_config };
            docker.connect_network(&network.name, request).await.map_err(failed)?;
        }
        if is_paused(current) {
            docker.unpause_container(id).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn prepare_new(&self, desired: &Desired) -> Result<Prepared, ProvisionError> {
        let id = self.create(&desired.name, desired.body.clone()).await?;
        Ok(Prepared { id, alive: false })
    }

    pub(super) async fn create(&self, name: &str, body: ContainerCreateBody) -> Result<String, ProvisionError> {
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        match self.engine.docker().await?.create_container(Some(options), body).await {
            Ok(created) => Ok(created.id),
            Err(error) => {
                if is_missing(&error) {
                    // Its image, of which it was not told that it went: the next try has it made.
                    self.images.forget();
                }
                Err(self.engine.failed(&format!("make the container {name}"), error))
            }
        }
    }

    pub(super) async fn start(&self, id: &str, name: &str) -> Result<(), ProvisionError> {
        match self.engine.docker().await?.start_container(id, None::<StartContainerOptions>).await {
            Ok(()) => Ok(()),
            Err(error) if is_so_already(&error) => Ok(()),
            Err(error) => Err(self.engine.failed(&format!("start the container {name}"), error)),
        }
    }

    /// Starts a container that joins another one's network. Answers whether there was one to join: an owner that has ended in
    /// this moment has none.
    pub(super) async fn start_joined(&self, id: &str, name: &str) -> Result<bool, ProvisionError> {
        match self.engine.docker().await?.start_container(id, None::<StartContainerOptions>).await {
            Ok(()) => Ok(true),
            Err(error) if is_so_already(&error) => Ok(true),
            Err(error) if is_in_the_way(&error) || error.to_string().contains("cannot join network of a non running") => {
                Ok(false)
            }
            Err(error) => Err(self.engine.failed(&format!("start the container {name}"), error)),
        }
    }

    /// Stops a container, giving it so many seconds. One that is stopped, or not there, is fine.
    pub(super) async fn stop(&self, id: &str, grace: i64) -> Result<(), ProvisionError> {
        self.watch.expect(id);
        let options = StopContainerOptionsBuilder::new().t(i32::try_from(grace).unwrap_or(i32::MAX)).build();
        match self.engine.docker().await?.stop_container(id, Some(options)).await {
            Ok(()) => Ok(()),
            Err(error) if is_so_already(&error) || is_missing(&error) => Ok(()),
            Err(error) => Err(self.engine.failed(&format!("stop the container {id}"), error)),
        }
    }

    /// Removes a container with its anonymous volumes, running or not.
    pub(super) async fn remove(&self, id: &str) -> Result<(), ProvisionError> {
        self.watch.expect(id);
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match self.engine.docker().await?.remove_container(id, Some(options)).await {
            Ok(()) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            // Somebody else is at it; whoever needs it gone looks again.
            Err(error) if error.to_string().contains("is already in progress") => Ok(()),
            Err(error) => Err(self.engine.failed(&format!("remove the container {id}"), error)),
        }
    }

    /// Removes what is left under this name by a life that was cut short. What is somebody else's stays.
    pub(super) async fn clear(&self, name: &str) -> Result<(), ProvisionError> {
        match self.inspect_ours(name).await?.and_then(|container| container.id) {
            Some(id) => self.remove(&id).await,
            None => Ok(()),
        }
    }

    /// Runs a container to its end, and removes it: its exit code and its last words.
    pub(super) async fn work(&self, name: &str, body: ContainerCreateBody) -> Result<(i64, String), ProvisionError> {
        self.clear(name).await?;
        let id = self.create(name, body).await?;
        self.watch.expect(&id);
        let worked = async {
            let docker = self.engine.docker().await?;
            let started = docker.start_container(&id, None::<StartContainerOptions>).await;
            started.map_err(|error| self.engine.failed(&format!("start the container {name}"), error))?;
            // Not before: what was never started does not run, and is not waited for.
            let mut waiting = std::pin::pin!(docker.wait_container(&id, None::<WaitContainerOptions>));
            let code = match tokio::time::timeout(WORK_LIMIT, waiting.next()).await {
                Ok(Some(Ok(answer))) => answer.status_code,
                Ok(Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. }))) => code,
                Ok(Some(Err(error))) => return Err(self.engine.failed(&format!("wait for the container {name}"), error)),
                Ok(None) | Err(_) => {
                    return Err(ProvisionError::Transient { cause: format!("the container {name} did not end"), source: None });
                }
            };
            Ok((code, self.last_words(&id).await))
        };
        let result = worked.await;
        self.remove(&id).await?;
        result
    }

    /// The version of the PostgreSQL server in an image, such as `17.6`.
    pub(super) async fn ask_version(&self, image: &str) -> Result<String, ProvisionError> {
        let body = ContainerCreateBody {
            image: Some(image.to_owned()),
            entrypoint: Some(vec!["postgres".to_owned(), "--version".to_owned()]),
            labels: Some(self.names.shared_labels("look")),
            network_disabled: Some(true),
            host_config: Some(HostConfig { network_mode: Some("none".to_owned()), ..hardened(true) }),
            ..ContainerCreateBody::default()
        };
        let (code, words) = self.work(&self.names.shared("version"), body).await?;
        // `postgres (PostgreSQL) 17.6 (Debian 17.6-0+deb13u1)`
        let version = words.split(' ').find(|word| word.starts_with(|letter: char| letter.is_ascii_digit()));
        match version.filter(|_| code == 0) {
            Some(version) => Ok(version.trim().to_owned()),
            None => Err(ProvisionError::Transient {
                cause: format!("the image {image} did not tell its version of PostgreSQL (exit code {code}): {words}"),
                source: None,
            }),
        }
    }

    /// The end of what a container has printed, for an error. Empty if that can't be had.
    pub(super) async fn last_words(&self, id: &str) -> String {
        let Ok(docker) = self.engine.docker().await else { return String::new() };
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(LAST_LINES).build();
        let mut output = std::pin::pin!(docker.logs(id, Some(options)));
        let mut words = String::new();
        while let Some(Ok(output)) = output.next().await {
            match output {
                LogOutput::StdErr { message } | LogOutput::StdOut { message } | LogOutput::Console { message } => {
                    words.push_str(&String::from_utf8_lossy(&message));
                }
                LogOutput::StdIn { .. } => {}
            }
        }
        words.trim().to_owned()
    }
}

/// Tells containers that the engine has just started again from those that end again and again, by how often it has done so
/// since the first look at each.
#[derive(Debug, Default)]
pub(super) struct Restarts(HashMap<String, i64>);

impl Restarts {
    /// Whether waiting for this container is no use. To be asked at every look.
    pub(super) fn are_too_many(&mut self, container: &ContainerInspectResponse) -> bool {
        let count = container.restart_count.unwrap_or_default();
        let first = self.0.entry(container.id.clone().unwrap_or_default()).or_insert(count);
        // One that was started by hand is counted anew.
        *first = count.min(*first);
        count - *first >= RESTARTS
    }
}

/// Whether it is a container of this service.
pub(super) fn is_of(container: &ContainerSummary, service: &str) -> bool {
    container.labels.as_ref().and_then(|labels| labels.get(COMPONENT)).is_some_and(|component| component == service)
}

/// Whether its process runs.
pub(super) fn is_running(container: &ContainerInspectResponse) -> bool {
    container.state.as_ref().is_some_and(|state| state.running == Some(true) && state.restarting != Some(true))
}

/// Whether it has ended and the engine is about to start it again, by its restart policy.
pub(super) fn is_restarting(container: &ContainerInspectResponse) -> bool {
    container.state.as_ref().is_some_and(|state| state.restarting == Some(true))
}

/// Whether it runs, or will without our doing.
pub(super) fn is_alive(container: &ContainerInspectResponse) -> bool {
    is_running(container) || is_restarting(container)
}

/// As [`is_alive`], of a container in a list.
pub(super) fn is_listed_alive(container: &ContainerSummary) -> bool {
    use bollard::models::ContainerSummaryStateEnum::{PAUSED, RESTARTING, RUNNING};
    matches!(container.state, Some(RUNNING | PAUSED | RESTARTING))
}

pub(super) fn is_paused(container: &ContainerInspectResponse) -> bool {
    container.state.as_ref().is_some_and(|state| state.paused == Some(true))
}

pub(super) fn is_of_generation(container: &ContainerInspectResponse, desired: &Desired) -> bool {
    let labels = |labels: &Option<HashMap<String, String>>| labels.as_ref().and_then(|labels| labels.get(GENERATION).cloned());
    let current = container.config.as_ref().and_then(|config| labels(&config.labels));
    current.is_some() && current == labels(&desired.body.labels)
}

/// Whether it is in the project's network, where it has a place of its own there. A stopped one is connected when it starts.
pub(super) fn is_connected(container: &ContainerInspectResponse, desired: &Desired) -> bool {
    let Some((network, _)) = &desired.endpoint else { return true };
    let networks = container.network_settings.as_ref().and_then(|settings| settings.networks.as_ref());
    networks.is_some_and(|networks| networks.contains_key(&network.name))
}

/// Whether it runs in a network that is there no more, because the container that it has joined has begun another life since.
pub(super) fn is_stranded(guest: &ContainerInspectResponse, owner: &ContainerInspectResponse) -> bool {
    let since = |container: &ContainerInspectResponse| {
        humantime::parse_rfc3339(container.state.as_ref()?.started_at.as_deref()?).ok().filter(|_| is_running(container))
    };
    since(guest).zip(since(owner)).is_some_and(|(guest, owner)| guest < owner)
}
