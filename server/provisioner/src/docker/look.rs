//! One look at a project's containers, from which everything that a verb wants to know of them is told.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
};

use bollard::models::ContainerInspectResponse;
use control_plane::{Placement, ProvisionError, RemoteServices, ServiceTarget};
use futures::future::try_join_all;

use super::{
    Docker,
    names::Names,
    project::Plan,
    reach, runtime,
    stack::{PlaceBinding, ServiceSpec},
};

/// A project's containers as they were seen, by service. One that has the name of ours and is somebody else's is not among
/// them.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    plan: &'a Plan,
    containers: HashMap<&'a str, ContainerInspectResponse>,
    network: String,
    published_on: Option<IpAddr>,
}

impl Docker {
    /// Looks at all containers of the project.
    pub(super) async fn look<'a>(&self, placement: &Placement, plan: &'a Plan) -> Result<Seen<'a>, ProvisionError> {
        self.look_at(placement, plan, &plan.services).await
    }

    /// Looks at some containers of the project.
    pub(super) async fn look_at<'a>(
        &self,
        placement: &Placement,
        plan: &'a Plan,
        services: &'a [ServiceSpec],
    ) -> Result<Seen<'a>, ProvisionError> {
        let runtime = self.runtime();
        let looks = services.iter().map(async |service| {
            let container = runtime.inspect_ours(&Names::part(&placement.project_ref, &service.name)).await?;
            Ok::<_, ProvisionError>(container.map(|container| (service.name.as_str(), container)))
        });
        let containers = try_join_all(looks).await?.into_iter().flatten().collect();
        let network = Names::project(&placement.project_ref);
        Ok(Seen { plan, containers, network, published_on: self.published_on() })
    }
}

impl Seen<'_> {
    pub(super) fn of(&self, service: &str) -> Option<&ContainerInspectResponse> {
        self.containers.get(service)
    }

    pub(super) fn service(&self, name: &str) -> Option<&ServiceSpec> {
        self.plan.service(name)
    }

    /// The container whose network the service is in: its own, or the one that it joins.
    pub(super) fn owner_of(&self, service: &ServiceSpec) -> Option<&ContainerInspectResponse> {
        self.of(service.network_of())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.containers.is_empty()
    }

    /// Whether any runs, or will without our doing.
    pub(super) fn is_any_alive(&self) -> bool {
        self.containers.values().any(runtime::is_alive)
    }

    /// Where a service's port is reached.
    pub(super) fn address(&self, service: &str, port: u16) -> Option<SocketAddr> {
        let service = self.plan.service(service)?;
        reach::address_of(self.owner_of(service)?, &self.network, port, self.published_on)
    }

    /// Where the first route to a service leads.
    pub(super) fn address_of_route(&self, service: &ServiceSpec) -> Option<SocketAddr> {
        let route = self.plan.stack.binding().routes.iter().find(|route| route.service == service.name)?;
        self.address(&route.service, route.port)
    }

    /// Whether the service runs in a network that is there no more: the container that it has joined has begun another life.
    pub(super) fn is_stranded(&self, service: &ServiceSpec) -> bool {
        let (Some(guest), Some(owner)) = (self.of(&service.name), self.owner_of(service)) else { return false };
        runtime::is_stranded(guest, owner)
    }

    /// Where the project's routes lead, once its containers have addresses.
    pub(super) fn routes(&self) -> Option<RemoteServices> {
        let binding = self.plan.stack.binding();
        let target = |service: &str, port: u16| self.of(service).and_then(|_| self.address(service, port));
        let targets = binding.routes.iter().map(|route| {
            let address = target(&route.service, route.port)?;
            Some(ServiceTarget { prefix: route.prefix.clone(), instead: route.instead(), address })
        });
        let place = |place: &Option<PlaceBinding>| match place {
            Some(place) => Some(Some((target(&place.service, place.port)?, place.path.clone()))),
            None => Some(None),
        };
        let (ready, settings) = (place(&binding.ready)?, place(&binding.settings)?);
        Some(RemoteServices { targets: targets.collect::<Option<_>>()?, ready, settings })
    }
}
