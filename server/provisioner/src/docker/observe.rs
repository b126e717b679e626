//! Looks at what is there of a project, and removes all of it.

use std::collections::BTreeSet;

use bollard::query_parameters::{ListNetworksOptions, ListVolumesOptionsBuilder};
use control_plane::{DataState, DatabaseState, Observation, Placement, ProvisionError, RemoteServices};
use control_plane_api::{InstanceSize, ProjectRef, Step};
use futures::future::try_join_all;

use super::{
    Docker,
    container::Desired,
    engine::is_missing,
    look::Seen,
    names::{Names, PROJECT, STACK},
    project::Plan,
    reach, runtime, template,
};

impl Docker {
    /// Looks at the project: its volume, its containers and whether they answer.
    pub(super) async fn observe(&self, placement: &Placement) -> Result<Observation, ProvisionError> {
        let (seen, services) = self.observe_database(placement).await?;
        let services = match (seen.database, services) {
            (DatabaseState::Ready, Some(services)) => reach::answers(&services).await,
            (DatabaseState::Ready | DatabaseState::Stopped | DatabaseState::Changing, _) => false,
        };
        Ok(Observation { services, ..seen })
    }

    /// As [`Self::observe`], but services are not asked; where they are is answered beside.
    async fn observe_database(&self, placement: &Placement) -> Result<(Observation, Option<RemoteServices>), ProvisionError> {
        let plan = self.plan(placement)?;
        let (data, (seen, desired)) = tokio::try_join!(self.data_volume(placement, &plan), self.compare(placement, &plan))?;
        // Without a network or an image, those that were renamed count, too.
        let is_any_there =
            !seen.is_empty() || (desired.is_none() && !self.runtime().containers(&placement.project_ref).await?.is_empty());
        let data = self.data_state(placement, data.as_deref(), is_any_there);
        let database = match &desired {
            _ if !seen.is_any_alive() => DatabaseState::Stopped,
            Some(desired) => database_state(&plan, &seen, desired).await,
            // A project whose network or image is gone is not as it should be, even where its containers still run.
            None => DatabaseState::Changing,
        };
        let is_limited = |desired: &Desired| seen.of(&desired.component).is_none_or(|container| desired.limits.are_of(container));
        let observation = Observation {
            template: self.templates.any().await,
            data,
            database,
            passwords: self.marks.has_passwords(&placement.project_ref),
            services: false,
            size: desired.is_none_or(|desired| desired.iter().all(is_limited)),
        };
        Ok((observation, seen.routes()))
    }

    /// Looks at what a step is for. Most steps change nothing of the containers, and looking at those is a third of all that the
    /// engine is asked while a project is made. No step is for the services: they are asked by whoever has them started, and
    /// those that have just begun keep whoever asks waiting.
    pub(super) async fn observe_effect(&self, placement: &Placement, step: Step) -> Result<Observation, ProvisionError> {
        let seen = Observation {
            template: self.templates.any().await,
            data: DataState::Absent,
            database: DatabaseState::Stopped,
            passwords: self.marks.has_passwords(&placement.project_ref),
            services: false,
            size: true,
        };
        match step {
            Step::PrepareTemplate | Step::SetPasswords => Ok(seen),
            Step::CloneData | Step::UnpackData => {
                let volume = self.data_volume(placement, &self.plan(placement)?).await?;
                Ok(Observation { data: self.data_state(placement, volume.as_deref(), false), ..seen })
            }
            Step::StartDatabase
            | Step::StopDatabase
            | Step::ApplySize
            | Step::DestroyData
            | Step::Publish
            | Step::Withdraw
            | Step::PackData
            | Step::Forget => Ok(self.observe_database(placement).await?.0),
        }
    }

    /// `is_any_there`: of the project's containers.
    fn data_state(&self, placement: &Placement, volume: Option<&str>, is_any_there: bool) -> DataState {
        match volume {
            Some(volume) if self.marks.data(&placement.project_ref).as_deref() == Some(volume) => DataState::Complete,
            Some(_) => DataState::Partial,
            None if is_any_there => DataState::Partial,
            None => DataState::Absent,
        }
    }

