//! The Docker driver: a project is a set of containers on a network of its own, made by a stack. What it knows, it sees on
//! the engine; a folder remembers only what can't be seen from outside of a volume.

mod archive;
mod container;
mod delivery;
mod engine;
mod image;
mod look;
mod marks;
mod names;
mod network;
mod observe;
mod pods;
mod project;
mod reach;
mod runtime;
mod services;
mod ssh;
mod stack;
mod template;
mod tls;
mod usage;
mod watch;

use std::{
    collections::HashMap,
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use bollard::models::ContainerSummaryStateEnum;
use control_plane::{
    DataReader, DataWriter, Observation, Placement, Progress, ProjectSecrets, ProvisionError, Provisioner, RolePasswords,
    Services, Started, UnexpectedExit,
};
use control_plane_api::{Step, Usage};
use futures::future::try_join_all;
use ipnet::{IpNet, Ipv4Net};
use secrecy::SecretString;
use tokio::sync::{Mutex, OnceCell, mpsc};

use delivery::Secrets;
use engine::Engine;
use image::Images;
use marks::Marks;
use names::Names;
use network::Networks;
use runtime::{Restarts, Runtime};
use stack::Stack;
use template::{Recipe, Templates};
use watch::Watch;

use crate::{error::transient, passwords};

pub use engine::EngineAddress;
pub use image::ImageSettings;
pub use reach::{Reach, answers};
pub use stack::StackError;

/// Longest time until a project's services answer.
const SERVICES_LIMIT: Duration = Duration::from_secs(60);
/// Between two looks whether they do.
const LOOK: Duration = Duration::from_millis(5);

/// How the Docker driver runs projects.
#[derive(Debug, Clone)]
pub struct DockerSettings {
    pub engine: EngineAddress,
    /// The installation's id, by which its things are told from those of another one on the same engine.
    pub installation: String,
    /// The server's data folder, absolute.
    pub data_dir: PathBuf,
    /// Folder of the user's own stacks.
    pub stacks_dir: Option<PathBuf>,
    pub images: ImageSettings,
    /// Major version of PostgreSQL that new projects get.
    pub postgres_major: u32,
    /// Range of addresses that projects' networks are taken from.
    pub address_pool: Ipv4Net,
    pub reach: Reach,
    /// The server's own container, where it is in one: it joins the network of each project.
    pub server_container: Option<String>,
    /// Where ports are published on the engine's machine, and reached from here.
    pub publish_address: IpAddr,
    /// Password of the superuser in a fresh clone of a template. The same for as long as the installation lives.
    pub template_password: SecretString,
    /// Address of a project, with `{ref}` in the place of its reference.
    pub api_url: String,
    /// What a project's services may keep open.
    pub max_connections: usize,
    pub idle_after: Duration,
    /// What they may lead to besides the internet.
    pub allowed_networks: Vec<IpNet>,
}

/// Runs projects as containers.
#[derive(Debug, Clone)]
pub struct DockerProvisioner(Arc<Docker>);

#[derive(Debug)]
struct Docker {
    settings: DockerSettings,
    engine: Engine,
    names: Names,
    networks: Networks,
    images: Images,
    templates: Templates,
    marks: Marks,
    watch: Watch,
    exits: Mutex<mpsc::UnboundedReceiver<UnexpectedExit>>,
    /// Events are followed from the first time that a project is worked on.
    following: OnceLock<()>,
    /// The volume with the program that hands over secrets is there.
    tools: OnceCell<()>,
    /// Processors of the engine's machine, in thousandths.
    millicpus: OnceCell<i64>,
    /// Version of the PostgreSQL server by image.
    versions: Mutex<HashMap<String, String>>,
    /// When the containers that have been given their secrets were started.
    delivered: Mutex<HashMap<String, String>>,
    disk: usage::DiskUsage,
}

impl DockerProvisioner {
    /// Makes the driver. Touches nothing until it is asked to.
    #[must_use]
    pub fn new(settings: DockerSettings) -> Self {
        let (exits, exits_received) = mpsc::unbounded_channel();
        Self(Arc::new(Docker {
            engine: Engine::new(settings.engine.clone()),
            names: Names::new(&settings.installation),
            networks: Networks::new(settings.address_pool),
            images: Images::new(settings.images.clone(), &settings.installation),
            templates: Templates::default(),
            marks: Marks::new(&settings.data_dir),
            watch: Watch::new(exits),
            exits: Mutex::new(exits_received),
            following: OnceLock::new(),
            tools: OnceCell::new(),
            millicpus: OnceCell::new(),
            versions: Mutex::default(),
            delivered: Mutex::default(),
            disk: usage::DiskUsage::default(),
            settings,
        }))
    }

    /// Whether projects can be made from the stack: it is there and says what it must.
    ///
    /// # Errors
    /// [`StackError`], which says what is wrong.
    pub fn check_stack(&self, name: &str) -> Result<(), StackError> {
        let stack = Stack::load(name, self.0.settings.stacks_dir.as_deref())?;
        stack.services(&self.0.variables(None)).map(drop)
    }

    /// The driver at work: from now on events are followed.
    fn driver(&self) -> &Docker {
        self.0.following.get_or_init(|| drop(tokio::spawn(watch::follow(Arc::downgrade(&self.0)))));
        &self.0
    }
}

impl Docker {
    fn runtime(&self) -> Runtime<'_> {
        Runtime { engine: &self.engine, names: &self.names, images: &self.images, watch: &self.watch }
    }

    /// Where services' ports are published, if their addresses can't be reached.
    fn published_on(&self) -> Option<IpAddr> {
        let by_address = match self.settings.reach {
            Reach::Auto => self.engine.is_local() || self.settings.server_container.is_some(),
            Reach::Address => true,
            Reach::Port => false,
        };
        (!by_address).then_some(self.settings.publish_address)
    }
}

