//! What projects' Auth is told: one row a project, its secrets sealed, each for its project and key.

use std::collections::BTreeMap;

use auth_settings::document::{Document, is_secret};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use control_plane_api::ProjectRef;
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait as _, sea_query::OnConflict};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use super::{Store, StoredProject, clock, entity, projects::audit};
use crate::{
    error::{Error, SecretError},
    secrets::{Field, Vault},
};

impl Store {
    /// What the project's Auth is told, its secrets opened.
    pub(crate) async fn auth_config(&self, vault: &Vault, project: &StoredProject) -> Result<Document, Error> {
        read(&self.db, vault, project).await
    }

    /// Replaces what the project's Auth is told by what `change` makes of it, and answers that. Two changes at once come one
    /// after the other.
    pub(crate) async fn update_auth_config(
        &self,
        vault: &Vault,
        project: &StoredProject,
        actor: &str,
        change: impl FnOnce(&Document) -> Result<Document, Error> + Send,
    ) -> Result<Document, Error> {
        let tx = self.begin_on(project.id).await?;
        if entity::project::Entity::find_by_id(project.id).one(&tx).await?.is_none() {
            return Err(Error::ProjectNotFound(project.project_ref.clone()));
        }
        let before = read(&tx, vault, project).await?;
        let document = change(&before)?;
        if document != before {
            let now = clock::now(&tx).await?;
            write(&tx, vault, project.id, &project.project_ref, &document, now).await?;
            audit(&tx, now, actor, "project.auth_config", &project.project_ref).await?;
            tx.commit().await?;
        }
        Ok(document)
    }
}

async fn read(db: &impl ConnectionTrait, vault: &Vault, project: &StoredProject) -> Result<Document, Error> {
    let Some(row) = entity::auth_config::Entity::find_by_id(project.id).one(db).await? else {
        return Ok(Document::default());
    };
    let mut kept: Map<String, Value> = parse(&row.document)?;
    let sealed: BTreeMap<String, String> = parse(&row.sealed)?;
    for (key, sealed) in sealed {
        let value = open(vault, &project.project_ref, &key, &sealed)?;
        kept.insert(key, Value::String(value.expose_secret().to_owned()));
    }
    Document::from_kept(&kept).map_err(|errors| {
        let keys: Vec<_> = errors.into_iter().map(|error| error.key).collect();
        Error::Corrupt(format!("Auth settings {}", keys.join(", ")))
    })
}

pub(super) async fn write(
    db: &impl ConnectionTrait,
    vault: &Vault,
    project_id: i64,
    project_ref: &ProjectRef,
    document: &Document,
    now: i64,
) -> Result<(), Error> {
    let mut open = Map::new();
    let mut sealed = BTreeMap::new();
    for (key, value) in document.kept() {
        match value {
            Value::String(secret) if is_secret(key) => {
                sealed.insert(key, seal(vault, project_ref, key, &secret.as_str().into())?);
            }
            value => drop(open.insert(key.clone(), value.clone())),
        }
    }
    let row = entity::auth_config::ActiveModel {
        project_id: Set(project_id),
        document: Set(Value::Object(open).to_string()),
        sealed: Set(serde_json::to_string(&sealed).map_err(|error| Error::Corrupt(error.to_string()))?),
        updated_at: Set(now),
    };
    use entity::auth_config::Column;
    let replaced = [Column::Document, Column::Sealed, Column::UpdatedAt];
    let replace = OnConflict::column(Column::ProjectId).update_columns(replaced).to_owned();
    entity::auth_config::Entity::insert(row).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}

fn seal(vault: &Vault, project_ref: &ProjectRef, key: &str, value: &SecretString) -> Result<String, SecretError> {
    let sealed = vault.seal(project_ref.as_str(), &Field::AuthSetting(key.to_owned()).name(), value)?;
    Ok(BASE64_STANDARD.encode(sealed))
}

fn open(vault: &Vault, project_ref: &ProjectRef, key: &str, sealed: &str) -> Result<SecretString, SecretError> {
    let sealed = BASE64_STANDARD.decode(sealed).map_err(|_| SecretError)?;
    vault.open(project_ref.as_str(), &Field::AuthSetting(key.to_owned()).name(), &sealed)
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::Corrupt(format!("Auth settings: {error}")))
}
