//! Projects in archives: making one, sending it, and making a project of one.

use std::io;

use control_plane_api::{
    ArchiveState, EventKind, ImportProject, OperationKind, Project, ProjectArchive, ProjectEvent, ProjectRef, ProjectState,
};
use secrecy::SecretString;

use super::{ProjectService, validate};
use crate::{
    archive::{ArchiveError, Received},
    caller::Caller,
    error::Error,
    lifecycle::Request,
    store::NewProject,
};

/// Newest events that are looked through for what became of an archive.
const EVENTS: u64 = 200;

impl ProjectService {
    /// Begins the archive of a paused project, in the place of one that waits.
    pub async fn export(&self, caller: &Caller, project_ref: &ProjectRef) -> Result<(), Error> {
        self.request(caller, project_ref, Request::Export).await.map(drop)
    }

    /// How far the project's archive is.
    pub async fn archive(&self, _caller: &Caller, project_ref: &ProjectRef) -> Result<ProjectArchive, Error> {
        let project = self.installation.store.project(project_ref).await?;
        let open = self.installation.store.open_operation_of(project.id).await?.map(|operation| operation.summary());
        let depot = &self.installation.depot;
        if let Some(operation) = open.filter(|operation| operation.kind == OperationKind::Export) {
            let bytes = depot.exported_so_far(project_ref);
            return Ok(ProjectArchive { state: ArchiveState::Packing, bytes, message: operation.last_error });
        }
        if let Some(bytes) = depot.exported(project_ref) {
            return Ok(ProjectArchive { state: ArchiveState::Ready, bytes: Some(bytes), message: None });
        }
        let events = self.installation.store.recent_events(project.id, EVENTS).await?;
        let is_failure =
            |event: &&ProjectEvent| event.operation == Some(OperationKind::Export) && event.kind == EventKind::StepFailed;
        match events.into_iter().find(|event| is_failure(&event)) {
            Some(event) => Ok(ProjectArchive { state: ArchiveState::Failed, bytes: None, message: event.message }),
            None => Err(ArchiveError::NoArchive.into()),
        }
    }

    /// Writes the project's archive to `output`, sealed with the passphrase, on a thread of its own; what goes wrong after the
    /// answer is told by an archive that is not whole. Waits for its turn.
    pub async fn send_archive(
        &self,
        _caller: &Caller,
        project_ref: &ProjectRef,
        passphrase: SecretString,
        output: impl io::Write + Send + 'static,
    ) -> Result<(), Error> {
        let project = self.installation.store.project(project_ref).await?;
        let depot = self.installation.depot.clone();
        depot.check_send(&project.project_ref, &passphrase)?;
        let place = depot.place().await;
        tokio::task::spawn_blocking(move || {
            let _place = place;
            if let Err(error) = depot.send(&project.project_ref, &passphrase, output) {
                tracing::warn!(project.ref = %project.project_ref, error = &error as &dyn std::error::Error, "sending an archive");
            }
        });
        Ok(())
    }

    /// Removes the project's archive from the server.
    pub async fn discard_archive(&self, _caller: &Caller, project_ref: &ProjectRef) -> Result<(), Error> {
        let project = self.installation.store.project(project_ref).await?;
        let open = self.installation.store.open_operation_of(project.id).await?.map(|operation| operation.summary());
        if let Some(operation) = open.filter(|operation| operation.kind == OperationKind::Export) {
            return Err(Error::OperationRunning(Box::new(operation)));
        }
        Ok(self.installation.depot.discard_export(project_ref)?)
    }

    /// Takes in an archive and makes its project, with the same reference and secrets; the reconciler brings it up. Answers once
    /// `input` has been read to its end.
    pub async fn import(
        &self,
        caller: &Caller,
        request: ImportProject,
        passphrase: SecretString,
        input: impl io::Read + Send + 'static,
    ) -> Result<Project, Error> {
        let size = validate::size(request.size.as_deref())?;
        let driver = request.driver.as_deref().unwrap_or(self.settings.driver);
        let (driver, stack) = validate::driver(driver, &self.settings.drivers)?;
        let stack = request.stack.as_deref().or(stack);
        let depot = self.installation.depot.clone();
        let place = depot.place().await;
        let receiving = tokio::task::spawn_blocking(move || {
            let _place = place;
            depot.receive(&passphrase, input)
        });
        let received: Received = receiving.await.map_err(|error| ArchiveError::Io(io::Error::other(error)))??;
        let manifest = &received.head.manifest;
        let (project_ref, name) = (&manifest.project_ref, validate::manifest(manifest)?);
        let exists = || Error::ProjectExists(project_ref.clone());
        if self.installation.store.find_project(project_ref).await?.is_some() || !self.installation.depot.keep(&received)? {
            return Err(exists());
        }
        let new = NewProject {
            project_ref,
            name: &name,
            region: &manifest.region,
            size: size.unwrap_or(manifest.size),
            driver,
            stack,
            node: &self.installation.node,
            secrets: &received.head.secrets,
            auth: &received.head.auth,
            signing: &received.head.signing,
            postgres_version: Some(&manifest.postgres_version),
            made_by: OperationKind::Import,
            idempotency: None,
            actor: caller.name(),
        };
        self.routes.withdraw(project_ref, ProjectState::Provisioning).await;
        match self.installation.store.insert_project(&self.installation.vault, new).await {
            Ok(project) => {
                self.installation.wake();
                self.installation.feed.notify(project_ref);
                Ok(self.project(&project, false))
            }
            Err(error) => {
                self.installation.depot.discard_import(project_ref)?;
                self.routes.forget(project_ref).await;
                Err(error)
            }
        }
    }
}
