//! Others whose tokens a project takes: their keys are read when they are added, and are in force at once.

use control_plane_api::{CreateThirdPartyAuth, ProjectRef, ThirdPartyAuth};
use uuid::Uuid;

use super::ProjectService;
use crate::{
    caller::Caller,
    error::Error,
    signing::{Source, ThirdParty},
    store::third_party_auth,
};

impl ProjectService {
    /// The project's, oldest first.
    pub async fn third_party_auths(&self, _caller: &Caller, project_ref: &ProjectRef) -> Result<Vec<ThirdPartyAuth>, Error> {
        Ok(self.third_parties(project_ref).await?.into_iter().map(third_party_auth).collect())
    }

    /// One of the project's.
    pub async fn third_party_auth(&self, _caller: &Caller, project_ref: &ProjectRef, id: &str) -> Result<ThirdPartyAuth, Error> {
        let id = parse(id)?;
        let found = self.third_parties(project_ref).await?.into_iter().find(|one| one.id == id);
        found.map(third_party_auth).ok_or_else(|| Error::ThirdPartyAuthNotFound(id.to_string()))
    }

    /// Has the project take somebody's tokens, whose keys are read now.
    pub async fn create_third_party_auth(
        &self,
        caller: &Caller,
        project_ref: &ProjectRef,
        request: CreateThirdPartyAuth,
    ) -> Result<ThirdPartyAuth, Error> {
        let project = self.installation.store.project(project_ref).await?;
        let source = Source::of(request)?;
        let keys = source.resolve(&*self.routes).await?;
        let one = self.installation.store.add_third_party(&project, source, keys, caller.name()).await?;
        self.put_in_force(project_ref).await?;
        Ok(third_party_auth(one))
    }

    /// Has the project take somebody's tokens no more, and answers whose they were.
    pub async fn remove_third_party_auth(
        &self,
        caller: &Caller,
        project_ref: &ProjectRef,
        id: &str,
    ) -> Result<ThirdPartyAuth, Error> {
        let project = self.installation.store.project(project_ref).await?;
        let one = self.installation.store.remove_third_party(&project, parse(id)?, caller.name()).await?;
        self.put_in_force(project_ref).await?;
        Ok(third_party_auth(one))
    }

    async fn third_parties(&self, project_ref: &ProjectRef) -> Result<Vec<ThirdParty>, Error> {
        let project = self.installation.store.project(project_ref).await?;
        self.installation.store.third_parties(&project).await
    }
}

fn parse(id: &str) -> Result<Uuid, Error> {
    Uuid::try_parse(id).map_err(|_| Error::ThirdPartyAuthNotFound(id.chars().take(40).collect()))
}
