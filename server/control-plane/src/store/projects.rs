//! Project rows.

use auth_settings::document::Document;
use control_plane_api::{EventKind, Failure, InstanceSize, OperationKind, ProjectRef, ProjectState, Step};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    sea_query::Expr,
};
use time::OffsetDateTime;

use super::{
    NewEvent, Node, OpenOperation, Store, auth_config, clock, entity, events, operations, optional_word, secrets, signing_keys,
    third_party_auth, word,
};
use crate::{
    error::Error,
    lifecycle,
    provisioner::Placement,
    secrets::{ProjectSecrets, Vault},
    signing::Signing,
};

/// A project that is about to be written.
#[derive(Debug)]
pub(crate) struct NewProject<'a> {
    pub(crate) project_ref: &'a ProjectRef,
    pub(crate) name: &'a str,
    pub(crate) region: &'a str,
    pub(crate) size: InstanceSize,
    pub(crate) driver: &'a str,
    pub(crate) stack: Option<&'a str>,
    pub(crate) node: &'a Node,
    pub(crate) secrets: &'a ProjectSecrets,
    /// What its Auth is told.
    pub(crate) auth: &'a Document,
    pub(crate) signing: &'a Signing,
    /// Of the server that its data is from, where there is data already.
    pub(crate) postgres_version: Option<&'a str>,
    /// The operation that makes it.
    pub(crate) made_by: OperationKind,
    /// Key and request hash, if the client sent a key.
    pub(crate) idempotency: Option<(&'a str, &'a str)>,
    pub(crate) actor: &'a str,
}

/// A project as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct StoredProject {
    pub(crate) id: i64,
    pub(crate) project_ref: ProjectRef,
    pub(crate) name: String,
    pub(crate) organization: String,
    pub(crate) region: String,
    pub(crate) size: InstanceSize,
    pub(crate) driver: String,
    pub(crate) stack: Option<String>,
    pub(crate) state: ProjectState,
    pub(crate) healthy: bool,
    pub(crate) port: Option<u16>,
    pub(crate) postgres_version: Option<String>,
    /// The keys `anon` and `service_role` are API keys.
    pub(crate) legacy_api_keys: bool,
    pub(crate) failed_operation: Option<OperationKind>,
    pub(crate) failure: Option<Failure>,
    pub(crate) created_at: OffsetDateTime,
}

impl StoredProject {
    pub(crate) fn placement(&self) -> Placement {
        let major = self.postgres_version.as_deref().and_then(|version| version.split('.').next());
        Placement {
            project_ref: self.project_ref.clone(),
            driver: self.driver.clone(),
            stack: self.stack.clone(),
            port: self.port,
            size: self.size,
            postgres_major: major.and_then(|major| major.parse().ok()),
        }
    }
}

