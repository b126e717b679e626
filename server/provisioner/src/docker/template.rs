//! The template volume: a cluster made once for a stack's database image and our SQL, from which every project's volume is
//! cloned; and the clones.

use std::{collections::HashSet, net::SocketAddr, time::Duration};

use bollard::{
    models::{ContainerCreateBody, HostConfig, PortBinding, PortMap, VolumeCreateRequest},
    query_parameters::{
        ContainerArchiveInfoOptionsBuilder, CreateContainerOptionsBuilder, ListVolumesOptionsBuilder,
        RemoveContainerOptionsBuilder, RemoveVolumeOptions,
    },
};
use control_plane::{Progress, ProvisionError};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use super::{
    Docker,
    container::{Owner, database_environment, hardened, networking, tmpfs, volume},
    delivery::{self, Secrets},
    engine::{found, is_missing},
    image::Image,
    reach,
    runtime::{Restarts, Runtime, is_restarting, is_running},
    services::life,
    stack::{ServiceSpec, Stack},
};
use crate::error::transient;

/// Longest time until a new cluster answers: `initdb` is part of it.
const START_LIMIT: Duration = Duration::from_secs(120);
/// Between two looks whether it does.
const LOOK: Duration = Duration::from_millis(5);
/// Where volumes are mounted in containers that only copy.
const FROM: &str = "/template";
pub(super) const TO: &str = "/var/lib/postgresql";
/// Exit codes of the image's verbs `clone` and `seal`; the image's README says which is which.
const NO_SOURCE: i64 = 66;
const NO_DATA: i64 = 72;
const DISK_FULL: i64 = 73;
const IN_USE: i64 = 75;

/// Templates that are known to be ready.
#[derive(Debug, Default)]
pub(super) struct Templates {
    ready: Mutex<HashSet<String>>,
}

/// What a template is made of.
pub(super) struct Recipe<'a> {
    pub(super) stack: &'a Stack,
    pub(super) database: &'a ServiceSpec,
    pub(super) image: &'a Image,
    /// The image whose verbs copy volumes.
    pub(super) copier: &'a Image,
}

impl Recipe<'_> {
    /// Changes with everything that a template has in it.
    fn volume(&self, docker: &Docker) -> String {
        let mut hash = Sha256::new();
        hash.update(&self.image.id);
        hash.update(project_template::hash());
        hash.update(format!("{:?}{:?}{:?}", self.database.environment, self.database.command, self.database.volumes));
        // Another password, and the clones could not be given theirs.
        hash.update(Sha256::digest(docker.settings.template_password.expose_secret()));
        docker.names.shared(&format!("template-{}", hex::encode(&hash.finalize()[..6])))
    }
}

impl Templates {
    /// Whether any is known to be ready.
    pub(super) async fn any(&self) -> bool {
        !self.ready.lock().await.is_empty()
    }

    /// Has the template ready, and answers the name of its volume. One at a time: whoever waits finds it made.
    pub(super) async fn ensure(
        &self,
        docker: &Docker,
        recipe: &Recipe<'_>,
        progress: &dyn Progress,
    ) -> Result<String, ProvisionError> {
        let name = recipe.volume(docker);
        let mut ready = self.ready.lock().await;
        if ready.contains(&name) {
            return Ok(name);
        }
        if !is_sealed(docker, &name, &recipe.copier.reference).await? {
            progress.line("Making the template database, once.");
            make(docker, recipe, &name).await?;
        }
        ready.insert(name.clone());
        drop(ready);
        remove_old(docker, &name).await;
        Ok(name)
    }

    /// Forgets a template that turned out not to be there.
    async fn forget(&self, name: &str) {
        self.ready.lock().await.remove(name);
    }

