//! What can be asked of the control plane. Every method takes who asks; reads answer from rows, changes write rows and wake
//! the reconciler. HTTP and HTML map from and to this, and hold no rules of their own.

mod archive;
mod auth;
mod auth_config;
mod change;
mod create;
mod read;
mod signing_keys;
mod third_party_auth;
mod validate;

use std::sync::Arc;

use control_plane_api::{Database, InstanceSize, Project, ProjectStatus};

use crate::{installation::Installation, routes::Routes, store::StoredProject};

/// Facts about the installation that projects are described with.
#[derive(Debug, Clone)]
pub struct ServiceSettings {
    /// Base domain; projects live at `<ref>.api.<domain>`.
    pub domain: String,
    /// Scheme of project addresses.
    pub scheme: &'static str,
    /// Port of project addresses, where it is not the scheme's own.
    pub port: Option<u16>,
    /// Where SQL clients reach this machine.
    pub sql_host: String,
    /// Name of the driver that runs new projects.
    pub driver: &'static str,
    /// Which of the driver's stacks they are made from.
    pub stack: Option<String>,
    /// Every driver, with the stack of projects that ask for none.
    pub drivers: Vec<(&'static str, Option<String>)>,
    /// Size of new projects that ask for none.
    pub size: InstanceSize,
    /// The drivers that hold a project to its size.
    pub limiting_drivers: &'static [&'static str],
    /// Major version of PostgreSQL that new projects get, once known.
    pub postgres_major: u32,
    /// Database roles that can log in and get a password in every new project.
    pub login_roles: &'static [&'static str],
}

impl ServiceSettings {
    /// Address of a project, without a trailing slash.
    #[must_use]
    pub fn api_url(&self, project_ref: &control_plane_api::ProjectRef) -> String {
        self.api_url_pattern().replace("{ref}", project_ref.as_str())
    }

    /// Address of any project, with `{ref}` in the place of its reference.
    #[must_use]
    pub fn api_url_pattern(&self) -> String {
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{{ref}}.api.{}{port}", self.scheme, self.domain)
    }
}

/// Projects, as callers see them.
#[derive(Debug)]
pub struct ProjectService {
    installation: Installation,
    routes: Arc<dyn Routes>,
    settings: ServiceSettings,
}

impl ProjectService {
    /// Puts the service together. A reconciler in this process takes a clone of the same installation, and the same routes.
    #[must_use]
    pub fn new(installation: Installation, routes: Arc<dyn Routes>, settings: ServiceSettings) -> Self {
        Self { installation, routes, settings }
    }

    /// The installation's facts.
    #[must_use]
    pub const fn settings(&self) -> &ServiceSettings {
        &self.settings
    }

    /// A project on the wire. `with_database` is false in the answer to a create, as upstream.
    fn project(&self, stored: &StoredProject, with_database: bool) -> Project {
        let host = format!("db.{}.api.{}", stored.project_ref, self.settings.domain);
        let major = stored
            .postgres_version
            .as_deref()
            .and_then(|version| version.split('.').next())
            .map_or_else(|| self.settings.postgres_major.to_string(), str::to_owned);
        let database = with_database.then(|| Database {
            host,
            version: image_tag(&major).to_owned(),
            postgres_engine: major,
            release_channel: "ga".to_owned(),
        });
        Project {
            id: stored.project_ref.clone(),
            project_ref: stored.project_ref.clone(),
            project_id: stored.project_ref.clone(),
            organization_id: stored.organization.clone(),
            organization_slug: stored.organization.clone(),
            name: stored.name.clone(),
            region: stored.region.clone(),
            created_at: stored.created_at,
            status: ProjectStatus::new(stored.state, stored.failed_operation, stored.healthy),
            state: stored.state,
            api_url: self.settings.api_url(&stored.project_ref),
            database,
        }
    }
}

/// A published image tag of the same major version: the CLI pulls `supabase/postgres:<version>` for dump, diff and pull.
/// Upstream publishes 15 and 17 only; a newer server is dumped by the newest.
fn image_tag(major: &str) -> &'static str {
    if major == "15" { "15.8.1.085" } else { "17.6.1.084" }
}