impl Store {
    /// Writes a project with its sealed secrets, the operation that makes it, its first event and an audit row, all or nothing.
    pub(crate) async fn insert_project(&self, vault: &Vault, new: NewProject<'_>) -> Result<StoredProject, Error> {
        let tx = self.begin().await?;
        let now = clock::now(&tx).await?;
        let row = entity::project::ActiveModel {
            id: NotSet,
            project_ref: Set(new.project_ref.to_string()),
            name: Set(new.name.to_owned()),
            organization: Set(control_plane_api::DEFAULT_ORGANIZATION.to_owned()),
            region: Set(new.region.to_owned()),
            instance_size: Set(Some(new.size.to_string())),
            state: Set(lifecycle::state_during(new.made_by).to_string()),
            healthy: Set(true),
            driver: Set(new.driver.to_owned()),
            stack: Set(new.stack.map(str::to_owned)),
            node: Set(new.node.as_str().to_owned()),
            port: Set(None),
            postgres_version: Set(new.postgres_version.map(str::to_owned)),
            legacy_api_keys: Set(new.signing.legacy_api_keys),
            failed_operation: Set(None),
            failed_step: Set(None),
            failure: Set(None),
            created_at: Set(now),
            updated_at: Set(now),
        };
        let row = entity::project::Entity::insert(row).exec_with_returning(&tx).await?;
        secrets::insert(&tx, vault, row.id, new.project_ref, new.secrets, now).await?;
        signing_keys::insert(&tx, vault, row.id, new.project_ref, &new.signing.keys, now).await?;
        third_party_auth::insert(&tx, row.id, &new.signing.third_parties).await?;
        if *new.auth != Document::default() {
            auth_config::write(&tx, vault, row.id, new.project_ref, new.auth, now).await?;
        }
        if let Some((key, request_hash)) = new.idempotency {
            let key = entity::idempotency_key::ActiveModel {
                key: Set(key.to_owned()),
                request_hash: Set(request_hash.to_owned()),
                project_id: Set(row.id),
                created_at: Set(now),
            };
            entity::idempotency_key::Entity::insert(key).exec_without_returning(&tx).await?;
        }
        operations::insert(&tx, row.id, new.made_by, new.made_by.steps()[0], now).await?;
        let event = NewEvent::state(lifecycle::state_during(new.made_by), Some(new.made_by));
        events::insert(&tx, row.id, now, [event]).await?;
        audit(&tx, now, new.actor, &format!("project.{}", new.made_by), new.project_ref).await?;
        tx.commit().await?;
        stored(row)
    }

    /// The project an idempotency key made, with the hash of the request it came with.
    pub(crate) async fn find_by_idempotency_key(&self, key: &str) -> Result<Option<(StoredProject, String)>, Error> {
        let Some(key) = entity::idempotency_key::Entity::find_by_id(key.to_owned()).one(&self.db).await? else {
            return Ok(None);
        };
        let project = entity::project::Entity::find_by_id(key.project_id).one(&self.db).await?;
        project.map(|row| Ok((stored(row)?, key.request_hash))).transpose()
    }

    pub(crate) async fn find_project(&self, project_ref: &ProjectRef) -> Result<Option<StoredProject>, Error> {
        let row = entity::project::Entity::find()
            .filter(entity::project::Column::ProjectRef.eq(project_ref.as_str()))
            .one(&self.db)
            .await?;
        row.map(stored).transpose()
    }

    pub(crate) async fn project(&self, project_ref: &ProjectRef) -> Result<StoredProject, Error> {
        self.find_project(project_ref).await?.ok_or_else(|| Error::ProjectNotFound(project_ref.clone()))
    }

    pub(crate) async fn project_by_id(&self, id: i64) -> Result<Option<StoredProject>, Error> {
        entity::project::Entity::find_by_id(id).one(&self.db).await?.map(stored).transpose()
    }

    /// Every project with its open operation, newest first; two queries however many there are.
    pub(crate) async fn projects_with_operations(&self) -> Result<Vec<(StoredProject, Option<OpenOperation>)>, Error> {
        let rows = entity::project::Entity::find().order_by_desc(entity::project::Column::Id).all(&self.db).await?;
        let mut operations = self.open_operations().await?;
        rows.into_iter()
            .map(|row| {
                let operation = operations.remove(&row.id);
                Ok((stored(row)?, operation))
            })
            .collect()
    }

    /// Every project of a node.
    pub(crate) async fn projects_of(&self, node: &Node) -> Result<Vec<StoredProject>, Error> {
        let rows = entity::project::Entity::find().filter(entity::project::Column::Node.eq(node.as_str())).all(&self.db).await?;
        rows.into_iter().map(stored).collect()
    }

    pub(crate) async fn rename_project(&self, project: &StoredProject, name: &str, actor: &str) -> Result<(), Error> {
        let tx = self.begin_on(project.id).await?;
        let now = clock::now(&tx).await?;
        let renamed = entity::project::Entity::update_many()
            .col_expr(entity::project::Column::Name, Expr::value(name))
            .col_expr(entity::project::Column::UpdatedAt, Expr::value(now))
            .filter(entity::project::Column::Id.eq(project.id))
            .exec(&tx)
            .await?;
        if renamed.rows_affected == 0 {
            return Err(Error::ProjectNotFound(project.project_ref.clone()));
        }
        let event = NewEvent::new(EventKind::Renamed).with_message(format!("Renamed to {name}"));
        events::insert(&tx, project.id, now, [event]).await?;
        audit(&tx, now, actor, "project.rename", &project.project_ref).await?;
        Ok(tx.commit().await?)
    }

