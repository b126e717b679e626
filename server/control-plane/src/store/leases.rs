//! Operation rows as the reconciler sees them: leasing one, and moving it on. Every write is on condition that this very
//! lease still holds, so that whoever lost it (a stopped clock, a partition) changes nothing, not even where the same server
//! has leased the operation again.

use control_plane_api::{EventKind, OperationKind, ProjectState, Step};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::{Expr, Query, SelectStatement},
};
use uuid::Uuid;

use super::{NewEvent, Node, Store, clock, entity, events, operations, word};
use crate::error::Error;

/// How long a lease holds without being renewed, in milliseconds.
pub(crate) const LEASE_MS: i64 = 30_000;
/// Nothing is due later than this from now, in milliseconds; the longest pause between two tries is half as long.
const LONGEST_WAIT_MS: i64 = 60_000;

/// An operation that is ours to work on.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    pub(crate) operation: Uuid,
    /// What the row says while the lease holds.
    holder: String,
    pub(crate) project_id: i64,
    pub(crate) kind: OperationKind,
    pub(crate) step: Step,
    pub(crate) attempt: i32,
    pub(crate) overdue: bool,
    /// When the current step began, by the database's clock.
    step_started_at: Option<i64>,
}

/// A write under a lease failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LeaseError {
    #[error("the lease is somebody else's now, or the operation is gone")]
    Lost,
    #[error("the control-plane database failed")]
    Store(#[from] Error),
}

impl From<sea_orm::DbErr> for LeaseError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl Store {
    /// Gives back what earlier lives of this node had leased. The caller holds the data folder's lock, so they are over.
    pub(crate) async fn release_former_leases(&self, node: &Node) -> Result<u64, Error> {
        let result = entity::operation::Entity::update_many()
            .col_expr(entity::operation::Column::LeaseOwner, Expr::value(None::<String>))
            .col_expr(entity::operation::Column::LeaseUntil, Expr::value(None::<i64>))
            // Whatever made it wait may be over too.
            .col_expr(entity::operation::Column::RunAfter, clock::now_expr(&self.db, 0))
            .filter(entity::operation::Column::ProjectId.in_subquery(projects_of(node)))
            .exec(&self.db)
            .await?;
        Ok(result.rows_affected)
    }

    /// Leases the operation that is due longest, if one is. Compare-and-set: of two who try, one gets it.
    pub(crate) async fn lease_due(&self, node: &Node) -> Result<Option<Lease>, Error> {
        loop {
            let now = clock::now(&self.db).await?;
            let due = entity::operation::Entity::find()
                .filter(entity::operation::Column::ProjectId.in_subquery(projects_of(node)))
                .filter(
                    Condition::any()
                        .add(entity::operation::Column::RunAfter.lte(now))
                        // Later than anything waits: the clock was turned back.
                        .add(entity::operation::Column::RunAfter.gt(now + LONGEST_WAIT_MS)),
                )
                .filter(operations::unleased(now))
                .order_by_asc(entity::operation::Column::RunAfter)
                .limit(1)
                .one(&self.db)
                .await?;
            let Some(row) = due else { return Ok(None) };
            // No other lease has the same, not even one of this node's.
            let holder = format!("{}/{}", node.as_str(), Uuid::new_v4().simple());
            let updated = entity::operation::Entity::update_many()
                .col_expr(entity::operation::Column::LeaseOwner, Expr::value(holder.as_str()))
                .col_expr(entity::operation::Column::LeaseUntil, Expr::value(now + LEASE_MS))
                .filter(entity::operation::Column::Id.eq(row.id))
                .filter(operations::unleased(now))
                .exec(&self.db)
                .await?;
            if updated.rows_affected == 1 {
                return Ok(Some(Lease {
                    operation: row.id,
                    holder,
                    project_id: row.project_id,
                    kind: word(&row.kind)?,
                    step: word(&row.step)?,
                    attempt: row.attempt,
                    overdue: row.deadline < now,
                    step_started_at: row.step_started_at,
                }));
            }
        }
    }

    /// Milliseconds until the next operation is due; nothing if none waits.
    pub(crate) async fn next_due_in(&self, node: &Node) -> Result<Option<i64>, Error> {
        let now = clock::now(&self.db).await?;
        let next = entity::operation::Entity::find()
            .filter(entity::operation::Column::ProjectId.in_subquery(projects_of(node)))
            .filter(operations::unleased(now))
            .order_by_asc(entity::operation::Column::RunAfter)
            .limit(1)
            .one(&self.db)
            .await?;
        Ok(next.map(|row| (row.run_after - now).max(0)))
    }

