//! The keys that projects' tokens are signed with: one row a key, its private half sealed for its project and id.

use control_plane_api::{ProjectRef, SigningAlgorithm, SigningKeyStatus};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, sea_query::Expr,
};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Store, StoredProject, clock, entity, events, projects::audit, third_party_auth, word};
use crate::{
    error::Error,
    secrets::{Field, Vault},
    signing::{Jwk, KeptKey, MAX_KEYS, MadeKey, Signing, Standing, check_move, check_removal},
};

use entity::signing_key::{ActiveModel, Column, Entity, Model};

/// A key without its private half.
#[derive(Debug, Clone)]
pub(crate) struct StoredSigningKey {
    pub(crate) id: Uuid,
    pub(crate) algorithm: SigningAlgorithm,
    pub(crate) status: SigningKeyStatus,
    /// It is the JWT secret.
    pub(crate) is_legacy: bool,
    pub(crate) public_jwk: Option<Map<String, Value>>,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) updated_at: OffsetDateTime,
}

impl Store {
    /// The project's keys, oldest first.
    pub(crate) async fn signing_keys(&self, project: &StoredProject) -> Result<Vec<StoredSigningKey>, Error> {
        rows(&self.db, project.id).await?.into_iter().map(stored).collect()
    }

    /// The project's keys with their private halves, opened.
    pub(crate) async fn signing(&self, vault: &Vault, project: &StoredProject) -> Result<Signing, Error> {
        let rows = rows(&self.db, project.id).await?;
        let keys = rows.into_iter().map(|row| kept(vault, &project.project_ref, row)).collect::<Result<_, _>>()?;
        let third_parties = third_party_auth::read(&self.db, project.id).await?;
        Ok(Signing { keys, legacy_api_keys: project.legacy_api_keys, third_parties })
    }

    /// Adds a key to the project's: standing by, or in use in the place of the one that was.
    pub(crate) async fn add_signing_key(
        &self,
        vault: &Vault,
        project: &StoredProject,
        key: MadeKey,
        in_use: bool,
        actor: &str,
    ) -> Result<StoredSigningKey, Error> {
        let (tx, now, _) = self.begin_signing(project).await?;
        let there = rows(&tx, project.id).await?;
        if there.iter().any(|row| row.id == key.id) {
            return Err(Error::StateConflict(format!("The project has a signing key {} already.", key.id)));
        }
        if there.len() >= MAX_KEYS {
            let message = format!("The project has {MAX_KEYS} signing keys, which is the most. Revoke and remove one first.");
            return Err(Error::StateConflict(message));
        }
        let status = if in_use { SigningKeyStatus::InUse } else { SigningKeyStatus::Standby };
        if in_use {
            retire(&tx, project.id, now).await?;
        }
        let MadeKey { id, algorithm, jwk } = key;
        let kept = KeptKey { id, algorithm, status, jwk: Some(jwk), created_at: now };
        insert(&tx, vault, project.id, &project.project_ref, &[kept], now).await?;
        audit(&tx, now, actor, &format!("project.signing_key.create {id} {status}"), &project.project_ref).await?;
        let added = find(&tx, project, id).await?;
        tx.commit().await?;
        stored(added)
    }

    /// Has the key become this; one that is taken into use does so in the place of the one that was.
    pub(crate) async fn move_signing_key(
        &self,
        project: &StoredProject,
        id: Uuid,
        to: SigningKeyStatus,
        actor: &str,
    ) -> Result<StoredSigningKey, Error> {
        let (tx, now, legacy_api_keys) = self.begin_signing(project).await?;
        let key = stored(find(&tx, project, id).await?)?;
        let StoredSigningKey { status, is_legacy, .. } = key;
        check_move(Standing { status, is_legacy, legacy_api_keys }, to).map_err(|why| Error::StateConflict(why.to_owned()))?;
        if status == to {
            return Ok(key);
        }
        if to == SigningKeyStatus::InUse {
            retire(&tx, project.id, now).await?;
        }
        Entity::update_many()
            .col_expr(Column::Status, Expr::value(to.as_str()))
            .col_expr(Column::UpdatedAt, Expr::value(now))
            .filter(Column::ProjectId.eq(project.id))
            .filter(Column::Id.eq(id))
            .exec(&tx)
            .await?;
        audit(&tx, now, actor, &format!("project.signing_key.update {id} {to}"), &project.project_ref).await?;
        let moved = find(&tx, project, id).await?;
        tx.commit().await?;
        stored(moved)
    }

    /// Removes a revoked key for good, and answers what it was.
    pub(crate) async fn remove_signing_key(
        &self,
        project: &StoredProject,
        id: Uuid,
        actor: &str,
    ) -> Result<StoredSigningKey, Error> {
        let (tx, now, legacy_api_keys) = self.begin_signing(project).await?;
        let key = stored(find(&tx, project, id).await?)?;
        let StoredSigningKey { status, is_legacy, .. } = key;
        check_removal(Standing { status, is_legacy, legacy_api_keys }).map_err(|why| Error::StateConflict(why.to_owned()))?;
        Entity::delete_by_id((project.id, id)).exec(&tx).await?;
        audit(&tx, now, actor, &format!("project.signing_key.remove {id}"), &project.project_ref).await?;
        tx.commit().await?;
        Ok(key)
    }