    /// Records another size, and has it put in force if the project runs and nothing else is being done to it. Whatever is
    /// being done ends with a look at the project, which finds the difference.
    pub(crate) async fn resize_project(&self, project: &StoredProject, size: InstanceSize, actor: &str) -> Result<(), Error> {
        let tx = self.begin_on(project.id).await?;
        let now = clock::now(&tx).await?;
        let columns = [
            (entity::project::Column::InstanceSize, Expr::value(size.as_str())),
            (entity::project::Column::UpdatedAt, Expr::value(now)),
        ];
        operations::update_project(&tx, project.id, columns).await?;
        operations::open_resize(&tx, project.id, now).await?;
        let event = NewEvent::new(EventKind::Resized).with_message(format!("The size is now {size}"));
        events::insert(&tx, project.id, now, [event]).await?;
        audit(&tx, now, actor, "project.resize", &project.project_ref).await?;
        Ok(tx.commit().await?)
    }

    /// Records the port a project was given, or takes it back. False if another project of the node has it.
    pub(crate) async fn set_port(&self, project_id: i64, port: Option<u16>) -> Result<bool, Error> {
        let result = entity::project::Entity::update_many()
            .col_expr(entity::project::Column::Port, Expr::value(port.map(i32::from)))
            .filter(entity::project::Column::Id.eq(project_id))
            .exec(&self.db)
            .await;
        match result {
            Ok(_) => Ok(true),
            Err(error) if is_unique_violation(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Records the version of the server that a project's database runs on.
    pub(crate) async fn set_postgres_version(&self, project_id: i64, version: &str) -> Result<(), Error> {
        entity::project::Entity::update_many()
            .col_expr(entity::project::Column::PostgresVersion, Expr::value(version))
            .filter(entity::project::Column::Id.eq(project_id))
            .exec(&self.db)
            .await?;
        Ok(())
    }
}

pub(super) async fn audit(
    db: &impl ConnectionTrait,
    now: i64,
    actor: &str,
    action: &str,
    project_ref: &ProjectRef,
) -> Result<(), Error> {
    let row = entity::audit_log::ActiveModel {
        id: NotSet,
        at: Set(now),
        actor: Set(actor.to_owned()),
        action: Set(action.to_owned()),
        project_ref: Set(Some(project_ref.to_string())),
    };
    entity::audit_log::Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

pub(super) fn is_unique_violation(error: &sea_orm::DbErr) -> bool {
    matches!(error.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_)))
}

fn stored(row: entity::project::Model) -> Result<StoredProject, Error> {
    let failed_step: Option<Step> = optional_word(row.failed_step.as_deref())?;
    Ok(StoredProject {
        id: row.id,
        project_ref: row.project_ref.parse().map_err(|_| Error::Corrupt(format!("project ref {:?}", row.project_ref)))?,
        name: row.name,
        organization: row.organization,
        region: row.region,
        // A word of before sizes meant anything.
        size: row.instance_size.and_then(|size| size.parse().ok()).unwrap_or_default(),
        driver: row.driver,
        stack: row.stack,
        state: word(&row.state)?,
        healthy: row.healthy,
        port: row.port.and_then(|port| u16::try_from(port).ok()),
        postgres_version: row.postgres_version,
        legacy_api_keys: row.legacy_api_keys,
        failed_operation: optional_word(row.failed_operation.as_deref())?,
        failure: failed_step.zip(row.failure).map(|(step, cause)| Failure { step, cause }),
        created_at: events::timestamp(row.created_at),
    })
}
