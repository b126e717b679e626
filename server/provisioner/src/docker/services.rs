//! A project's services: the secrets that they wait for, and why one does not answer.

use bollard::models::ContainerInspectResponse;
use control_plane::ProvisionError;

use super::{
    Docker,
    delivery::{self, Secrets},
    look::Seen,
    project::Plan,
    reach,
    runtime::{self, Restarts},
    stack::ServiceSpec,
    transient,
};

impl Docker {
    /// Gives each of these services that waits for secrets, and whose container runs, what it needs. Giving them twice does no
    /// harm.
    pub(super) async fn deliver(
        &self,
        services: impl Iterator<Item = &ServiceSpec>,
        seen: &Seen<'_>,
        secrets: &Secrets,
    ) -> Result<(), ProvisionError> {
        for service in services.filter(|service| service.has_secrets()) {
            let Some(container) = seen.of(&service.name).filter(|container| runtime::is_running(container)) else { continue };
            let (id, started_at) = life(container);
            if self.delivered.lock().await.get(&id) == Some(&started_at) {
                continue;
            }
            if delivery::deliver(&self.engine, &id, service, secrets).await? {
                self.delivered.lock().await.insert(id, started_at);
            }
        }
        Ok(())
    }

    /// What keeps a service from answering, where that can be seen: its container has ended, or does so again and again, or
    /// has lost its network.
    pub(super) async fn why_not(&self, plan: &Plan, seen: &Seen<'_>, restarts: &mut Restarts) -> Result<(), ProvisionError> {
        for service in &plan.services {
            let Some(container) = seen.of(&service.name) else {
                return Err(transient(&format!("the container of {} is gone", service.name)));
            };
            self.has_not_ended(service, container, restarts).await?;
            if seen.is_stranded(service) {
                let owner = service.network_of();
                return Err(transient(&format!("{owner}, whose network {} has joined, was started again", service.name)));
            }
        }
        Ok(())
    }

    /// That the service's container has neither ended nor does so again and again; or its last words.
    pub(super) async fn has_not_ended(
        &self,
        service: &ServiceSpec,
        container: &ContainerInspectResponse,
        restarts: &mut Restarts,
    ) -> Result<(), ProvisionError> {
        if !restarts.are_too_many(container) && runtime::is_alive(container) {
            return Ok(());
        }
        let words = self.runtime().last_words(container.id.as_deref().unwrap_or_default()).await;
        let code = container.state.as_ref().and_then(|state| state.exit_code).unwrap_or_default();
        Err(transient(&format!("the service {} ended (exit code {code}). Its last words: {words}", service.name)))
    }

    /// Seconds that a service has between the stop signal and its end. What waits for its secrets has nothing to finish, and
    /// takes no signal.
    pub(super) async fn grace(&self, service: &ServiceSpec, seen: &Seen<'_>) -> i64 {
        let Some((id, started_at)) = seen.of(&service.name).map(life) else { return service.stop_grace };
        if !service.has_secrets() || self.delivered.lock().await.get(&id) == Some(&started_at) {
            return service.stop_grace;
        }
        // An earlier life of the server may have given it some.
        match seen.address_of_route(service) {
            Some(address) if reach::accepts(address).await => service.stop_grace,
            Some(_) | None => 0,
        }
    }
}

/// A container's id, and which of its lives this is.
pub(super) fn life(container: &ContainerInspectResponse) -> (String, String) {
    let started_at = container.state.as_ref().and_then(|state| state.started_at.clone());
    (container.id.clone().unwrap_or_default(), started_at.unwrap_or_default())
}
