//! A project as the driver means it to be: its stack filled with its facts, and the parts that are not containers.

use std::collections::{BTreeMap, HashMap};

use bollard::models::VolumeCreateRequest;
use control_plane::{Placement, Progress, ProvisionError};
use futures::future::try_join_all;

use super::{
    Docker,
    container::{Blueprint, Publish},
    delivery::{self, Secrets},
    engine::found,
    image::Image,
    names::{self, Names},
    network::ProjectNetwork,
    stack::{ServiceSpec, Stack, StackError, Value},
    template::Recipe,
    transient,
};

/// A project with everything that says how it is to be.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) stack: Stack,
    pub(super) services: Vec<ServiceSpec>,
}

impl Docker {
    pub(super) fn variables(&self, placement: Option<&Placement>) -> BTreeMap<String, Value> {
        let project_ref = placement.map_or(String::new(), |placement| placement.project_ref.to_string());
        let major = placement.and_then(|placement| placement.postgres_major).unwrap_or(self.settings.postgres_major);
        let networks: Vec<String> = self.settings.allowed_networks.iter().map(ToString::to_string).collect();
        let facts = [
            ("API_URL", self.settings.api_url.replace("{ref}", &project_ref)),
            ("PROJECT_REF", project_ref),
            ("POSTGRES_MAJOR", major.to_string()),
            ("MAX_CONNECTIONS", self.settings.max_connections.to_string()),
            ("IDLE_SECONDS", self.settings.idle_after.as_secs().to_string()),
            ("ALLOWED_NETWORKS", networks.join(",")),
        ];
        Secrets::variables().chain(facts.map(|(name, value)| (name.to_owned(), Value::Fact(value)))).collect()
    }

    pub(super) fn plan(&self, placement: &Placement) -> Result<Plan, ProvisionError> {
        let permanent = |error: StackError| ProvisionError::Permanent { cause: error.to_string(), source: None };
        let name = placement.stack.as_deref().unwrap_or("native");
        let stack = Stack::load(name, self.settings.stacks_dir.as_deref()).map_err(permanent)?;
        let services = stack.services(&self.variables(Some(placement))).map_err(permanent)?;
        Ok(Plan { stack, services })
    }

    /// How many containers a project of this stack has.
    pub(super) fn services_of(&self, stack: &str) -> Option<usize> {
        let stack = Stack::load(stack, self.settings.stacks_dir.as_deref()).ok()?;
        stack.services(&self.variables(None)).ok().map(|services| services.len())
    }

    pub(super) async fn millicpus(&self) -> Result<i64, ProvisionError> {
        let look = || async {
            let info = self
                .engine
                .docker()
                .await?
                .info()
                .await
                .map_err(|error| self.engine.failed("ask the engine about itself", error))?;
            Ok(info.ncpu.unwrap_or(1).max(1) * 1000)
        };
        self.millicpus.get_or_try_init(look).await.copied()
    }

    /// The template of a stack, made if it is not there.
    pub(super) async fn template(&self, plan: &Plan, progress: &dyn Progress) -> Result<(String, Image, Image), ProvisionError> {
        let database = plan.database();
        let image = self.images.ensure(&self.engine, &database.image, progress).await?;
        // Volumes are copied by our own image, whatever the stack's is.
        let copier = format!("supacloud/postgres:{}", self.settings.postgres_major);
        let copier = if database.image.starts_with("supacloud/postgres:") {
            image.clone()
        } else {
            self.images.ensure(&self.engine, &copier, progress).await?
        };
        self.tools.get_or_try_init(|| delivery::ensure_tools(&self.engine, &self.names, &copier.reference)).await?;
        let recipe = Recipe { stack: &plan.stack, database, image: &image, copier: &copier };
        let template = self.templates.ensure(self, &recipe, progress).await?;
        Ok((template, image, copier))
    }

    pub(super) async fn network(&self, placement: &Placement, plan: &Plan) -> Result<ProjectNetwork, ProvisionError> {
        let name = Names::project(&placement.project_ref);
        let labels = self.names.labels(&placement.project_ref, "network", plan.stack.name());
        self.network_named(&name, labels).await
    }

