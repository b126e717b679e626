//! What a project's Auth is told: the Management API's document, and that a change is in force at once.

use control_plane_api::ProjectRef;
use serde_json::{Map, Value};

use super::ProjectService;
use crate::{caller::Caller, error::Error};

impl ProjectService {
    /// Every key of the project's Auth settings. Secrets are shown as their keyed hash only.
    pub async fn auth_config(&self, _caller: &Caller, project_ref: &ProjectRef) -> Result<Map<String, Value>, Error> {
        let project = self.installation.store.project(project_ref).await?;
        let document = self.installation.store.auth_config(&self.installation.vault, &project).await?;
        Ok(document.to_response(project_ref.as_str()))
    }

    /// Changes what a patch names, all of it or nothing: `null` is the default. Answers as [`Self::auth_config`]; a project
    /// that runs goes by it from then on.
    pub async fn update_auth_config(
        &self,
        caller: &Caller,
        project_ref: &ProjectRef,
        patch: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Error> {
        let (store, vault) = (&self.installation.store, &self.installation.vault);
        let project = store.project(project_ref).await?;
        let change =
            |document: &auth_settings::document::Document| document.apply(patch, project_ref.as_str()).map_err(Error::AuthConfig);
        let document = store.update_auth_config(vault, &project, caller.name(), change).await?;
        self.put_in_force(project_ref).await?;
        Ok(document.to_response(project_ref.as_str()))
    }
}
