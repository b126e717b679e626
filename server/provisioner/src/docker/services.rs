//! A project's services: where they are, the secrets that they wait for, and why one does not answer.

use std::net::SocketAddr;

use bollard::models::ContainerInspectResponse;
use control_plane::{Placement, ProvisionError, RemoteServices, ServiceTarget};

use super::{
    Docker,
    delivery::{self, Secrets},
    names::Names,
    project::Plan,
    reach,
    runtime::{self, Restarts},
    transient,
};

impl Docker {
    /// Where a service's port is reached.
    pub(super) fn address(&self, placement: &Placement, container: &ContainerInspectResponse, port: u16) -> Option<SocketAddr> {
        reach::address_of(container, &Names::project(&placement.project_ref), port, self.published_on())
    }

    /// The container of a service. One that has its name and is somebody else's is not.
    pub(super) async fn container(
        &self,
        placement: &Placement,
        service: &str,
    ) -> Result<Option<ContainerInspectResponse>, ProvisionError> {
        self.runtime().inspect_ours(&Names::part(&placement.project_ref, service)).await
    }

    /// Where the project's routes lead, once its containers have addresses.
    pub(super) async fn remote(&self, placement: &Placement, plan: &Plan) -> Result<Option<RemoteServices>, ProvisionError> {
        let binding = plan.stack.binding();
        let mut targets = Vec::new();
        for route in &binding.routes {
            let Some(container) = self.container(placement, &route.service).await? else { return Ok(None) };
            let Some(address) = self.address(placement, &container, route.port) else { return Ok(None) };
            targets.push(ServiceTarget { prefix: route.prefix.clone(), instead: route.instead(), address });
        }
        let ready = match &binding.ready {
            Some(ready) => {
                let Some(container) = self.container(placement, &ready.service).await? else { return Ok(None) };
                let Some(address) = self.address(placement, &container, ready.port) else { return Ok(None) };
                Some((address, ready.path.clone()))
            }
            None => None,
        };
        Ok(Some(RemoteServices { targets, ready }))
    }

    /// Gives every running container of the project that waits for secrets what it needs. Giving them twice does no harm.
    pub(super) async fn deliver(&self, placement: &Placement, plan: &Plan, secrets: &Secrets) -> Result<(), ProvisionError> {
        for service in plan.services.iter().filter(|service| service.has_secrets()) {
            let container = self.container(placement, &service.name).await?;
            let Some(container) = container.filter(runtime::is_running) else { continue };
            let (id, started_at) = life(&container);
            if self.delivered.lock().await.get(&id) == Some(&started_at) {
                continue;
            }
            if delivery::deliver(&self.engine, &id, service, secrets).await? {
                self.delivered.lock().await.insert(id, started_at);
            }
        }
        Ok(())
    }

    /// What keeps a service from answering, where that can be seen: its container has ended, or does so again and again.
    pub(super) async fn why_not(
        &self,
        placement: &Placement,
        plan: &Plan,
        restarts: &mut Restarts,
    ) -> Result<(), ProvisionError> {
        for service in &plan.services {
            let container = self.container(placement, &service.name).await?;
            let Some(container) = container else { return Err(transient(&format!("the container of {} is gone", service.name))) };
            if restarts.are_too_many(&container) || !runtime::is_alive(&container) {
                let words = self.runtime().last_words(container.id.as_deref().unwrap_or_default()).await;
                let code = container.state.and_then(|state| state.exit_code).unwrap_or_default();
                return Err(transient(&format!(
                    "the service {} ended (exit code {code}). Its last words: {words}",
                    service.name
                )));
            }
        }
        Ok(())
    }
}

/// A container's id, and which of its lives this is.
pub(super) fn life(container: &ContainerInspectResponse) -> (String, String) {
    let started_at = container.state.as_ref().and_then(|state| state.started_at.clone());
    (container.id.clone().unwrap_or_default(), started_at.unwrap_or_default())
}