    /// Looks at all of the project's containers, and tells beside what they are to be. Nothing of that if it has no network, or
    /// an image is missing, so that it can't be said.
    pub(super) async fn compare<'a>(
        &self,
        placement: &Placement,
        plan: &'a Plan,
    ) -> Result<(Seen<'a>, Option<Vec<Desired>>), ProvisionError> {
        let images = plan.services.iter().map(|service| self.images.find(&self.engine, &service.image));
        let network_name = Names::project(&placement.project_ref);
        let network = self.networks.find(&self.engine, &self.names, &network_name);
        let (seen, images, network) = tokio::try_join!(self.look(placement, plan), try_join_all(images), network)?;
        let images: Option<Vec<_>> = images.into_iter().collect();
        let (Some(images), Some(network)) = (images, network) else { return Ok((seen, None)) };
        let blueprint = self.blueprint(placement, plan, &network, &images).await?;
        // One that joins the network of a container that is not there can't be as it is to be.
        let of = |(place, service)| blueprint.desired(place, seen.owner_of(service).and_then(|owner| owner.id.as_deref()));
        let desired = plan.services.iter().enumerate().map(of).collect::<Result<_, _>>()?;
        Ok((seen, Some(desired)))
    }

    /// Removes everything that has the project's labels, whatever stack it was made from.
    pub(super) async fn destroy(&self, project_ref: &ProjectRef) -> Result<(), ProvisionError> {
        let runtime = self.runtime();
        let containers = runtime.containers(project_ref).await?;
        // Copies in progress have no labels of a project: they hold its volumes.
        let copies = runtime.all_containers().await?.into_iter().filter(|container| {
            let prefix = format!("/{}-", Names::project(project_ref));
            container.names.iter().flatten().any(|name| name.starts_with(&prefix))
        });
        let ids: Vec<String> = containers.into_iter().chain(copies).filter_map(|container| container.id).collect();
        try_join_all(ids.iter().map(|id| runtime.remove(id))).await?;
        {
            let mut delivered = self.delivered.lock().await;
            ids.iter().for_each(|id| drop(delivered.remove(id)));
        }
        let docker = self.engine.docker().await?;
        let filters = self.names.of_project(project_ref);
        let networks = docker.list_networks(Some(ListNetworksOptions { filters: Some(filters.clone()) })).await;
        for network in networks.map_err(|error| self.engine.failed("list networks", error))? {
            let name = network.name.unwrap_or_default();
            self.watch.expect(&name);
            self.disconnect_strangers(&name).await?;
            match docker.remove_network(&name).await {
                Ok(()) => {}
                Err(error) if is_missing(&error) => {}
                Err(error) => return Err(self.engine.failed(&format!("remove the network {name}"), error)),
            }
        }
        let volumes = docker.list_volumes(Some(ListVolumesOptionsBuilder::new().filters(&filters).build())).await;
        for volume in volumes.map_err(|error| self.engine.failed("list volumes", error))?.volumes.unwrap_or_default() {
            template::remove_volume(self, &volume.name).await?;
        }
        self.disk.forget(project_ref).await;
        self.marks.forget(project_ref)
    }

    /// A network goes only once nobody is in it; who was connected by hand is not ours to remove.
    pub(super) async fn disconnect_strangers(&self, network: &str) -> Result<(), ProvisionError> {
        use bollard::{models::NetworkDisconnectRequest, query_parameters::InspectNetworkOptions};
        let docker = self.engine.docker().await?;
        let inspected = super::engine::found(docker.inspect_network(network, None::<InspectNetworkOptions>).await);
        let inspected = inspected.map_err(|error| self.engine.failed(&format!("look at the network {network}"), error))?;
        for container in inspected.and_then(|network| network.containers).unwrap_or_default().into_keys() {
            let request = NetworkDisconnectRequest { container: container.clone(), force: Some(true) };
            match docker.disconnect_network(network, request).await {
                Ok(()) => {}
                Err(error) if is_missing(&error) => {}
                Err(error) => {
                    return Err(self.engine.failed(&format!("disconnect {container} from the network {network}"), error));
                }
            }
        }
        Ok(())
    }

    /// Every project of which something is there.
    pub(super) async fn found(&self) -> Result<Vec<Placement>, ProvisionError> {
        let docker = self.engine.docker().await?;
        let filters = self.names.ours();
        let containers = self.runtime().all_containers().await?;
        let networks = docker.list_networks(Some(ListNetworksOptions { filters: Some(filters.clone()) })).await;
        let networks = networks.map_err(|error| self.engine.failed("list networks", error))?;
        let volumes = docker.list_volumes(Some(ListVolumesOptionsBuilder::new().filters(&filters).build())).await;
        let volumes = volumes.map_err(|error| self.engine.failed("list volumes", error))?.volumes.unwrap_or_default();
        let labels = containers.into_iter().filter_map(|container| container.labels);
        let labels = labels.chain(networks.into_iter().filter_map(|network| network.labels));
        let labels = labels.chain(volumes.into_iter().map(|volume| volume.labels));
        let found: BTreeSet<(ProjectRef, Option<String>)> =
            labels.filter_map(|labels| Some((labels.get(PROJECT)?.parse().ok()?, labels.get(STACK).cloned()))).collect();
        let placement = |(project_ref, stack)| Placement {
            project_ref,
            driver: crate::DOCKER.to_owned(),
            stack,
            port: None,
            size: InstanceSize::default(),
            postgres_major: None,
        };
        Ok(found.into_iter().map(placement).collect())
    }
}

/// Ready only if every container is as it is to be: the database's alone is no project.
async fn database_state(plan: &Plan, seen: &Seen<'_>, desired: &[Desired]) -> DatabaseState {
    let is_as_desired = |desired: &Desired| {
        seen.of(&desired.component).is_some_and(|container| {
            runtime::is_running(container)
                && !runtime::is_paused(container)
                && runtime::is_of_generation(container, desired)
                && runtime::is_connected(container, desired)
        })
    };
    let binding = &plan.stack.binding().database;
    match seen.address(&binding.service, binding.port) {
        Some(address)
            if desired.iter().all(is_as_desired)
                && !plan.services.iter().any(|service| seen.is_stranded(service))
                && reach::accepts_sql(address).await =>
        {
            DatabaseState::Ready
        }
        Some(_) | None => DatabaseState::Changing,
    }
}