    /// Holds on to a lease.
    pub(crate) async fn renew(&self, lease: &Lease) -> Result<(), LeaseError> {
        let until = clock::now_expr(&self.db, LEASE_MS);
        update_leased(&self.db, lease, [(entity::operation::Column::LeaseUntil, until)]).await
    }

    /// Begins the current step, unless an earlier life has.
    pub(crate) async fn begin_step(&self, lease: &mut Lease) -> Result<(), LeaseError> {
        if lease.step_started_at.is_some() {
            return Ok(());
        }
        let tx = self.begin_on(lease.project_id).await?;
        let now = clock::now(&tx).await?;
        update_leased(&tx, lease, [(entity::operation::Column::StepStartedAt, Expr::value(now))]).await?;
        events::insert(&tx, lease.project_id, now, [NewEvent::step(EventKind::StepStarted, lease.kind, lease.step)]).await?;
        tx.commit().await?;
        lease.step_started_at = Some(now);
        Ok(())
    }

    /// Ends the current step and begins the next.
    pub(crate) async fn hop(&self, lease: &mut Lease, next: Step) -> Result<(), LeaseError> {
        let tx = self.begin_on(lease.project_id).await?;
        let now = clock::now(&tx).await?;
        let values = [
            (entity::operation::Column::Step, Expr::value(next.as_str())),
            (entity::operation::Column::Attempt, Expr::value(0)),
            (entity::operation::Column::StepStartedAt, Expr::value(now)),
            (entity::operation::Column::LastError, Expr::value(None::<String>)),
        ];
        update_leased(&tx, lease, values).await?;
        let events = [lease.finished(now), NewEvent::step(EventKind::StepStarted, lease.kind, next)];
        events::insert(&tx, lease.project_id, now, events).await?;
        tx.commit().await?;
        lease.step = next;
        lease.attempt = 0;
        lease.step_started_at = Some(now);
        Ok(())
    }

    /// Ends the current step and gives the operation back, to go on with the next one after the delay.
    pub(crate) async fn hop_later(&self, lease: &Lease, next: Step, delay_ms: i64) -> Result<(), LeaseError> {
        let tx = self.begin_on(lease.project_id).await?;
        let now = clock::now(&tx).await?;
        let values = [
            (entity::operation::Column::Step, Expr::value(next.as_str())),
            (entity::operation::Column::Attempt, Expr::value(0)),
            // It begins when it is taken up.
            (entity::operation::Column::StepStartedAt, Expr::value(None::<i64>)),
            (entity::operation::Column::LastError, Expr::value(None::<String>)),
        ];
        update_leased(&tx, lease, values.into_iter().chain(given_back(now + delay_ms))).await?;
        events::insert(&tx, lease.project_id, now, [lease.finished(now)]).await?;
        Ok(tx.commit().await?)
    }

    /// Gives the operation back, to be tried again after the delay.
    pub(crate) async fn nap(&self, lease: &Lease, delay_ms: i64, cause: &str) -> Result<(), LeaseError> {
        let tx = self.begin_on(lease.project_id).await?;
        let now = clock::now(&tx).await?;
        let values = [
            (entity::operation::Column::Attempt, Expr::value(lease.attempt.saturating_add(1))),
            (entity::operation::Column::LastError, Expr::value(cause)),
        ];
        update_leased(&tx, lease, values.into_iter().chain(given_back(now + delay_ms))).await?;
        let event = NewEvent::step(EventKind::StepRetried, lease.kind, lease.step).with_message(cause);
        events::prune(&tx, lease.project_id).await?;
        events::insert(&tx, lease.project_id, now, [event]).await?;
        Ok(tx.commit().await?)
    }

    /// Ends the operation well.
    pub(crate) async fn finish(&self, lease: &Lease, state: ProjectState) -> Result<(), LeaseError> {
        let tx = self.begin_on(lease.project_id).await?;
        let now = clock::now(&tx).await?;
        remove_leased(&tx, lease).await?;
        let healthy = (entity::project::Column::Healthy, Expr::value(true));
        let values = operations::state_columns(now, state, None).into_iter().chain([healthy]);
        operations::update_project(&tx, lease.project_id, values).await?;
        events::insert(&tx, lease.project_id, now, [lease.finished(now), NewEvent::state(state, Some(lease.kind))]).await?;
        Ok(tx.commit().await?)
    }