    /// Fills a project's volume from the template, unless it is full already. Answers how large the copy is, in bytes, where one
    /// was made.
    pub(super) async fn clone_to(
        &self,
        docker: &Docker,
        recipe: &Recipe<'_>,
        template: &str,
        target: &str,
    ) -> Result<Option<u64>, ProvisionError> {
        let mounts = vec![volume(template, FROM, false), volume(target, TO, false)];
        let body = copying(docker, recipe.copier, &["clone", FROM, TO], mounts);
        let (code, words) = docker.runtime().work(&format!("{target}-clone"), body).await?;
        let refused = |cause: String| Err(ProvisionError::Transient { cause, source: None });
        match code {
            0 => Ok(cloned_bytes(&words)),
            DISK_FULL => refused(format!(
                "the engine's disk is full. Free some space (`docker system df` shows what takes it). The clone said: {words}"
            )),
            NO_SOURCE => {
                self.forget(template).await;
                refused(format!(
                    "the template volume {template} is not there any more; it will be made again. The clone said: {words}"
                ))
            }
            IN_USE => refused(format!("the data is being copied by somebody else. The clone said: {words}")),
            code => refused(format!("the data could not be cloned (exit code {code}): {words}")),
        }
    }
}

/// The image's README says how it tells.
fn cloned_bytes(words: &str) -> Option<u64> {
    words.lines().find_map(|line| line.strip_prefix("cloned ")?.strip_suffix(" kB")?.parse::<u64>().ok()).map(|size| size * 1024)
}

/// A container that only copies: as the owner of the data, with no network. An engine that is told so does not make one that
/// leads nowhere, which is more than half of what it takes to start such a container.
pub(super) fn copying(
    docker: &Docker,
    image: &Image,
    words: &[&str],
    mounts: Vec<bollard::models::Mount>,
) -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(image.reference.clone()),
        cmd: Some(words.iter().map(|word| (*word).to_owned()).collect()),
        labels: Some(docker.names.shared_labels("copy")),
        network_disabled: Some(true),
        host_config: Some(HostConfig { mounts: Some(mounts), network_mode: Some("none".to_owned()), ..hardened(true) }),
        ..ContainerCreateBody::default()
    }
}

/// Whether the volume is there and complete.
async fn is_sealed(docker: &Docker, name: &str, image: &str) -> Result<bool, ProvisionError> {
    let engine = &docker.engine;
    let client = engine.docker().await?;
    let doing = format!("look at the volume {name}");
    let failed = |error| engine.failed(&doing, error);
    if found(client.inspect_volume(name).await).map_err(failed)?.is_none() {
        return Ok(false);
    }
    let container = format!("{name}-look");
    docker.runtime().clear(&container).await?;
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        labels: Some(docker.names.shared_labels("copy")),
        host_config: Some(HostConfig { mounts: Some(vec![volume(name, FROM, false)]), ..hardened(true) }),
        ..ContainerCreateBody::default()
    };
    client.create_container(Some(CreateContainerOptionsBuilder::new().name(&container).build()), body).await.map_err(failed)?;
    let look = ContainerArchiveInfoOptionsBuilder::new().path(&format!("{FROM}/complete")).build();
    let complete = found(client.get_container_archive_info(&container, Some(look)).await);
    let remove = RemoveContainerOptionsBuilder::new().force(true).build();
    client.remove_container(&container, Some(remove)).await.map_err(failed)?;
    Ok(complete.map_err(failed)?.is_some())
}

async fn make(docker: &Docker, recipe: &Recipe<'_>, name: &str) -> Result<(), ProvisionError> {
    let runtime = docker.runtime();
    let container = format!("{name}-making");
    // Half of one that was interrupted.
    runtime.clear(&container).await?;
    remove_volume(docker, name).await?;
    let request = VolumeCreateRequest {
        name: Some(name.to_owned()),
        labels: Some(docker.names.shared_labels("template")),
        ..VolumeCreateRequest::default()
    };
    let created = docker.engine.docker().await?.create_volume(request).await;
    created.map_err(|error| docker.engine.failed(&format!("make the volume {name}"), error))?;
    let network_name = docker.names.shared("template");
    let labels = docker.names.shared_labels("template");
    let network = docker.network_named(&network_name, labels).await?;
    let made = run(docker, recipe, name, &container, &network).await;
    runtime.remove(&container).await?;
    docker.disconnect_strangers(&network_name).await?;
    match docker.engine.docker().await?.remove_network(&network_name).await {
        Ok(()) => {}
        Err(error) if is_missing(&error) => {}
        Err(error) => return Err(docker.engine.failed(&format!("remove the network {network_name}"), error)),
    }
    made
}

