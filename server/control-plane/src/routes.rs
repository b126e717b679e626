//! What the control plane tells the gateway: which projects answer at their address.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use auth_settings::document::Document;
use control_plane_api::{ProjectRef, ProjectState};
use secrecy::SecretString;
use serde_json::Value;

use crate::{provisioner::Services, secrets::ProjectSecrets, signing::KeysInForce};

/// The gateway's route table, as the reconciler sees it. Implemented by the server, which knows both sides.
#[async_trait]
pub trait Routes: fmt::Debug + Send + Sync {
    /// Opens the project's address, once its services go by what they are to go by. Replaces an earlier route of the same project.
    async fn publish(&self, project: LiveProject) -> Result<(), NotTold>;

    /// Has a published project's services, and its address, go by this from now on. Nothing happens to one that is not published.
    async fn configure(&self, project_ref: &ProjectRef, in_force: InForce) -> Result<(), NotTold>;

    /// Asks one of a published project's services; nothing of one that is not published, or did not answer.
    async fn call(&self, project_ref: &ProjectRef, call: ServiceCall) -> Option<ServiceAnswer>;

    /// The JSON at an address that somebody's settings name, if services may reach it; why it can't be had, for a person.
    async fn fetch(&self, url: &str) -> Result<Value, String>;

    /// Closes the project's address; requests are told that the project exists and is in this state.
    async fn withdraw(&self, project_ref: &ProjectRef, state: ProjectState);

    /// Removes the project's address; requests are told that there is no such project.
    async fn forget(&self, project_ref: &ProjectRef);

    /// Whether the project's address is open.
    fn is_published(&self, project_ref: &ProjectRef) -> bool;

    /// Asks the project's database something, as its services do, for at most so long; why it does not answer, for a person.
    async fn probe(&self, project_ref: &ProjectRef, at_most: Duration) -> Result<(), String>;
}

/// A request to one of a project's services.
#[derive(Debug, Clone)]
pub struct ServiceCall {
    pub method: &'static str,
    /// With the service's prefix, and the query.
    pub path: String,
    /// Nothing is no body.
    pub body: Option<Value>,
    /// As whom.
    pub token: SecretString,
}

/// What the service answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAnswer {
    pub status: u16,
    /// `null` where it was no JSON.
    pub body: Value,
}

/// A running project with what its services need.
#[derive(Debug, Clone)]
pub struct LiveProject {
    pub project_ref: ProjectRef,
    pub services: Services,
    pub in_force: InForce,
}

/// What a project goes by.
#[derive(Debug, Clone)]
pub struct InForce {
    pub secrets: ProjectSecrets,
    /// What its Auth is told.
    pub auth: Document,
    pub keys: KeysInForce,
}

/// A project's services could not be told what to go by. For a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotTold(pub String);
