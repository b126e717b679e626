//! What stands at the beginning of an archive: what it is, and the project's secrets.

use std::collections::BTreeMap;

use auth_settings::document::Document;
use control_plane_api::{InstanceSize, ProjectRef, SigningAlgorithm, SigningKeyStatus};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{ArchiveError, FORMAT};
use crate::{
    secrets::ProjectSecrets,
    signing::{KeptKey, MadeKey, Signing, ThirdParty, is_whole},
    store::StoredProject,
};

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
    pub(crate) signing: Signing,
}

impl Head {
    /// Of a project whose database has run.
    pub(crate) fn of(project: &StoredProject, secrets: ProjectSecrets, auth: Document, signing: Signing) -> Self {
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
        Self { manifest, secrets, auth, signing }
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

/// The secrets in the clear, those of Auth's settings and the signing keys among them, for the inside of a sealed archive and nothing
/// else: the only form of them that is serialized.
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
    /// The keys that tokens are signed with; none in archives of earlier versions, where the JWT secret is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    signing_keys: Vec<SigningKeyDocument>,
    /// Not in archives of earlier versions.
    #[serde(default = "yes")]
    legacy_api_keys: bool,
    /// Others whose tokens are taken; not in archives of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    third_party_auth: Vec<ThirdParty>,
}

const fn yes() -> bool {
    true
}

#[derive(Serialize, Deserialize)]
struct SigningKeyDocument {
    id: Uuid,
    algorithm: SigningAlgorithm,
    status: SigningKeyStatus,
    /// Unix milliseconds.
    created_at: i64,
    /// JSON Web Key; nothing of the JWT secret.
    private_jwk: Option<String>,
}

impl SigningKeyDocument {
    fn of(key: &KeptKey) -> Self {
        let private_jwk = key.jwk.as_ref().map(|jwk| jwk.private.expose_secret().to_owned());
        Self { id: key.id, algorithm: key.algorithm, status: key.status, created_at: key.created_at, private_jwk }
    }

    fn read(self) -> Result<KeptKey, ArchiveError> {
        let unusable = || ArchiveError::NotAnArchive(std::io::Error::other("a signing key can't be used"));
        let made = self.private_jwk.map(|jwk| {
            let jwk = serde_json::from_str(&jwk).map_err(|_| unusable())?;
            let made = MadeKey::import(self.algorithm, &jwk).map_err(|_| unusable())?;
            if made.id == self.id { Ok(made.jwk) } else { Err(unusable()) }
        });
        let jwk = made.transpose()?;
        Ok(KeptKey { id: self.id, algorithm: self.algorithm, status: self.status, jwk, created_at: self.created_at })
    }
}

impl SecretsDocument {
    pub(super) fn document(head: &Head) -> serde_json::Result<Vec<u8>> {
        let Head { secrets, auth, signing, .. } = head;
        let text = |secret: &SecretString| secret.expose_secret().to_owned();
        serde_json::to_vec(&Self {
            jwt_secret: text(&secrets.jwt_secret),
            anon_key: text(&secrets.anon_key),
            service_role_key: text(&secrets.service_role_key),
            passwords: secrets.passwords.iter().map(|(role, password)| (role.clone(), text(password))).collect(),
            publishable_keys: secrets.publishable_keys.iter().map(text).collect(),
            secret_keys: secrets.secret_keys.iter().map(text).collect(),
            auth_config: auth.kept().clone(),
            signing_keys: signing.keys.iter().map(SigningKeyDocument::of).collect(),
            legacy_api_keys: signing.legacy_api_keys,
            third_party_auth: signing.third_parties.clone(),
        })
    }

    /// With the project of this manifest.
    pub(super) fn read(document: &[u8], manifest: Manifest) -> Result<Head, ArchiveError> {
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
        let keys = read.signing_keys.into_iter().map(SigningKeyDocument::read).collect::<Result<Vec<_>, _>>()?;
        let signing = if keys.is_empty() {
            Signing { third_parties: read.third_party_auth, ..Signing::of_new_project(millis(manifest.packed_at)) }
        } else {
            Signing { keys, legacy_api_keys: read.legacy_api_keys, third_parties: read.third_party_auth }
        };
        if !is_whole(&signing) {
            return Err(ArchiveError::NotAnArchive(std::io::Error::other("the signing keys do not go together")));
        }
        Ok(Head { manifest, secrets, auth, signing })
    }
}

fn millis(at: OffsetDateTime) -> i64 {
    at.unix_timestamp().saturating_mul(1000)
}

/// The cause names no value: it may be a secret's.
fn parse<'a, T: Deserialize<'a>>(document: &'a [u8]) -> Result<T, ArchiveError> {
    serde_json::from_slice(document).map_err(|error| {
        ArchiveError::NotAnArchive(std::io::Error::other(format!("line {}, column {}", error.line(), error.column())))
    })
}
