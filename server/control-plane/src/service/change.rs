//! Changing a project: its name, and whether it runs, rests or is to go.

use std::time::Duration;

use control_plane_api::{DeletedProject, InstanceSize, Project, ProjectRef, RenamedProject, UpdateProject};

use super::{ProjectService, validate};
use crate::{
    caller::Caller,
    error::Error,
    lifecycle::Request,
    store::{Opened, StoredProject},
};

impl ProjectService {
    /// Gives the project another name.
    pub async fn rename(
        &self,
        caller: &Caller,
        project_ref: &ProjectRef,
        update: UpdateProject,
    ) -> Result<RenamedProject, Error> {
        let name = validate::name(&update.name)?;
        let project = self.installation.store.project(project_ref).await?;
        self.installation.store.rename_project(&project, &name, caller.name()).await?;
        self.installation.feed.notify(project_ref);
        Ok(RenamedProject { id: project.id, project_ref: project.project_ref, name })
    }

    /// The project's size.
    pub async fn size(&self, _caller: &Caller, project_ref: &ProjectRef) -> Result<InstanceSize, Error> {
        Ok(self.installation.store.project(project_ref).await?.size)
    }

    /// Gives the project another size: at once where it runs, else when it next does.
    pub async fn resize(&self, caller: &Caller, project_ref: &ProjectRef, size: &str) -> Result<(), Error> {
        let size = validate::size(Some(size))?.unwrap_or_default();
        let project = self.installation.store.project(project_ref).await?;
        self.installation.store.resize_project(&project, size, caller.name()).await?;
        self.installation.wake();
        self.installation.feed.notify(project_ref);
        Ok(())
    }

    /// Stops the project; its data stays. A paused project stays so.
    pub async fn pause(&self, caller: &Caller, project_ref: &ProjectRef) -> Result<(), Error> {
        self.request(caller, project_ref, Request::Pause).await.map(drop)
    }

    /// Starts a paused project, or retries what failed. A running project stays so.
    pub async fn restore(&self, caller: &Caller, project_ref: &ProjectRef) -> Result<(), Error> {
        self.request(caller, project_ref, Request::Restore).await.map(drop)
    }

    /// Stops the project and starts it again.
    pub async fn restart(&self, caller: &Caller, project_ref: &ProjectRef) -> Result<(), Error> {
        self.request(caller, project_ref, Request::Restart).await.map(drop)
    }

    /// Takes up a failed operation at the step where it gave up.
    pub async fn retry(&self, caller: &Caller, project_ref: &ProjectRef) -> Result<(), Error> {
        self.request(caller, project_ref, Request::Retry).await.map(drop)
    }

    /// Removes the project with everything it has.
    pub async fn delete(&self, caller: &Caller, project_ref: &ProjectRef) -> Result<DeletedProject, Error> {
        let project = self.request(caller, project_ref, Request::Delete).await?;
        Ok(DeletedProject { id: project.id, project_ref: project.project_ref, name: project.name })
    }

    /// Waits until no operation is expected to change the project's state any more, or the time is over; answers the project
    /// as it is then.
    pub async fn wait_until_settled(
        &self,
        _caller: &Caller,
        project_ref: &ProjectRef,
        at_most: Duration,
    ) -> Result<Project, Error> {
        let deadline = tokio::time::Instant::now() + at_most;
        let mut subscription = self.installation.feed.subscribe();
        loop {
            let project = self.installation.store.project(project_ref).await?;
            if !project.state.is_transient() {
                return Ok(self.project(&project, false));
            }
            // The tick serves replicas that learn of changes from the database only.
            let tick = (tokio::time::Instant::now() + super::read::TICK).min(deadline);
            tokio::select! {
                _ = subscription.about(project_ref) => {}
                () = tokio::time::sleep_until(tick) => {}
            }
            if tokio::time::Instant::now() >= deadline {
                return Ok(self.project(&self.installation.store.project(project_ref).await?, false));
            }
        }
    }

    pub(super) async fn request(
        &self,
        caller: &Caller,
        project_ref: &ProjectRef,
        request: Request,
    ) -> Result<StoredProject, Error> {
        let project = self.installation.store.project(project_ref).await?;
        match self.installation.store.open_operation(&project, request, caller.name()).await? {
            Opened::Opened => {
                self.installation.wake();
                self.installation.feed.notify(project_ref);
            }
            Opened::AlreadySo => {}
        }
        Ok(project)
    }
}
