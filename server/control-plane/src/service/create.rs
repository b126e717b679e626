//! Making a project.

use auth_settings::document::Document;
use control_plane_api::{CreateProject, OperationKind, Project, ProjectState};
use secrecy::SecretString;
use time::OffsetDateTime;

use super::{ProjectService, validate};
use crate::{
    caller::Caller,
    error::Error,
    secrets::{ProjectSecrets, made_up_name, made_up_ref},
    signing::Signing,
    store::{NewProject, StoredProject},
};

impl ProjectService {
    /// Makes a project and answers at once; the reconciler brings it up. With an idempotency key, a repeated request answers
    /// the project that the first one made, and a different request under the same key is a conflict.
    pub async fn create(&self, caller: &Caller, request: CreateProject, idempotency_key: Option<&str>) -> Result<Project, Error> {
        let region = validate::create(&request, self.settings.postgres_major)?;
        let name = request.name.as_deref().map_or_else(|| Ok(made_up_name()), validate::name)?;
        if let Some(password) = &request.db_pass {
            validate::password(password)?;
        }
        let request_hash = self.request_hash(&request)?;
        if let Some(key) = idempotency_key {
            validate::idempotency_key(key)?;
            if let Some(project) = self.made_before(key, &request_hash).await? {
                return Ok(self.project(&project, false));
            }
        }
        let project_ref = made_up_ref()?;
        let password = request.db_pass.map(SecretString::from);
        let issued_at = OffsetDateTime::now_utc().unix_timestamp();
        let secrets = ProjectSecrets::generate(&project_ref, self.settings.login_roles, password, issued_at)?;
        let new = NewProject {
            project_ref: &project_ref,
            name: &name,
            region: &region,
            size: validate::size(request.desired_instance_size.as_deref())?.unwrap_or(self.settings.size),
            driver: self.settings.driver,
            stack: self.settings.stack.as_deref(),
            node: &self.installation.node,
            secrets: &secrets,
            auth: &Document::default(),
            signing: &Signing::of_new_project(issued_at * 1000),
            postgres_version: None,
            made_by: OperationKind::Create,
            idempotency: idempotency_key.map(|key| (key, request_hash.as_str())),
            actor: caller.name(),
        };
        // Before the row, with which the reconciler may open the address at any moment.
        self.routes.withdraw(&project_ref, ProjectState::Provisioning).await;
        let project = match self.installation.store.insert_project(&self.installation.vault, new).await {
            Ok(project) => project,
            Err(error) => {
                self.routes.forget(&project_ref).await;
                // Two requests with the same key at once: the other one was first.
                match idempotency_key {
                    Some(key) => self.made_before(key, &request_hash).await?.ok_or(error)?,
                    None => return Err(error),
                }
            }
        };
        self.installation.wake();
        self.installation.feed.notify(&project.project_ref);
        Ok(self.project(&project, false))
    }

    async fn made_before(&self, key: &str, request_hash: &str) -> Result<Option<StoredProject>, Error> {
        match self.installation.store.find_by_idempotency_key(key).await? {
            Some((project, hash)) if hash == request_hash => Ok(Some(project)),
            Some(_) => Err(Error::IdempotencyMismatch),
            None => Ok(None),
        }
    }

    /// Hash of what was asked, the same for two bodies that mean the same. It covers the password, so it is a keyed hash and
    /// not the request itself that is kept.
    fn request_hash(&self, request: &CreateProject) -> Result<String, Error> {
        let canonical = serde_json::to_vec(request).map_err(|error| Error::Corrupt(error.to_string()))?;
        Ok(self.installation.vault.fingerprint("idempotent request", &canonical))
    }
}
