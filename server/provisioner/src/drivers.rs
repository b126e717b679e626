//! All drivers as one: each project is run by the driver that its row names, so that projects of two kinds live side by
//! side, and a changed setting touches new projects only.

use std::sync::Arc;

use async_trait::async_trait;
use control_plane::{
    DataReader, DataWriter, Observation, Placement, Progress, ProjectSecrets, ProvisionError, Provisioner, RolePasswords,
    Services, Started, UnexpectedExit,
};
use control_plane_api::{Step, Usage};

use crate::{DockerProvisioner, LocalProvisioner};

/// Name of the local driver, as stored with its projects.
pub const LOCAL: &str = "local";
/// Name of the Docker driver.
pub const DOCKER: &str = "docker";

/// The drivers of an installation.
#[derive(Debug)]
pub struct Drivers {
    local: Arc<LocalProvisioner>,
    docker: Arc<DockerProvisioner>,
}

impl Drivers {
    /// Joins the drivers. Neither touches anything until a project of its own is worked on.
    #[must_use]
    pub fn new(local: Arc<LocalProvisioner>, docker: Arc<DockerProvisioner>) -> Self {
        Self { local, docker }
    }

    fn of(&self, placement: &Placement) -> Result<&dyn Provisioner, ProvisionError> {
        match placement.driver.as_str() {
            LOCAL => Ok(&*self.local),
            DOCKER => Ok(&*self.docker),
            other => Err(ProvisionError::Permanent {
                cause: format!("the project was made by the driver {other:?}, which this version of supacloud does not have"),
                source: None,
            }),
        }
    }
}

#[async_trait]
impl Provisioner for Drivers {
    async fn ensure_template(&self, placement: &Placement, progress: &dyn Progress) -> Result<(), ProvisionError> {
        self.of(placement)?.ensure_template(placement, progress).await
    }

    async fn ensure_data(&self, placement: &Placement) -> Result<(), ProvisionError> {
        self.of(placement)?.ensure_data(placement).await
    }

    async fn allocate_port(&self, placement: &Placement) -> Result<u16, ProvisionError> {
        self.of(placement)?.allocate_port(placement).await
    }

    async fn ensure_started(&self, placement: &Placement, secrets: &ProjectSecrets) -> Result<Started, ProvisionError> {
        self.of(placement)?.ensure_started(placement, secrets).await
    }

    async fn ensure_passwords(&self, placement: &Placement, passwords: &RolePasswords) -> Result<(), ProvisionError> {
        self.of(placement)?.ensure_passwords(placement, passwords).await
    }

    async fn ensure_services(&self, placement: &Placement, secrets: &ProjectSecrets) -> Result<Services, ProvisionError> {
        self.of(placement)?.ensure_services(placement, secrets).await
    }

    async fn ensure_size(&self, placement: &Placement) -> Result<(), ProvisionError> {
        self.of(placement)?.ensure_size(placement).await
    }

    async fn pack(&self, placement: &Placement, archive: DataWriter) -> Result<DataWriter, ProvisionError> {
        self.of(placement)?.pack(placement, archive).await
    }

    async fn unpack(&self, placement: &Placement, archive: DataReader) -> Result<(), ProvisionError> {
        self.of(placement)?.unpack(placement, archive).await
    }

    async fn stop(&self, placement: &Placement) -> Result<(), ProvisionError> {
        self.of(placement)?.stop(placement).await
    }

    async fn destroy(&self, placement: &Placement) -> Result<(), ProvisionError> {
        self.of(placement)?.destroy(placement).await
    }

    async fn observe(&self, placement: &Placement) -> Result<Observation, ProvisionError> {
        self.of(placement)?.observe(placement).await
    }

    async fn observe_effect(&self, placement: &Placement, step: Step) -> Result<Observation, ProvisionError> {
        self.of(placement)?.observe_effect(placement, step).await
    }

    async fn usage(&self, placement: &Placement) -> Result<Usage, ProvisionError> {
        self.of(placement)?.usage(placement).await
    }

    async fn found(&self) -> Result<Vec<Placement>, ProvisionError> {
        let mut found = self.local.found().await?;
        found.extend(self.docker.found().await?);
        Ok(found)
    }

    async fn next_exit(&self) -> UnexpectedExit {
        tokio::select! {
            exit = self.local.next_exit() => exit,
            exit = self.docker.next_exit() => exit,
        }
    }

    /// Containers outlive the server, as the engine's own restart policy means them to: only what is a child of ours ends.
    async fn shutdown(&self, immediately: bool) {
        self.local.shutdown(immediately).await;
    }
}
