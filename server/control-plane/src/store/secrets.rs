//! Sealed secrets and API keys.

use std::collections::BTreeMap;

use control_plane_api::{ApiKeyType, ProjectRef};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Store, StoredProject, entity, events};
use crate::{
    error::{Error, SecretError},
    secrets::{Field, ProjectSecrets, Vault},
};

const PUBLISHABLE: &str = "publishable";
const SECRET: &str = "secret";

/// A key in the new format, opened.
#[derive(Debug, Clone)]
pub(crate) struct StoredApiKey {
    pub(crate) id: Uuid,
    pub(crate) key_type: ApiKeyType,
    pub(crate) name: String,
    pub(crate) key: SecretString,
    pub(crate) hash: String,
    pub(crate) created_at: OffsetDateTime,
}

impl Store {
    /// Opens every secret of a project.
    pub(crate) async fn secrets(&self, vault: &Vault, project: &StoredProject) -> Result<ProjectSecrets, Error> {
        let rows = entity::secret::Entity::find().filter(entity::secret::Column::ProjectId.eq(project.id)).all(&self.db).await?;
        let (mut jwt_secret, mut anon_key, mut service_role_key) = (None, None, None);
        let mut passwords = BTreeMap::new();
        for row in rows {
            let value = vault.open(project.project_ref.as_str(), &row.field, &row.sealed)?;
            match Field::from_name(&row.field) {
                Some(Field::JwtSecret) => jwt_secret = Some(value),
                Some(Field::AnonKey) => anon_key = Some(value),
                Some(Field::ServiceRoleKey) => service_role_key = Some(value),
                Some(Field::RolePassword(role)) => {
                    passwords.insert(role, value);
                }
                Some(Field::ApiKey(_) | Field::AuthSetting(_) | Field::SigningKey(_)) | None => {
                    return Err(Error::Corrupt(format!("secret field {:?}", row.field)));
                }
            }
        }
        let keys = self.api_keys(vault, project).await?;
        let of_type = |wanted| keys.iter().filter(|key| key.key_type == wanted).map(|key| key.key.clone()).collect();
        Ok(ProjectSecrets {
            jwt_secret: jwt_secret.ok_or(SecretError)?,
            anon_key: anon_key.ok_or(SecretError)?,
            service_role_key: service_role_key.ok_or(SecretError)?,
            passwords,
            publishable_keys: of_type(ApiKeyType::Publishable),
            secret_keys: of_type(ApiKeyType::Secret),
        })
    }

    /// The project's keys in the new format: publishable ones first, each kind oldest first.
    pub(crate) async fn api_keys(&self, vault: &Vault, project: &StoredProject) -> Result<Vec<StoredApiKey>, Error> {
        let rows = entity::api_key::Entity::find()
            .filter(entity::api_key::Column::ProjectId.eq(project.id))
            .order_by_asc(entity::api_key::Column::Kind)
            .order_by_asc(entity::api_key::Column::CreatedAt)
            .all(&self.db)
            .await?;
        rows.into_iter()
            .map(|row| {
                let key_type = match row.kind.as_str() {
                    PUBLISHABLE => ApiKeyType::Publishable,
                    SECRET => ApiKeyType::Secret,
                    other => return Err(Error::Corrupt(format!("API key type {other:?}"))),
                };
                let key = vault.open(project.project_ref.as_str(), &Field::ApiKey(row.id).name(), &row.sealed)?;
                let created_at = events::timestamp(row.created_at);
                Ok(StoredApiKey { id: row.id, key_type, name: row.name, key, hash: row.hash, created_at })
            })
            .collect()
    }
}

/// Seals and writes the secrets of a new project.
pub(super) async fn insert(
    db: &impl ConnectionTrait,
    vault: &Vault,
    project_id: i64,
    project_ref: &ProjectRef,
    secrets: &ProjectSecrets,
    now: i64,
) -> Result<(), Error> {
    let named = [
        (Field::JwtSecret, &secrets.jwt_secret),
        (Field::AnonKey, &secrets.anon_key),
        (Field::ServiceRoleKey, &secrets.service_role_key),
    ];
    let passwords = secrets.passwords.iter().map(|(role, password)| (Field::RolePassword(role.clone()), password));
    let rows = named
        .into_iter()
        .chain(passwords)
        .map(|(field, value)| {
            let field = field.name();
            let sealed = vault.seal(project_ref.as_str(), &field, value)?;
            Ok(entity::secret::ActiveModel { id: NotSet, project_id: Set(project_id), field: Set(field), sealed: Set(sealed) })
        })
        .collect::<Result<Vec<_>, SecretError>>()?;
    entity::secret::Entity::insert_many(rows).exec_without_returning(db).await?;
    let publishable = secrets.publishable_keys.iter().map(|key| (PUBLISHABLE, key));
    let secret = secrets.secret_keys.iter().map(|key| (SECRET, key));
    let rows = publishable
        .chain(secret)
        .map(|(kind, key)| {
            let id = Uuid::new_v4();
            let sealed = vault.seal(project_ref.as_str(), &Field::ApiKey(id).name(), key)?;
            Ok(entity::api_key::ActiveModel {
                id: Set(id),
                project_id: Set(project_id),
                kind: Set(kind.to_owned()),
                name: Set("default".to_owned()),
                sealed: Set(sealed),
                hash: Set(key_hash(key)),
                created_at: Set(now),
            })
        })
        .collect::<Result<Vec<_>, SecretError>>()?;
    entity::api_key::Entity::insert_many(rows).exec_without_returning(db).await?;
    Ok(())
}

/// Hex SHA-256 of a key.
pub(crate) fn key_hash(key: &SecretString) -> String {
    hex::encode(Sha256::digest(key.expose_secret().as_bytes()))
}
