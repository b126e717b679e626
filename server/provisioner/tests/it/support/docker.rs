//! Containers of a real engine.

use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};

use async_trait::async_trait;
use bollard::{
    Docker,
    models::ContainerState,
    query_parameters::{
        InspectContainerOptions, ListContainersOptionsBuilder, ListNetworksOptions, ListVolumesOptionsBuilder,
        RemoveContainerOptionsBuilder,
    },
};
use control_plane::{Placement, Provisioner as _};
use provisioner::{DockerProvisioner, DockerSettings, EngineAddress, ImageSettings, Reach};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

use super::{Machine, Quiet};

/// One installation for all tests of this program, so that its template is made once. As a real one has, it has one server
/// at a time.
static ALONE: Mutex<()> = Mutex::const_new(());
const INSTALLATION: &str = "5upac10d0000000000000000000000it";

pub(crate) struct DockerMachine {
    folder: TempDir,
    pub(crate) engine: Docker,
    _alone: MutexGuard<'static, ()>,
}

impl DockerMachine {
    pub(crate) fn settings(&self) -> DockerSettings {
        DockerSettings {
            engine: EngineAddress { host: String::new(), certificates: None },
            installation: INSTALLATION.to_owned(),
            data_dir: self.folder.path().to_owned(),
            stacks_dir: None,
            images: ImageSettings {
                bases: BTreeMap::from([(15, "debian:bookworm-slim".to_owned())]),
                base: "debian:trixie-slim".to_owned(),
                registry: BTreeMap::new(),
                node: program("node"),
            },
            postgres_major: 17,
            address_pool: "10.219.0.0/16".parse().unwrap(),
            reach: Reach::Auto,
            server_container: None,
            publish_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            template_password: "the template's, for tests".to_owned().into(),
            api_url: "http://{ref}.api.localhost".to_owned(),
            max_connections: 5,
            idle_after: Duration::from_secs(30),
            allowed_networks: Vec::new(),
        }
    }

    /// A driver with a stack of the user's own, and a project of it whose data is there.
    pub(crate) async fn project_of_stack(&self, compose: &str, letter: u8) -> (DockerProvisioner, Placement) {
        let (name, stacks) = ("own", self.folder.path().join("stacks"));
        fs::create_dir_all(stacks.join(name)).unwrap();
        fs::write(stacks.join(name).join("compose.yaml"), compose).unwrap();
        let driver = DockerProvisioner::new(DockerSettings { stacks_dir: Some(stacks), ..self.settings() });
        driver.check_stack(name).unwrap();
        let project = Placement { stack: Some(name.to_owned()), ..self.placement(letter, None) };
        let project = Placement { port: Some(driver.allocate_port(&project).await.unwrap()), ..project };
        driver.ensure_template(&project, &Quiet).await.unwrap();
        driver.ensure_data(&project).await.unwrap();
        (driver, project)
    }

    pub(crate) fn container(placement: &Placement, service: &str) -> String {
        format!("supacloud-{}-{service}", placement.project_ref)
    }

    pub(crate) fn volume(placement: &Placement) -> String {
        format!("supacloud-{}-database", placement.project_ref)
    }

    fn mark(&self, placement: &Placement, name: &str) -> PathBuf {
        self.folder.path().join("docker").join(placement.project_ref.as_str()).join(name)
    }

    /// How the container of a service is, as the engine sees it.
    pub(crate) async fn state(&self, placement: &Placement, service: &str) -> ContainerState {
        let name = Self::container(placement, service);
        self.engine.inspect_container(&name, None::<InspectContainerOptions>).await.unwrap().state.unwrap()
    }

    pub(crate) async fn remove_container(&self, name: &str) {
        let remove = RemoveContainerOptionsBuilder::new().force(true).build();
        self.engine.remove_container(name, Some(remove)).await.unwrap();
    }
}

/// A program that `cargo build -p NAME` makes, beside this one's folder.
pub(crate) fn program(name: &str) -> PathBuf {
    let folder = std::env::current_exe().unwrap().parent().and_then(|deps| deps.parent()).unwrap().to_owned();
    let program = folder.join(name);
    assert!(program.exists(), "{} is not there: `cargo build -p {name}` makes it", program.display());
    program
}

/// The engine. It must be there in CI; elsewhere a machine may have none.
async fn engine() -> Option<Docker> {
    let reached = async { Docker::connect_with_local_defaults()?.negotiate_version().await };
    match reached.await {
        Ok(engine) => Some(engine),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "CI needs a Docker engine: {error}. `./setup.sh test` starts one");
            eprintln!("SKIPPED: no Docker engine can be reached ({error}); `./setup.sh test` starts one");
            None
        }
    }
}

#[async_trait]
impl Machine for DockerMachine {
    type Driver = DockerProvisioner;

    async fn new() -> Option<Self> {
        Some(Self { engine: engine().await?, folder: tempfile::tempdir().unwrap(), _alone: ALONE.lock().await })
    }

    fn driver(&self) -> DockerProvisioner {
        DockerProvisioner::new(self.settings())
    }

    fn kind(&self) -> (&'static str, Option<&'static str>) {
        (provisioner::DOCKER, Some("native"))
    }

    async fn data(&self, placement: &Placement) -> PathBuf {
        let volume = self.engine.inspect_volume(&Self::volume(placement)).await.unwrap();
        PathBuf::from(volume.mountpoint).join("data")
    }

    async fn remains(&self, placement: &Placement) -> bool {
        let filters = std::collections::HashMap::from([("name".to_owned(), vec![placement.project_ref.to_string()])]);
        let containers = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let containers = self.engine.list_containers(Some(containers)).await.unwrap();
        let networks = self.engine.list_networks(Some(ListNetworksOptions { filters: Some(filters.clone()) })).await.unwrap();
        let volumes = self.engine.list_volumes(Some(ListVolumesOptionsBuilder::new().filters(&filters).build())).await.unwrap();
        let marks = self.mark(placement, "");
        !containers.is_empty() || !networks.is_empty() || volumes.volumes.is_some_and(|all| !all.is_empty()) || marks.exists()
    }

    async fn postmaster(&self, placement: &Placement) -> Option<i32> {
        let name = Self::container(placement, "postgres");
        let container = self.engine.inspect_container(&name, None::<InspectContainerOptions>).await.ok()?;
        i32::try_from(container.state?.pid?).ok().filter(|pid| *pid > 0)
    }

    fn forget_passwords(&self, placement: &Placement) {
        fs::remove_file(self.mark(placement, "passwords")).unwrap();
    }

    async fn interrupt_clone(&self, driver: &DockerProvisioner, placement: &Placement) {
        driver.ensure_data(placement).await.unwrap();
        let data = self.data(placement).await;
        fs::remove_file(data.with_file_name("complete")).unwrap();
        fs::write(data.join("PG_VERSION"), "half a fi").unwrap();
        fs::remove_file(self.mark(placement, "data")).unwrap();
    }

    async fn interrupt_removal(&self, placement: &Placement) {
        self.remove_container(&Self::container(placement, "node")).await;
    }
}

impl Drop for DockerMachine {
    /// Removes the projects that this machine has made.
    fn drop(&mut self) {
        let Ok(projects) = fs::read_dir(self.folder.path().join("docker")) else { return };
        let refs: Vec<_> = projects.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        let driver = self.driver();
        let placements: Vec<Placement> =
            refs.into_iter().map(|project_ref| Placement { project_ref, ..self.placement(0, None) }).collect();
        let cleaning = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            for placement in placements {
                drop(runtime.block_on(driver.destroy(&placement)));
            }
        });
        drop(cleaning.join());
    }
}
