//! The keys that a project's tokens are signed with, and that a change of them is in force at once.

use control_plane_api::{
    CreateSigningKey, LegacyApiKeys, ProjectRef, SigningKey, SigningKeyStatus, SigningKeys, UpdateSigningKey,
};
use serde_json::Value;
use uuid::Uuid;

use super::ProjectService;
use crate::{
    caller::Caller,
    error::{Error, SecretError},
    in_force,
    signing::MadeKey,
    store::StoredSigningKey,
};

impl ProjectService {
    /// The project's keys, oldest first.
    pub async fn signing_keys(&self, _caller: &Caller, project_ref: &ProjectRef) -> Result<SigningKeys, Error> {
        let keys = self.stored_signing_keys(project_ref).await?;
        Ok(SigningKeys { keys: keys.into_iter().map(signing_key).collect() })
    }

    /// One of the project's keys.
    pub async fn signing_key(&self, _caller: &Caller, project_ref: &ProjectRef, id: &str) -> Result<SigningKey, Error> {
        let keys = self.stored_signing_keys(project_ref).await?;
        let key = keys.into_iter().find(|key| parse(id).is_ok_and(|id| id == key.id));
        key.map(signing_key).ok_or_else(|| not_found(id))
    }

    /// The project's JWT secret as one of its keys.
    pub async fn legacy_signing_key(&self, _caller: &Caller, project_ref: &ProjectRef) -> Result<SigningKey, Error> {
        let key = self.stored_signing_keys(project_ref).await?.into_iter().find(|key| key.is_legacy);
        key.map(signing_key).ok_or_else(|| Error::Corrupt("the project's JWT secret is none of its signing keys".into()))
    }

    /// Makes a key, or takes in the one that the request has. It stands by unless the request says that it is to be in use.
    pub async fn create_signing_key(
        &self,
        caller: &Caller,
        project_ref: &ProjectRef,
        request: CreateSigningKey,
    ) -> Result<SigningKey, Error> {
        let in_use = match request.status {
            None | Some(SigningKeyStatus::Standby) => false,
            Some(SigningKeyStatus::InUse) => true,
            Some(SigningKeyStatus::PreviouslyUsed | SigningKeyStatus::Revoked) => {
                let message = "A new key is standby or in_use.".to_owned();
                return Err(Error::InvalidInput { field: "status", message });
            }
        };
        let project = self.installation.store.project(project_ref).await?;
        let make = move || match &request.private_jwk {
            Some(jwk) => MadeKey::import(request.algorithm, jwk),
            None => MadeKey::generate(request.algorithm),
        };
        // An RSA key takes as long as finding two primes does.
        let key = tokio::task::spawn_blocking(make).await.map_err(|_| SecretError)??;
        let store = &self.installation.store;
        let key = store.add_signing_key(&self.installation.vault, &project, key, in_use, caller.name()).await?;
        self.put_in_force(project_ref).await?;
        Ok(signing_key(key))
    }

    /// Has a key become something else. One that is taken into use signs from now on; the one that did is `previously_used` then, and
    /// nobody is signed out.
    pub async fn update_signing_key(
        &self,
        caller: &Caller,
        project_ref: &ProjectRef,
        id: &str,
        update: UpdateSigningKey,
    ) -> Result<SigningKey, Error> {
        let project = self.installation.store.project(project_ref).await?;
        let key = self.installation.store.move_signing_key(&project, parse(id)?, update.status, caller.name()).await?;
        self.put_in_force(project_ref).await?;
        Ok(signing_key(key))
    }

    /// Removes a revoked key for good, and answers what it was.
    pub async fn remove_signing_key(&self, caller: &Caller, project_ref: &ProjectRef, id: &str) -> Result<SigningKey, Error> {
        let project = self.installation.store.project(project_ref).await?;
        Ok(signing_key(self.installation.store.remove_signing_key(&project, parse(id)?, caller.name()).await?))
    }

    /// Whether the keys `anon` and `service_role` are API keys.
    pub async fn legacy_api_keys(&self, _caller: &Caller, project_ref: &ProjectRef) -> Result<LegacyApiKeys, Error> {
        Ok(LegacyApiKeys { enabled: self.installation.store.project(project_ref).await?.legacy_api_keys })
    }

    /// Has the keys `anon` and `service_role` be API keys, or not, from now on.
    pub async fn set_legacy_api_keys(
        &self,
        caller: &Caller,
        project_ref: &ProjectRef,
        enabled: bool,
    ) -> Result<LegacyApiKeys, Error> {
        let project = self.installation.store.project(project_ref).await?;
        self.installation.store.set_legacy_api_keys(&project, enabled, caller.name()).await?;
        self.put_in_force(project_ref).await?;
        Ok(LegacyApiKeys { enabled })
    }

    async fn stored_signing_keys(&self, project_ref: &ProjectRef) -> Result<Vec<StoredSigningKey>, Error> {
        let project = self.installation.store.project(project_ref).await?;
        self.installation.store.signing_keys(&project).await
    }

    /// Has a project that runs go by what is kept now.
    pub(super) async fn put_in_force(&self, project_ref: &ProjectRef) -> Result<(), Error> {
        in_force::put(&self.installation, &*self.routes, project_ref).await
    }
}

fn parse(id: &str) -> Result<Uuid, Error> {
    Uuid::try_parse(id).map_err(|_| not_found(id))
}

fn not_found(id: &str) -> Error {
    Error::SigningKeyNotFound(id.chars().take(40).collect())
}

fn signing_key(key: StoredSigningKey) -> SigningKey {
    SigningKey {
        id: key.id.to_string(),
        algorithm: key.algorithm,
        status: key.status,
        public_jwk: key.public_jwk.map(Value::Object),
        created_at: key.created_at,
        updated_at: key.updated_at,
    }
}