/// Starts a new cluster on the volume, runs the SQL, stops it and seals the volume.
async fn run(
    docker: &Docker,
    recipe: &Recipe<'_>,
    name: &str,
    container: &str,
    network: &super::network::ProjectNetwork,
) -> Result<(), ProvisionError> {
    let (runtime, service) = (docker.runtime(), recipe.database);
    let address = network.address(0).ok_or_else(|| transient("the template's network has no addresses"))?;
    let mut environment = service.environment.clone();
    environment.extend(database_environment(recipe.stack, service));
    environment.insert("POSTGRES_USER".to_owned(), postgres_cluster::SUPERUSER.to_owned());
    environment.insert("POSTGRES_PASSWORD_FILE".to_owned(), format!("{}/superuser", delivery::SECRETS));
    let port = recipe.stack.binding().database.port;
    let mounts = service.volumes.iter().filter(|mount| mount.volume == recipe.stack.binding().database.volume);
    let mut mounts: Vec<_> = mounts.map(|mount| volume(name, &mount.target, false)).collect();
    mounts.push(volume(&delivery::tools_volume(&docker.names), delivery::FOLDER, true));
    // Where nobody else gets at it, as with projects.
    let published = docker.published_on().map(|address| {
        let anywhere = PortBinding { host_ip: Some(address.to_string()), host_port: Some(String::new()) };
        PortMap::from([(format!("{port}/tcp"), Some(vec![anywhere]))])
    });
    let mut body = ContainerCreateBody {
        image: Some(recipe.image.reference.clone()),
        user: service.user.clone(),
        env: Some(environment.into_iter().map(|(name, value)| format!("{name}={value}")).collect()),
        exposed_ports: Some(vec![format!("{port}/tcp")]),
        labels: Some(docker.names.shared_labels("template")),
        host_config: Some(HostConfig {
            mounts: Some(mounts),
            tmpfs: Some(tmpfs(&service.tmpfs, Some(Owner::Unknown))),
            network_mode: Some(network.name.clone()),
            cap_add: Some(service.cap_add.clone()),
            port_bindings: published,
            ..hardened(service.read_only)
        }),
        networking_config: Some(networking(network, "template", address)),
        ..ContainerCreateBody::default()
    };
    let mut words = service.entrypoint.clone().unwrap_or_else(|| recipe.image.entrypoint.clone());
    words.extend(service.command.clone().unwrap_or_else(|| recipe.image.command.clone()));
    delivery::wrap(&mut body, words);
    let id = runtime.create(container, body).await?;
    runtime.start(&id, container).await?;
    let secrets = Secrets::one("SUPERUSER", docker.settings.template_password.clone());
    let receiver = ServiceSpec {
        secret_files: [("superuser".to_owned(), "SUPERUSER".to_owned())].into(),
        secret_environment: [].into(),
        ..service.clone()
    };
    delivery::deliver(&docker.engine, &id, &receiver, &secrets).await?;
    let address = wait_for_sql(docker, &id, &network.name, port, &mut Restarts::default()).await?.address;
    let mut config = tokio_postgres::Config::new();
    config.host(address.ip().to_string()).port(address.port()).user(postgres_cluster::SUPERUSER);
    config.password(docker.settings.template_password.expose_secret());
    let version = postgres_cluster::run_files(&config, project_template::files()).await;
    let version = version.map_err(crate::error::provision_error)?;
    docker.versions.lock().await.insert(recipe.image.id.clone(), version);
    runtime.stop(&id, 60).await?;
    let seal = copying(docker, recipe.copier, &["seal", TO], vec![volume(name, TO, false)]);
    match runtime.work(&format!("{name}-seal"), seal).await? {
        (0, _) => Ok(()),
        (code, words) => Err(transient(&format!("the template could not be sealed (exit code {code}): {words}"))),
    }
}