/// Words that nobody waits for.
#[derive(Debug)]
struct Quiet;

impl Progress for Quiet {
    fn line(&self, text: &str) {
        tracing::info!("{text}");
    }
}

#[async_trait]
impl Provisioner for DockerProvisioner {
    async fn ensure_template(&self, placement: &Placement, progress: &dyn Progress) -> Result<(), ProvisionError> {
        let driver = self.driver();
        let plan = driver.plan(placement)?;
        driver.template(&plan, progress).await?;
        for service in &plan.services {
            driver.images.ensure(&driver.engine, &service.image, progress).await?;
        }
        Ok(())
    }

    async fn ensure_data(&self, placement: &Placement) -> Result<(), ProvisionError> {
        let driver = self.driver();
        let plan = driver.plan(placement)?;
        let (template, image, copier) = driver.template(&plan, &Quiet).await?;
        driver.volumes(placement, &plan).await?;
        let volume = driver.data_volume(placement, &plan).await?.unwrap_or_default();
        if driver.marks.data(&placement.project_ref).as_deref() == Some(&volume) {
            return Ok(());
        }
        let recipe = Recipe { stack: &plan.stack, database: plan.database(), image: &image, copier: &copier };
        let target = Names::part(&placement.project_ref, &plan.stack.binding().database.volume);
        // The network takes as long, and is needed next.
        let clone = driver.templates.clone_to(driver, &recipe, &template, &target);
        let (cloned, network) = tokio::join!(clone, driver.network(placement, &plan));
        if let Some(bytes) = cloned? {
            driver.disk.remember(&placement.project_ref, bytes).await;
        }
        network?;
        driver.marks.set_data(&placement.project_ref, &volume)
    }

    async fn allocate_port(&self, _placement: &Placement) -> Result<u16, ProvisionError> {
        // Of an engine elsewhere it is not known which ports are free; it refuses one that is taken.
        postgres_cluster::free_loopback_port().map_err(crate::error::provision_error)
    }

    async fn ensure_started(&self, placement: &Placement, secrets: &ProjectSecrets) -> Result<Started, ProvisionError> {
        let driver = self.driver();
        let plan = driver.plan(placement)?;
        let images = plan.services.iter().map(|service| driver.images.ensure(&driver.engine, &service.image, &Quiet));
        let (images, data, network) =
            tokio::try_join!(try_join_all(images), driver.data_volume(placement, &plan), driver.network(placement, &plan))?;
        if data.is_none() {
            return Err(ProvisionError::Permanent {
                cause: format!(
                    "the volume {} is gone, and with it the project's data. Put it back, or delete the project",
                    Names::part(&placement.project_ref, &plan.stack.binding().database.volume)
                ),
                source: None,
            });
        }
        driver.marks.clear_stopped(&placement.project_ref)?;
        let others = plan.stack.volumes().filter(|volume| *volume != plan.stack.binding().database.volume);
        try_join_all(others.map(|volume| driver.volume(placement, &plan, volume))).await?;
        let database =
            plan.services.iter().position(|service| service.name == plan.stack.binding().database.service).unwrap_or_default();
        // Before the passwords are in force, the database would turn the services away.
        let secrets = driver.marks.has_passwords(&placement.project_ref).then(|| Secrets::of(secrets));
        let starting = driver.start_containers(placement, &plan, &network, &images, secrets.as_ref());
        let ((), postgres_version) = tokio::try_join!(starting, driver.version(&images[database]))?;
        Ok(Started { postgres_version })
    }

    async fn ensure_passwords(&self, placement: &Placement, passwords: &RolePasswords) -> Result<(), ProvisionError> {
        let driver = self.driver();
        if driver.marks.has_passwords(&placement.project_ref) {
            return Ok(());
        }
        let plan = driver.plan(placement)?;
        let binding = &plan.stack.binding().database;
        let seen = driver.look_at(placement, &plan, std::slice::from_ref(plan.database())).await?;
        let address = seen.address(&binding.service, binding.port);
        let address = address.ok_or_else(|| transient("the database's container has no address"))?;
        let mut config = tokio_postgres::Config::new();
        config.host(address.ip().to_string()).port(address.port());
        passwords::set(&config, &driver.settings.template_password, passwords).await?;
        driver.marks.set_passwords(&placement.project_ref)
    }