    /// Has a network, with the server in it where it needs to be.
    pub(super) async fn network_named(
        &self,
        name: &str,
        labels: HashMap<String, String>,
    ) -> Result<ProjectNetwork, ProvisionError> {
        let network = self.networks.ensure(&self.engine, &self.names, name, labels).await?;
        if let Some(server) = &self.settings.server_container {
            self.networks.join(&self.engine, &network, server).await?;
        }
        Ok(network)
    }

    /// Has the project's volumes, empty where they are new.
    pub(super) async fn volumes(&self, placement: &Placement, plan: &Plan) -> Result<(), ProvisionError> {
        try_join_all(plan.stack.volumes().map(|volume| self.volume(placement, plan, volume))).await.map(drop)
    }

    /// Has one of the project's volumes.
    pub(super) async fn volume(&self, placement: &Placement, plan: &Plan, volume: &str) -> Result<(), ProvisionError> {
        let name = Names::part(&placement.project_ref, volume);
        let mut labels = self.names.labels(&placement.project_ref, volume, plan.stack.name());
        labels.insert(names::IDENTITY.to_owned(), uuid::Uuid::new_v4().to_string());
        let request = VolumeCreateRequest { name: Some(name.clone()), labels: Some(labels), ..VolumeCreateRequest::default() };
        let made = self.engine.docker().await?.create_volume(request).await;
        let made = made.map_err(|error| self.engine.failed(&format!("make the volume {name}"), error))?;
        if self.names.is_ours(&made.labels) {
            return Ok(());
        }
        Err(transient(&format!(
            "the name of the volume {name} is taken by one that is not supacloud's. Remove it with `docker volume rm {name}`"
        )))
    }

    /// The identity of the database's volume; nothing if it is not there.
    pub(super) async fn data_volume(&self, placement: &Placement, plan: &Plan) -> Result<Option<String>, ProvisionError> {
        let name = Names::part(&placement.project_ref, &plan.stack.binding().database.volume);
        let volume = found(self.engine.docker().await?.inspect_volume(&name).await);
        let volume = volume.map_err(|error| self.engine.failed(&format!("look at the volume {name}"), error))?;
        Ok(volume
            .filter(|volume| self.names.is_ours(&volume.labels))
            .map(|mut volume| volume.labels.remove(names::IDENTITY).unwrap_or_default()))
    }

    /// What the project's containers are made by. `images` in the order of the services.
    pub(super) async fn blueprint<'a>(
        &'a self,
        placement: &'a Placement,
        plan: &'a Plan,
        network: &'a ProjectNetwork,
        images: &'a [Image],
    ) -> Result<Blueprint<'a>, ProvisionError> {
        Ok(Blueprint {
            names: &self.names,
            project_ref: &placement.project_ref,
            stack: &plan.stack,
            services: &plan.services,
            images,
            network,
            size: placement.size,
            engine_millicpus: self.millicpus().await?,
            publish: Publish {
                address: self.settings.publish_address,
                sql: placement.port,
                services: self.published_on().is_some(),
            },
            tools: delivery::tools_volume(&self.names),
        })
    }

    /// The version of the server in an image, asked of the image itself once.
    pub(super) async fn version(&self, image: &Image) -> Result<String, ProvisionError> {
        let mut versions = self.versions.lock().await;
        if let Some(version) = versions.get(&image.id) {
            return Ok(version.clone());
        }
        let version = self.runtime().ask_version(&image.reference).await?;
        versions.insert(image.id.clone(), version.clone());
        Ok(version)
    }
}

impl Plan {
    pub(super) fn database(&self) -> &ServiceSpec {
        let name = &self.stack.binding().database.service;
        // The stack was checked to have it.
        self.service(name).unwrap_or(&self.services[0])
    }

    pub(super) fn service(&self, name: &str) -> Option<&ServiceSpec> {
        self.services.iter().find(|service| service.name == name)
    }
}
