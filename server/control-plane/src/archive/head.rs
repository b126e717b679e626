//! What stands at the beginning of an archive: what it is, and the project's secrets.

use std::collections::BTreeMap;

use auth_settings::document::Document;
use control_plane_api::{InstanceSize, ProjectRef};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::{ArchiveError, FORMAT};
use crate::{secrets::ProjectSecrets, store::StoredProject};

/// What an archive says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: u32,
    /// Version of the program that wrote it.
    pub supacloud: String,
    #[serde(rename = "ref")]
    pub project_ref: ProjectRef,
    pub name: String,
    pub region: String,
    pub size: InstanceSize,
    /// Name of the driver that ran it.
    pub driver: String,
    /// Which of the driver's stacks it was made from.
    pub stack: Option<String>,
    /// Version of the PostgreSQL server that its data is from, such as `17.6`.
    pub postgres_version: String,
    #[serde(with = "time::serde::rfc3339")]
    pub packed_at: OffsetDateTime,
}

/// The beginning of an archive.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) manifest: Manifest,
    pub(crate) secrets: ProjectSecrets,
    /// What its Auth is told.
    pub(crate) auth: Document,
}

impl Head {
    /// Of a project whose database has run.
    pub(crate) fn of(project: &StoredProject, secrets: ProjectSecrets, auth: Document) -> Self {
        let manifest = Manifest {
            format: FORMAT,
            supacloud: env!("CARGO_PKG_VERSION").to_owned(),
            project_ref: project.project_ref.clone(),
            name: project.name.clone(),
            region: project.region.clone(),
            size: project.size,
            driver: project.driver.clone(),
            stack: project.stack.clone(),
            postgres_version: project.postgres_version.clone().unwrap_or_default(),
            packed_at: OffsetDateTime::now_utc(),
        };
        Self { manifest, secrets, auth }
    }
}

impl Manifest {
    pub(super) fn read(document: &[u8]) -> Result<Self, ArchiveError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        // A newer one may have any other form.
        let Format { format } = parse(document)?;
        if format > FORMAT {
            return Err(ArchiveError::NewerFormat(format));
        }
        parse(document)
    }

    pub(super) fn document(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec_pretty(self)
    }
}

/// The secrets in the clear, those of Auth's settings among them, for the inside of a sealed archive and nothing else: the only form of them that is serialized.
#[derive(Serialize, Deserialize)]
pub(super) struct SecretsDocument {
    jwt_secret: String,
    anon_key: String,
    service_role_key: String,
    passwords: BTreeMap<String, String>,
    publishable_keys: Vec<String>,
    secret_keys: Vec<String>,
    /// What Auth's settings have of other than the defaults; not in archives of earlier versions.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    auth_config: Map<String, Value>,
}

impl SecretsDocument {
    pub(super) fn document(secrets: &ProjectSecrets, auth: &Document) -> serde_json::Result<Vec<u8>> {
        let text = |secret: &SecretString| secret.expose_secret().to_owned();
        serde_json::to_vec(&Self {
            jwt_secret: text(&secrets.jwt_secret),
            anon_key: text(&secrets.anon_key),
            service_role_key: text(&secrets.service_role_key),
            passwords: secrets.passwords.iter().map(|(role, password)| (role.clone(), text(password))).collect(),
            publishable_keys: secrets.publishable_keys.iter().map(text).collect(),
            secret_keys: secrets.secret_keys.iter().map(text).collect(),
            auth_config: auth.kept().clone(),
        })
    }

    pub(super) fn read(document: &[u8]) -> Result<(ProjectSecrets, Document), ArchiveError> {
        let read: Self = parse(document)?;
        let all = |texts: Vec<String>| texts.into_iter().map(SecretString::from).collect();
        let auth = Document::from_kept(&read.auth_config).map_err(|errors| {
            let keys: Vec<_> = errors.into_iter().map(|error| error.key).collect();
            ArchiveError::NotAnArchive(std::io::Error::other(format!("Auth settings {}", keys.join(", "))))
        })?;
        let secrets = ProjectSecrets {
            jwt_secret: read.jwt_secret.into(),
            anon_key: read.anon_key.into(),
            service_role_key: read.service_role_key.into(),
            passwords: read.passwords.into_iter().map(|(role, password)| (role, password.into())).collect(),
            publishable_keys: all(read.publishable_keys),
            secret_keys: all(read.secret_keys),
        };
        Ok((secrets, auth))
    }
}

/// The cause names no value: it may be a secret's.
fn parse<'a, T: Deserialize<'a>>(document: &'a [u8]) -> Result<T, ArchiveError> {
    serde_json::from_slice(document).map_err(|error| {
        ArchiveError::NotAnArchive(std::io::Error::other(format!("line {}, column {}", error.line(), error.column())))
    })
}