    async fn ensure_services(&self, placement: &Placement, secrets: &ProjectSecrets) -> Result<Services, ProvisionError> {
        let driver = self.driver();
        let plan = driver.plan(placement)?;
        let secrets = Secrets::of(secrets);
        let deadline = tokio::time::Instant::now() + SERVICES_LIMIT;
        let mut restarts = Restarts::default();
        loop {
            let seen = driver.look(placement, &plan).await?;
            driver.deliver(plan.services.iter(), &seen, &secrets).await?;
            let services = seen.routes();
            for _ in 0..40 {
                if let Some(services) = &services
                    && answers(services).await
                {
                    return Ok(Services::Remote(services.clone()));
                }
                tokio::time::sleep(LOOK).await;
            }
            driver.why_not(&plan, &seen, &mut restarts).await?;
            if tokio::time::Instant::now() >= deadline {
                return Err(transient(&format!("the project's services did not answer within {} s", SERVICES_LIMIT.as_secs())));
            }
        }
    }

    async fn ensure_size(&self, placement: &Placement) -> Result<(), ProvisionError> {
        let driver = self.driver();
        let plan = driver.plan(placement)?;
        let (seen, Some(all)) = driver.compare(placement, &plan).await? else { return Ok(()) };
        for (container, desired) in all.iter().filter_map(|desired| Some((seen.of(&desired.component)?, desired))) {
            if !desired.limits.are_of(container) {
                let id = container.id.as_deref().unwrap_or_default();
                driver.watch.expect_one(id, "update");
                let updated = driver.engine.docker().await?.update_container(id, desired.limits.update()).await;
                updated.map_err(|error| driver.engine.failed(&format!("change the limits of {}", desired.name), error))?;
            }
        }
        Ok(())
    }

    async fn pack(&self, placement: &Placement, archive: DataWriter) -> Result<DataWriter, ProvisionError> {
        let driver = self.driver();
        driver.pack(placement, &driver.plan(placement)?, archive).await
    }

    async fn unpack(&self, placement: &Placement, archive: DataReader) -> Result<(), ProvisionError> {
        let driver = self.driver();
        driver.unpack(placement, &driver.plan(placement)?, archive).await
    }

    async fn stop(&self, placement: &Placement) -> Result<(), ProvisionError> {
        let driver = self.driver();
        let plan = driver.plan(placement)?;
        let runtime = driver.runtime();
        if driver.marks.data(&placement.project_ref).is_some() {
            driver.marks.set_stopped(&placement.project_ref)?;
        }
        // By their labels: one that was renamed runs on the same data.
        let (existing, seen) = tokio::try_join!(runtime.containers(&placement.project_ref), driver.look(placement, &plan))?;
        // What needs another service before that one.
        for service in plan.services.iter().rev() {
            // What the engine is about to start again would run after all.
            let alive = existing.iter().filter(|found| runtime::is_of(found, &service.name) && runtime::is_listed_alive(found));
            for container in alive {
                let id = container.id.as_deref().unwrap_or_default();
                if container.state == Some(ContainerSummaryStateEnum::PAUSED) {
                    let unpaused = driver.engine.docker().await?.unpause_container(id).await;
                    unpaused
                        .map_err(|error| driver.engine.failed(&format!("continue the container of {}", service.name), error))?;
                }
                runtime.stop(id, driver.grace(service, &seen).await).await?;
            }
        }
        Ok(())
    }

    async fn destroy(&self, placement: &Placement) -> Result<(), ProvisionError> {
        let driver = self.driver();
        driver.destroy(&placement.project_ref).await
    }

    async fn observe(&self, placement: &Placement) -> Result<Observation, ProvisionError> {
        self.driver().observe(placement).await
    }

    async fn observe_effect(&self, placement: &Placement, step: Step) -> Result<Observation, ProvisionError> {
        self.driver().observe_effect(placement, step).await
    }

    async fn usage(&self, placement: &Placement) -> Result<Usage, ProvisionError> {
        let driver = self.driver();
        let plan = driver.plan(placement)?;
        driver.usage(placement, &plan).await
    }

    /// By labels alone. Nothing before the first project: an engine that nobody uses is not asked.
    async fn found(&self) -> Result<Vec<Placement>, ProvisionError> {
        if self.0.following.get().is_none() { Ok(Vec::new()) } else { self.0.found().await }
    }

    async fn next_exit(&self) -> UnexpectedExit {
        match self.0.exits.lock().await.recv().await {
            Some(exit) => exit,
            // Never: the watch holds a sender.
            None => std::future::pending().await,
        }
    }

    async fn shutdown(&self, immediately: bool) {
        let driver = &self.0;
        let runtime = driver.runtime();
        let containers = match runtime.all_containers().await {
            Ok(containers) => containers,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "stopping containers");
                return;
            }
        };
        let ids = containers.iter().filter_map(|container| container.id.as_deref());
        let stopping = ids.map(|id| async move {
            if let Err(error) = self.0.runtime().stop(id, if immediately { 0 } else { 10 }).await {
                tracing::error!(container = id, error = &error as &dyn std::error::Error, "stopping a container");
            }
        });
        futures::future::join_all(stopping).await;
    }
}
