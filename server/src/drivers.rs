//! The drivers of projects, from the settings.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use anyhow::Context as _;
use control_plane::{MasterKey, Node, ServiceSettings};
use control_plane_api::InstanceSize;
use gateway::Scheme;
use provisioner::{
    DOCKER, DockerProvisioner, DockerSettings, Drivers, EngineAddress, ImageSettings, LOCAL, LOGIN_ROLES, LocalProvisioner,
    LocalSettings,
};

use crate::{
    config::{Config, Driver},
    routing::Pool,
};

/// Where the template's password comes from: clones are made with it for as long as the master key is the same.
const TEMPLATE_PASSWORD: &str = "password of the template's superuser";
/// Older versions of PostgreSQL are in an older Debian.
const OLDER_BASES: [(u32, &str); 1] = [(15, "debian:bookworm-slim")];

/// Every driver, and what new projects get.
#[derive(Debug)]
pub(crate) struct Assembled {
    pub(crate) drivers: Arc<Drivers>,
    pub(crate) settings: ServiceSettings,
}

/// Puts the drivers together. Only what the settings themselves say wrong is an error: a machine without PostgreSQL or
/// Docker still has a dashboard that says so.
pub(crate) async fn assemble(
    config: &Config,
    data_dir: &Path,
    node: &Node,
    key: &MasterKey,
    public: (Scheme, Option<u16>),
    pool: Pool,
) -> anyhow::Result<Assembled> {
    let local = LocalProvisioner::new(LocalSettings {
        data_dir: data_dir.to_owned(),
        node: node.as_str().to_owned(),
        binaries: config.provisioner.local.binaries.clone(),
        run_as: config.provisioner.local.run_as.clone(),
    });
    let (scheme, port) = public;
    let mut settings = ServiceSettings {
        domain: config.server.domain.clone(),
        scheme: scheme.as_str(),
        port,
        sql_host: "127.0.0.1".to_owned(),
        driver: LOCAL,
        stack: None,
        drivers: vec![(LOCAL, None), (DOCKER, Some(config.provisioner.docker.stack.clone()))],
        size: config.provisioner.size.parse::<InstanceSize>().map_err(anyhow::Error::msg).context("provisioner.size")?,
        limiting_drivers: &[DOCKER],
        postgres_major: 0,
        login_roles: LOGIN_ROLES,
    };
    let docker = DockerProvisioner::new(docker_settings(config, data_dir, node, key, &settings, pool)?);
    match config.provisioner.driver {
        Driver::Local => {
            settings.postgres_major = local.postgres_major().await.unwrap_or_else(|error| {
                tracing::warn!(error = &error as &dyn std::error::Error, "projects can't run yet");
                0
            });
        }
        Driver::Docker => {
            let docker_config = &config.provisioner.docker;
            docker.check_stack(&docker_config.stack).context("provisioner.docker.stack")?;
            settings.driver = DOCKER;
            settings.stack = Some(docker_config.stack.clone());
            settings.postgres_major = docker_config.postgres_major;
            settings.sql_host = docker_config.publish_address.to_string();
        }
    }
    Ok(Assembled { drivers: Arc::new(Drivers::new(Arc::new(local), Arc::new(docker))), settings })
}

fn docker_settings(
    config: &Config,
    data_dir: &Path,
    node: &Node,
    key: &MasterKey,
    settings: &ServiceSettings,
    pool: Pool,
) -> anyhow::Result<DockerSettings> {
    let docker = &config.provisioner.docker;
    let beside = || std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join("node")));
    let registry = [("supacloud/postgres", &docker.postgres_image), ("supacloud/node", &docker.node_image)];
    let registry: BTreeMap<String, String> = registry
        .into_iter()
        .filter(|(_, image)| !image.is_empty())
        .map(|(name, image)| (name.to_owned(), image.clone()))
        .collect();
    Ok(DockerSettings {
        engine: EngineAddress { host: docker.host.clone(), certificates: docker.certificates.clone() },
        installation: node.as_str().to_owned(),
        data_dir: data_dir.to_owned(),
        stacks_dir: docker.stacks_dir.clone(),
        images: ImageSettings {
            bases: OLDER_BASES.map(|(major, base)| (major, base.to_owned())).into(),
            base: docker.base_image.clone(),
            registry,
            node: docker
                .node
                .clone()
                .or_else(beside)
                .context("provisioner.docker.node is not set, and where this program is can't be found out")?,
        },
        postgres_major: docker.postgres_major,
        address_pool: docker.address_pool,
        reach: docker.reach.into(),
        server_container: (!docker.server_container.is_empty()).then(|| docker.server_container.clone()),
        publish_address: docker.publish_address,
        template_password: hex::encode(&key.derive(TEMPLATE_PASSWORD, &[])[..24]).into(),
        api_url: settings.api_url_pattern(),
        max_connections: pool.max_connections,
        idle_after: pool.idle_after,
        allowed_networks: config.project.allowed_networks.clone().into(),
    })
}