    /// Ends the operation badly: the project is failed, for this cause.
    pub(crate) async fn fail(&self, lease: &Lease, cause: &str) -> Result<(), LeaseError> {
        let tx = self.begin_on(lease.project_id).await?;
        let now = clock::now(&tx).await?;
        remove_leased(&tx, lease).await?;
        let failure = Some((lease.kind, lease.step, cause));
        let healthy = (entity::project::Column::Healthy, Expr::value(false));
        let values = operations::state_columns(now, ProjectState::Failed, failure).into_iter().chain([healthy]);
        operations::update_project(&tx, lease.project_id, values).await?;
        let failed = NewEvent::step(EventKind::StepFailed, lease.kind, lease.step).with_message(cause);
        let events = [failed, NewEvent::state(ProjectState::Failed, Some(lease.kind))];
        events::insert(&tx, lease.project_id, now, events).await?;
        Ok(tx.commit().await?)
    }

    /// Ends the operation badly, and nothing of the project is different from before it.
    pub(crate) async fn abandon(&self, lease: &Lease, state: ProjectState, cause: &str) -> Result<(), LeaseError> {
        let tx = self.begin_on(lease.project_id).await?;
        let now = clock::now(&tx).await?;
        remove_leased(&tx, lease).await?;
        operations::update_project(&tx, lease.project_id, operations::state_columns(now, state, None)).await?;
        let failed = NewEvent::step(EventKind::StepFailed, lease.kind, lease.step).with_message(cause);
        events::insert(&tx, lease.project_id, now, [failed, NewEvent::state(state, Some(lease.kind))]).await?;
        Ok(tx.commit().await?)
    }

    /// Removes the project's rows: secrets, keys, events and the operation itself among them.
    pub(crate) async fn forget(&self, lease: &Lease) -> Result<(), LeaseError> {
        let tx = self.begin_on(lease.project_id).await?;
        remove_leased(&tx, lease).await?;
        entity::project::Entity::delete_by_id(lease.project_id).exec(&tx).await?;
        Ok(tx.commit().await?)
    }
}

impl Lease {
    fn finished(&self, now: i64) -> NewEvent {
        let duration = self.step_started_at.map(|started| (now - started).max(0));
        NewEvent::step(EventKind::StepFinished, self.kind, self.step).with_duration(duration)
    }
}

/// What gives an operation back until a time, in Unix milliseconds.
fn given_back(run_after: i64) -> [(entity::operation::Column, Expr); 3] {
    [
        (entity::operation::Column::RunAfter, Expr::value(run_after)),
        (entity::operation::Column::LeaseOwner, Expr::value(None::<String>)),
        (entity::operation::Column::LeaseUntil, Expr::value(None::<i64>)),
    ]
}

async fn update_leased(
    db: &impl ConnectionTrait,
    lease: &Lease,
    values: impl IntoIterator<Item = (entity::operation::Column, Expr)>,
) -> Result<(), LeaseError> {
    let update = entity::operation::Entity::update_many()
        .filter(entity::operation::Column::Id.eq(lease.operation))
        .filter(entity::operation::Column::LeaseOwner.eq(lease.holder.as_str()));
    let result = values.into_iter().fold(update, |update, (column, value)| update.col_expr(column, value)).exec(db).await?;
    if result.rows_affected == 1 { Ok(()) } else { Err(LeaseError::Lost) }
}

async fn remove_leased(db: &impl ConnectionTrait, lease: &Lease) -> Result<(), LeaseError> {
    let result = entity::operation::Entity::delete_many()
        .filter(entity::operation::Column::Id.eq(lease.operation))
        .filter(entity::operation::Column::LeaseOwner.eq(lease.holder.as_str()))
        .exec(db)
        .await?;
    if result.rows_affected == 1 { Ok(()) } else { Err(LeaseError::Lost) }
}

fn projects_of(node: &Node) -> SelectStatement {
    Query::select()
        .column(entity::project::Column::Id)
        .from(entity::project::Entity)
        .and_where(entity::project::Column::Node.eq(node.as_str()))
        .to_owned()
}
