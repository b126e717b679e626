//! Event rows.

use control_plane_api::{EventKind, OperationKind, ProjectEvent, ProjectRef, ProjectState, Step};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::ExprTrait as _,
};
use time::OffsetDateTime;

use super::{Store, clock, entity, optional_word, word};
use crate::error::Error;

/// Events kept per project; older ones are dropped when an operation begins.
const KEPT: u64 = 500;
/// The same for what steps say of themselves.
const KEPT_PROGRESS: u64 = 12;

/// An event that is about to be written.
#[derive(Debug, Clone)]
pub(crate) struct NewEvent {
    kind: EventKind,
    operation: Option<OperationKind>,
    step: Option<Step>,
    state: Option<ProjectState>,
    message: Option<String>,
    duration_ms: Option<i64>,
}

impl NewEvent {
    pub(crate) const fn new(kind: EventKind) -> Self {
        Self { kind, operation: None, step: None, state: None, message: None, duration_ms: None }
    }

    pub(crate) const fn state(state: ProjectState, operation: Option<OperationKind>) -> Self {
        Self { kind: EventKind::StateChanged, operation, step: None, state: Some(state), message: None, duration_ms: None }
    }

    pub(crate) const fn step(kind: EventKind, operation: OperationKind, step: Step) -> Self {
        Self { kind, operation: Some(operation), step: Some(step), state: None, message: None, duration_ms: None }
    }

    pub(crate) fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    pub(crate) const fn with_duration(mut self, duration_ms: Option<i64>) -> Self {
        self.duration_ms = duration_ms;
        self
    }
}

impl Store {
    /// Events of a project after an id, oldest first. Nothing if there is no such project.
    pub(crate) async fn events_after(
        &self,
        project_ref: &ProjectRef,
        after: i64,
        limit: u64,
    ) -> Result<Option<Vec<ProjectEvent>>, Error> {
        let Some(project) = self.find_project(project_ref).await? else { return Ok(None) };
        let rows = entity::event::Entity::find()
            .filter(entity::event::Column::ProjectId.eq(project.id))
            .filter(entity::event::Column::Id.gt(after))
            .order_by_asc(entity::event::Column::Id)
            .limit(limit)
            .all(&self.db)
            .await?;
        rows.into_iter().map(event).collect::<Result<_, _>>().map(Some)
    }

    /// Id of the newest event of all projects, 0 without one. It differs if anything has happened to a project that is there.
    pub(crate) async fn newest_event(&self) -> Result<i64, Error> {
        let newest = entity::event::Entity::find().order_by_desc(entity::event::Column::Id).limit(1).one(&self.db).await?;
        Ok(newest.map_or(0, |event| event.id))
    }

    /// Writes an event that comes with no other change.
    pub(crate) async fn record_event(&self, project_id: i64, event: NewEvent) -> Result<(), Error> {
        let tx = self.begin_on(project_id).await?;
        let now = clock::now(&tx).await?;
        prune(&tx, project_id).await?;
        insert(&tx, project_id, now, [event]).await?;
        Ok(tx.commit().await?)
    }

    /// Writes what a step says of itself. Only the latest few are kept: they are for whoever is watching.
    pub(crate) async fn record_progress(&self, project_id: i64, event: NewEvent) -> Result<(), Error> {
        let tx = self.begin_on(project_id).await?;
        let now = clock::now(&tx).await?;
        insert(&tx, project_id, now, [event]).await?;
        let of_kind =
            entity::event::Column::ProjectId.eq(project_id).and(entity::event::Column::Kind.eq(EventKind::StepProgress.as_str()));
        let oldest_kept = entity::event::Entity::find()
            .filter(of_kind.clone())
            .order_by_desc(entity::event::Column::Id)
            .offset(KEPT_PROGRESS - 1)
            .limit(1)
            .one(&tx)
            .await?;
        if let Some(oldest) = oldest_kept {
            entity::event::Entity::delete_many()
                .filter(of_kind)
                .filter(entity::event::Column::Id.lt(oldest.id))
                .exec(&tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }

    /// The latest events of a project, newest first.
    pub(crate) async fn recent_events(&self, project_id: i64, limit: u64) -> Result<Vec<ProjectEvent>, Error> {
        let rows = entity::event::Entity::find()
            .filter(entity::event::Column::ProjectId.eq(project_id))
            .order_by_desc(entity::event::Column::Id)
            .limit(limit)
            .all(&self.db)
            .await?;
        rows.into_iter().map(event).collect()
    }
}

/// Writes events in order. `at` is the database's time. The transaction has begun with [`Store::begin_on`].
pub(super) async fn insert(
    db: &impl ConnectionTrait,
    project_id: i64,
    at: i64,
    events: impl IntoIterator<Item = NewEvent>,
) -> Result<(), Error> {
    let rows = events.into_iter().map(|event| entity::event::ActiveModel {
        id: NotSet,
        project_id: Set(project_id),
        kind: Set(event.kind.to_string()),
        operation: Set(event.operation.map(|kind| kind.to_string())),
        step: Set(event.step.map(|step| step.to_string())),
        state: Set(event.state.map(|state| state.to_string())),
        message: Set(event.message),
        duration_ms: Set(event.duration_ms),
        at: Set(at),
    });
    entity::event::Entity::insert_many(rows).exec_without_returning(db).await?;
    Ok(())
}

/// Drops all but the latest events of a project.
pub(super) async fn prune(db: &impl ConnectionTrait, project_id: i64) -> Result<(), Error> {
    let newest_dropped = entity::event::Entity::find()
        .filter(entity::event::Column::ProjectId.eq(project_id))
        .order_by_desc(entity::event::Column::Id)
        .offset(KEPT)
        .limit(1)
        .one(db)
        .await?;
    if let Some(row) = newest_dropped {
        entity::event::Entity::delete_many()
            .filter(entity::event::Column::ProjectId.eq(project_id))
            .filter(entity::event::Column::Id.lte(row.id))
            .exec(db)
            .await?;
    }
    Ok(())
}

fn event(row: entity::event::Model) -> Result<ProjectEvent, Error> {
    Ok(ProjectEvent {
        id: row.id,
        at: timestamp(row.at),
        kind: word(&row.kind)?,
        operation: optional_word(row.operation.as_deref())?,
        step: optional_word(row.step.as_deref())?,
        state: optional_word(row.state.as_deref())?,
        message: row.message,
        duration_ms: row.duration_ms,
        usage: None,
    })
}

/// Unix milliseconds as a date; a value out of range is the epoch.
pub(super) fn timestamp(ms: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