/// A server that takes connections.
#[derive(Debug)]
pub(super) struct Answering {
    pub(super) address: SocketAddr,
    /// Its container, in this life.
    pub(super) life: (String, String),
}

/// Waits until the container's server takes connections. One that ends is waited for only while the engine starts it again.
pub(super) async fn wait_for_sql(
    docker: &Docker,
    id: &str,
    network: &str,
    port: u16,
    restarts: &mut Restarts,
) -> Result<Answering, ProvisionError> {
    let runtime: Runtime<'_> = docker.runtime();
    let deadline = tokio::time::Instant::now() + START_LIMIT;
    loop {
        let container =
            runtime.inspect(id).await?.ok_or_else(|| transient("the database's container was removed while it started"))?;
        let address = reach::address_of(&container, network, port, docker.published_on()).filter(|_| is_running(&container));
        if restarts.are_too_many(&container) || !is_running(&container) {
            let words = runtime.last_words(id).await;
            let waits = is_restarting(&container) && !restarts.are_too_many(&container);
            let code = container.state.as_ref().and_then(|state| state.exit_code).unwrap_or_default();
            let ended = did_not_start(code, &words);
            if ended.is_permanent() || !waits {
                return Err(ended);
            }
        }
        // A server that starts is asked more often than the engine.
        for _ in 0..40 {
            if let Some(address) = address
                && reach::accepts_sql(address).await
            {
                return Ok(Answering { address, life: life(&container) });
            }
            tokio::time::sleep(LOOK).await;
        }
        if tokio::time::Instant::now() >= deadline {
            let words = runtime.last_words(id).await;
            return Err(transient(&format!(
                "the database did not answer within {} s. Its last words: {words}",
                START_LIMIT.as_secs()
            )));
        }
    }
}

/// Why the database's container ended before it answered.
fn did_not_start(code: i64, words: &str) -> ProvisionError {
    let cause = format!("the database did not start (exit code {code}). Its last words: {words}");
    // Starting it again changes neither the data nor the image.
    let stays = code == NO_DATA || words.contains("database files are incompatible with server");
    if stays { ProvisionError::Permanent { cause, source: None } } else { transient(&cause) }
}

/// Removes a volume. One that is not there is fine.
pub(super) async fn remove_volume(docker: &Docker, name: &str) -> Result<(), ProvisionError> {
    docker.watch.expect(name);
    match docker.engine.docker().await?.remove_volume(name, None::<RemoveVolumeOptions>).await {
        Ok(()) => Ok(()),
        Err(error) if is_missing(&error) => Ok(()),
        Err(error) => Err(docker.engine.failed(&format!("remove the volume {name}"), error)),
    }
}

/// Removes templates that this version of the program does not use. One that is in use stays until the next time.
async fn remove_old(docker: &Docker, current: &str) {
    let mut filters = docker.names.ours();
    filters.entry("label".to_owned()).or_default().push(format!("{}=template", super::names::COMPONENT));
    let Ok(client) = docker.engine.docker().await else { return };
    let Ok(volumes) = client.list_volumes(Some(ListVolumesOptionsBuilder::new().filters(&filters).build())).await else { return };
    let ready = docker.templates.ready.lock().await.clone();
    for volume in volumes.volumes.unwrap_or_default() {
        if volume.name != current
            && !ready.contains(&volume.name)
            && let Err(error) = remove_volume(docker, &volume.name).await
        {
            tracing::debug!(volume = volume.name, error = &error as &dyn std::error::Error, "an old template stays");
        }
    }
}