    /// Has the keys `anon` and `service_role` be API keys, or not. They can't while the JWT secret, which has signed them, is revoked.
    pub(crate) async fn set_legacy_api_keys(&self, project: &StoredProject, enabled: bool, actor: &str) -> Result<(), Error> {
        let (tx, now, before) = self.begin_signing(project).await?;
        if enabled == before {
            return Ok(());
        }
        let keys = rows(&tx, project.id).await?;
        if enabled && keys.iter().any(|key| key.is_legacy && key.status == SigningKeyStatus::Revoked.as_str()) {
            let message =
                "The API keys anon and service_role are signed with the JWT secret, which is revoked. Move it to standby first.";
            return Err(Error::StateConflict(message.to_owned()));
        }
        entity::project::Entity::update_many()
            .col_expr(entity::project::Column::LegacyApiKeys, Expr::value(enabled))
            .filter(entity::project::Column::Id.eq(project.id))
            .exec(&tx)
            .await?;
        let action = if enabled { "project.legacy_api_keys.enable" } else { "project.legacy_api_keys.disable" };
        audit(&tx, now, actor, action, &project.project_ref).await?;
        Ok(tx.commit().await?)
    }

    /// Begins to change the project's keys. Whoever does so takes turns with others; whether the legacy keys are API keys is
    /// read in that turn.
    pub(super) async fn begin_signing(&self, project: &StoredProject) -> Result<(DatabaseTransaction, i64, bool), Error> {
        let tx = self.begin_on(project.id).await?;
        let row = entity::project::Entity::find_by_id(project.id).one(&tx).await?;
        let row = row.ok_or_else(|| Error::ProjectNotFound(project.project_ref.clone()))?;
        let now = clock::now(&tx).await?;
        Ok((tx, now, row.legacy_api_keys))
    }
}

/// Writes keys, their private halves sealed.
pub(super) async fn insert(
    db: &impl ConnectionTrait,
    vault: &Vault,
    project_id: i64,
    project_ref: &ProjectRef,
    keys: &[KeptKey],
    now: i64,
) -> Result<(), Error> {
    for key in keys {
        let sealed = match &key.jwk {
            Some(jwk) => Some(vault.seal(project_ref.as_str(), &Field::SigningKey(key.id).name(), &jwk.private)?),
            None => None,
        };
        let public = key.jwk.as_ref().and_then(|jwk| jwk.public.clone());
        let row = ActiveModel {
            project_id: Set(project_id),
            id: Set(key.id),
            algorithm: Set(key.algorithm.as_str().to_owned()),
            status: Set(key.status.as_str().to_owned()),
            is_legacy: Set(key.jwk.is_none()),
            public_jwk: Set(public.map(|public| Value::Object(public).to_string())),
            sealed: Set(sealed),
            created_at: Set(key.created_at),
            updated_at: Set(now),
        };
        Entity::insert(row).exec_without_returning(db).await?;
    }
    Ok(())
}

/// The key that is in use is not any more.
async fn retire(db: &impl ConnectionTrait, project_id: i64, now: i64) -> Result<(), Error> {
    Entity::update_many()
        .col_expr(Column::Status, Expr::value(SigningKeyStatus::PreviouslyUsed.as_str()))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::ProjectId.eq(project_id))
        .filter(Column::Status.eq(SigningKeyStatus::InUse.as_str()))
        .exec(db)
        .await?;
    Ok(())
}

async fn rows(db: &impl ConnectionTrait, project_id: i64) -> Result<Vec<Model>, Error> {
    let of_project = Entity::find().filter(Column::ProjectId.eq(project_id));
    Ok(of_project.order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).all(db).await?)
}

async fn find(db: &impl ConnectionTrait, project: &StoredProject, id: Uuid) -> Result<Model, Error> {
    let row = Entity::find_by_id((project.id, id)).one(db).await?;
    row.ok_or_else(|| Error::SigningKeyNotFound(id.to_string()))
}

fn stored(row: Model) -> Result<StoredSigningKey, Error> {
    Ok(StoredSigningKey {
        id: row.id,
        algorithm: word(&row.algorithm)?,
        status: word(&row.status)?,
        is_legacy: row.is_legacy,
        public_jwk: public(row.public_jwk.as_deref())?,
        created_at: events::timestamp(row.created_at),
        updated_at: events::timestamp(row.updated_at),
    })
}

fn kept(vault: &Vault, project_ref: &ProjectRef, row: Model) -> Result<KeptKey, Error> {
    let jwk = match row.sealed {
        Some(sealed) => Some(Jwk {
            public: public(row.public_jwk.as_deref())?,
            private: vault.open(project_ref.as_str(), &Field::SigningKey(row.id).name(), &sealed)?,
        }),
        None => None,
    };
    Ok(KeptKey { id: row.id, algorithm: word(&row.algorithm)?, status: word(&row.status)?, jwk, created_at: row.created_at })
}

fn public(jwk: Option<&str>) -> Result<Option<Map<String, Value>>, Error> {
    jwk.map(serde_json::from_str).transpose().map_err(|error| Error::Corrupt(format!("public key: {error}")))
}
