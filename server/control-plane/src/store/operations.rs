//! Operation rows as requests see them: opening one, in place of nothing or of one that waits.

use std::collections::HashMap;

use control_plane_api::{OperationKind, OperationSummary, ProjectState, Step};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, QueryFilter as _, sea_query::Expr,
};
use uuid::Uuid;

use super::{LEASE_MS, NewEvent, Store, StoredProject, clock, entity, events, projects, word};
use crate::{
    error::Error,
    lifecycle::{self, Admission, Request},
};

/// Longest time an operation may take before its next failure is final, in milliseconds.
const DEADLINE_MS: i64 = 10 * 60 * 1000;

/// An operation that has not ended.
#[derive(Debug, Clone)]
pub(crate) struct OpenOperation {
    id: Uuid,
    kind: OperationKind,
    step: Step,
    attempt: i32,
    last_error: Option<String>,
    /// Nobody is working on it at the moment, because a try failed or because it is to begin later.
    waiting: bool,
}

impl OpenOperation {
    pub(crate) fn summary(&self) -> OperationSummary {
        OperationSummary {
            id: self.id.to_string(),
            kind: self.kind,
            step: self.step,
            attempt: self.attempt,
            last_error: self.last_error.clone(),
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opened {
    Opened,
    AlreadySo,
}

impl Store {
    /// Opens the operation that a request asks for, if the project's state admits it. Of two at once, one wins.
    pub(crate) async fn open_operation(&self, project: &StoredProject, request: Request, actor: &str) -> Result<Opened, Error> {
        let tx = self.begin_on(project.id).await?;
        let now = clock::now(&tx).await?;
        // Read again inside the transaction: the caller's copy may be old.
        let row = entity::project::Entity::find_by_id(project.id).one(&tx).await?;
        let Some(row) = row else { return Err(Error::ProjectNotFound(project.project_ref.clone())) };
        let state: ProjectState = word(&row.state)?;
        let open = find_open(&tx, project.id, now).await?;
        let waiting = open.as_ref().is_some_and(|operation| operation.waiting);
        let (kind, step) = match lifecycle::admit(request, state, open.as_ref().map(|operation| operation.kind), waiting) {
            Admission::AlreadySo => return Ok(Opened::AlreadySo),
            Admission::Refused(reason) => return Err(Error::StateConflict(reason.into())),
            Admission::Busy => return Err(busy(state, open)),
            Admission::Open(kind) => (kind, kind.steps()[0]),
            Admission::RetryFailed => failed_at(&row, request)?,
        };
        if let Some(open) = &open {
            // Only if it still waits: whoever leased it in the meantime has won.
            let removed = entity::operation::Entity::delete_many()
                .filter(entity::operation::Column::Id.eq(open.id))
                .filter(unleased(now))
                .exec(&tx)
                .await?;
            if removed.rows_affected == 0 {
                return Err(busy(state, Some(open.clone())));
            }
        }
        match insert(&tx, project.id, kind, step, now).await {
            Ok(()) => {}
            Err(Error::Database(error)) if projects::is_unique_violation(&error) => {
                tx.rollback().await?;
                return Err(busy(state, self.open_operation_of(project.id).await?));
            }
            Err(error) => return Err(error),
        }
        let state = lifecycle::state_during(kind);
        update_project(&tx, project.id, state_columns(now, state, None)).await?;
        events::prune(&tx, project.id).await?;
        events::insert(&tx, project.id, now, [NewEvent::state(state, Some(kind))]).await?;
        projects::audit(&tx, now, actor, &format!("project.{kind}"), &project.project_ref).await?;
        tx.commit().await?;
        Ok(Opened::Opened)
    }

    /// Opens a recovery for a project that should be running, unless something is open already. `exit` is written as an event
    /// either way, so that whoever has seen it finds the project unhealthy until it has recovered.
    pub(crate) async fn open_recovery(&self, project_id: i64, exit: Option<NewEvent>) -> Result<(), Error> {
        let tx = self.begin_on(project_id).await?;
        let now = clock::now(&tx).await?;
        let project = entity::project::Entity::find_by_id(project_id).one(&tx).await?;
        let Some(project) = project else { return Ok(()) };
        if let Some(event) = exit {
            events::prune(&tx, project_id).await?;
            events::insert(&tx, project_id, now, [event]).await?;
        }
        let state: ProjectState = word(&project.state)?;
        if state == ProjectState::Running && find_open(&tx, project_id, now).await?.is_none() {
            let kind = OperationKind::Recover;
            insert(&tx, project_id, kind, kind.steps()[0], now).await?;
            update_project(&tx, project_id, [(entity::project::Column::Healthy, Expr::value(false))]).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Has the size of a running project put in force, unless something is open already.
    pub(crate) async fn open_resize(&self, project_id: i64) -> Result<(), Error> {
        let tx = self.begin_on(project_id).await?;
        let now = clock::now(&tx).await?;
        open_resize(&tx, project_id, now).await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn open_operation_of(&self, project_id: i64) -> Result<Option<OpenOperation>, Error> {
        let now = clock::now(&self.db).await?;
        find_open(&self.db, project_id, now).await
    }

    pub(super) async fn open_operations(&self) -> Result<HashMap<i64, OpenOperation>, Error> {
        let now = clock::now(&self.db).await?;
        let rows = entity::operation::Entity::find().all(&self.db).await?;
        rows.into_iter().map(|row| Ok((row.project_id, opened(row, now)?))).collect()
    }
}

/// See [`Store::open_resize`]. One that naps after a failure is due again: what was asked for is another size now.
pub(super) async fn open_resize(db: &impl ConnectionTrait, project_id: i64, now: i64) -> Result<(), Error> {
    let project = entity::project::Entity::find_by_id(project_id).one(db).await?;
    let Some(project) = project else { return Ok(()) };
    let state: ProjectState = word(&project.state)?;
    match find_open(db, project_id, now).await? {
        None if state == ProjectState::Running => {
            let kind = OperationKind::Resize;
            insert(db, project_id, kind, kind.steps()[0], now).await
        }
        Some(open) if open.kind == OperationKind::Resize && open.waiting => {
            entity::operation::Entity::update_many()
                .col_expr(entity::operation::Column::RunAfter, Expr::value(now))
                .filter(entity::operation::Column::Id.eq(open.id))
                .exec(db)
                .await?;
            Ok(())
        }
        None | Some(_) => Ok(()),
    }
}

/// The operation that makes good what failed, and the step it begins at: of the failed one the step it gave up at.
fn failed_at(row: &entity::project::Model, request: Request) -> Result<(OperationKind, Step), Error> {
    let failed = row.failed_operation.as_deref().map_or(Ok(OperationKind::Create), word)?;
    let kind = lifecycle::making_good(request, failed);
    if kind != failed {
        return Ok((kind, kind.steps()[0]));
    }
    let step = row.failed_step.as_deref().map_or(Ok(kind.steps()[0]), word)?;
    Ok((kind, step))
}

fn busy(state: ProjectState, open: Option<OpenOperation>) -> Error {
    match open {
        Some(operation) => Error::OperationRunning(Box::new(operation.summary())),
        None => Error::StateConflict(format!("The project is {state}. Try again in a moment.")),
    }
}

/// Writes an operation that is due.
pub(super) async fn insert(
    db: &impl ConnectionTrait,
    project_id: i64,
    kind: OperationKind,
    step: Step,
    now: i64,
) -> Result<(), Error> {
    let row = entity::operation::ActiveModel {
        // Ordered by time.
        id: Set(Uuid::now_v7()),
        project_id: Set(project_id),
        kind: Set(kind.to_string()),
        step: Set(step.to_string()),
        attempt: Set(0),
        run_after: Set(now),
        lease_owner: Set(None),
        lease_until: Set(None),
        deadline: Set(now + DEADLINE_MS),
        step_started_at: Set(None),
        last_error: Set(None),
        created_at: Set(now),
    };
    entity::operation::Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// What a project's row says of its state. `failure` is the operation, the step and the cause; none clears what an earlier
/// failure left.
pub(super) fn state_columns(
    now: i64,
    state: ProjectState,
    failure: Option<(OperationKind, Step, &str)>,
) -> [(entity::project::Column, Expr); 5] {
    [
        (entity::project::Column::State, Expr::value(state.as_str())),
        (entity::project::Column::FailedOperation, Expr::value(failure.map(|(operation, _, _)| operation.as_str()))),
        (entity::project::Column::FailedStep, Expr::value(failure.map(|(_, step, _)| step.as_str()))),
        (entity::project::Column::Failure, Expr::value(failure.map(|(_, _, cause)| cause))),
        (entity::project::Column::UpdatedAt, Expr::value(now)),
    ]
}

pub(super) async fn update_project(
    db: &impl ConnectionTrait,
    project_id: i64,
    values: impl IntoIterator<Item = (entity::project::Column, Expr)>,
) -> Result<(), Error> {
    let update = entity::project::Entity::update_many().filter(entity::project::Column::Id.eq(project_id));
    values.into_iter().fold(update, |update, (column, value)| update.col_expr(column, value)).exec(db).await?;
    Ok(())
}

/// Nobody holds a lease that is still good. One that ends later than any lease can was taken before the clock was turned
/// back.
pub(super) fn unleased(now: i64) -> Condition {
    Condition::any()
        .add(entity::operation::Column::LeaseUntil.is_null())
        .add(entity::operation::Column::LeaseUntil.lt(now))
        .add(entity::operation::Column::LeaseUntil.gt(now + 2 * LEASE_MS))
}

async fn find_open(db: &impl ConnectionTrait, project_id: i64, now: i64) -> Result<Option<OpenOperation>, Error> {
    let row = entity::operation::Entity::find().filter(entity::operation::Column::ProjectId.eq(project_id)).one(db).await?;
    row.map(|row| opened(row, now)).transpose()
}

fn opened(row: entity::operation::Model, now: i64) -> Result<OpenOperation, Error> {
    let leased = row.lease_until.is_some_and(|until| (now..=now + 2 * LEASE_MS).contains(&until));
    Ok(OpenOperation {
        id: row.id,
        kind: word(&row.kind)?,
        step: word(&row.step)?,
        attempt: row.attempt,
        waiting: !leased && row.run_after > now,
        last_error: row.last_error,
    })
}
