//! Others whose tokens projects take.

use control_plane_api::{ProjectRef, ThirdPartyAuth};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::Expr,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Node, Store, StoredProject, clock, entity, events, projects::audit};
use crate::{
    error::Error,
    signing::{MAX_THIRD_PARTIES, Source, ThirdParty},
};

use entity::third_party_auth::{ActiveModel, Column, Entity, Model};

impl Store {
    /// The project's, oldest first.
    pub(crate) async fn third_parties(&self, project: &StoredProject) -> Result<Vec<ThirdParty>, Error> {
        read(&self.db, project.id).await
    }

    /// Adds one with its keys.
    pub(crate) async fn add_third_party(
        &self,
        project: &StoredProject,
        source: Source,
        keys: Vec<Value>,
        actor: &str,
    ) -> Result<ThirdParty, Error> {
        let (tx, now, _) = self.begin_signing(project).await?;
        let there = read(&tx, project.id).await?;
        if let Some(same) = there.iter().find(|one| one.source == source) {
            return Err(Error::StateConflict(format!("The project takes these tokens already, by {}.", same.id)));
        }
        if there.len() >= MAX_THIRD_PARTIES {
            let message =
                format!("The project has {MAX_THIRD_PARTIES} third-party integrations, which is the most. Remove one first.");
            return Err(Error::StateConflict(message));
        }
        let id = Uuid::new_v4();
        let one = ThirdParty { id, source, keys, inserted_at: now, updated_at: now, resolved_at: now };
        insert(&tx, project.id, std::slice::from_ref(&one)).await?;
        audit(&tx, now, actor, &format!("project.third_party_auth.create {id}"), &project.project_ref).await?;
        tx.commit().await?;
        Ok(one)
    }

    /// Removes one for good, and answers what it was.
    pub(crate) async fn remove_third_party(&self, project: &StoredProject, id: Uuid, actor: &str) -> Result<ThirdParty, Error> {
        let (tx, now, _) = self.begin_signing(project).await?;
        let row = Entity::find_by_id((project.id, id)).one(&tx).await?;
        let one = kept(row.ok_or_else(|| Error::ThirdPartyAuthNotFound(id.to_string()))?)?;
        Entity::delete_by_id((project.id, id)).exec(&tx).await?;
        audit(&tx, now, actor, &format!("project.third_party_auth.remove {id}"), &project.project_ref).await?;
        tx.commit().await?;
        Ok(one)
    }

    /// Those of a node's projects whose keys are read from elsewhere.
    pub(crate) async fn third_parties_elsewhere(&self, node: &Node) -> Result<Vec<(ProjectRef, ThirdParty)>, Error> {
        use entity::project;
        let projects: Vec<(i64, String)> = project::Entity::find()
            .select_only()
            .columns([project::Column::Id, project::Column::ProjectRef])
            .filter(project::Column::Node.eq(node.as_str()))
            .into_tuple()
            .all(&self.db)
            .await?;
        let mut found = Vec::new();
        for (project_id, project_ref) in projects {
            let project_ref: ProjectRef =
                project_ref.parse().map_err(|_| Error::Corrupt(format!("project ref {project_ref:?}")))?;
            let there = read(&self.db, project_id).await?;
            found.extend(there.into_iter().filter(|one| one.source.is_elsewhere()).map(|one| (project_ref.clone(), one)));
        }
        Ok(found)
    }

    /// Keeps the keys that were read just now, where they are others or not.
    pub(crate) async fn renew_third_party(&self, project_ref: &ProjectRef, id: Uuid, keys: &[Value]) -> Result<(), Error> {
        let Some(project) = self.find_project(project_ref).await? else { return Ok(()) };
        let now = clock::now(&self.db).await?;
        Entity::update_many()
            .col_expr(Column::ResolvedJwks, Expr::value(json!(keys).to_string()))
            .col_expr(Column::ResolvedAt, Expr::value(now))
            .filter(Column::ProjectId.eq(project.id))
            .filter(Column::Id.eq(id))
            .exec(&self.db)
            .await?;
        Ok(())
    }
}

pub(super) async fn read(db: &impl ConnectionTrait, project_id: i64) -> Result<Vec<ThirdParty>, Error> {
    let rows = Entity::find().filter(Column::ProjectId.eq(project_id)).order_by_asc(Column::InsertedAt).order_by_asc(Column::Id);
    rows.all(db).await?.into_iter().map(kept).collect()
}

pub(super) async fn insert(db: &impl ConnectionTrait, project_id: i64, all: &[ThirdParty]) -> Result<(), Error> {
    for one in all {
        let row = ActiveModel {
            project_id: Set(project_id),
            id: Set(one.id),
            oidc_issuer_url: Set(one.source.oidc_issuer_url.clone()),
            jwks_url: Set(one.source.jwks_url.clone()),
            custom_jwks: Set(one.source.custom_jwks.as_ref().map(Value::to_string)),
            resolved_jwks: Set(json!(one.keys).to_string()),
            inserted_at: Set(one.inserted_at),
            updated_at: Set(one.updated_at),
            resolved_at: Set(one.resolved_at),
        };
        Entity::insert(row).exec_without_returning(db).await?;
    }
    Ok(())
}

/// On the wire.
pub(crate) fn third_party_auth(one: ThirdParty) -> ThirdPartyAuth {
    let kind = match &one.source {
        Source { oidc_issuer_url: Some(_), .. } => "oidc",
        Source { jwks_url: Some(_), .. } => "jwks",
        Source { .. } => "custom",
    };
    ThirdPartyAuth {
        id: one.id.to_string(),
        kind: kind.to_owned(),
        oidc_issuer_url: one.source.oidc_issuer_url,
        jwks_url: one.source.jwks_url,
        custom_jwks: one.source.custom_jwks,
        resolved_jwks: Some(json!({ "keys": one.keys })),
        inserted_at: events::timestamp(one.inserted_at),
        updated_at: events::timestamp(one.updated_at),
        resolved_at: Some(events::timestamp(one.resolved_at)),
    }
}

fn kept(row: Model) -> Result<ThirdParty, Error> {
    let corrupt = |error: serde_json::Error| Error::Corrupt(format!("keys of a third party: {error}"));
    let source = Source {
        oidc_issuer_url: row.oidc_issuer_url,
        jwks_url: row.jwks_url,
        custom_jwks: row.custom_jwks.as_deref().map(serde_json::from_str).transpose().map_err(corrupt)?,
    };
    Ok(ThirdParty {
        id: row.id,
        source,
        keys: serde_json::from_str(&row.resolved_jwks).map_err(corrupt)?,
        inserted_at: row.inserted_at,
        updated_at: row.updated_at,
        resolved_at: row.resolved_at,
    })
}
