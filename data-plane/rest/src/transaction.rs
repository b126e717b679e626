//! The transaction stage: runs the statements, in as few round trips as they need; where the connection can be had for it, by
//! [`flight`], and otherwise by its client.
//!
//! By the client, a read sends BEGIN, the session's set-up, the statement and COMMIT together. A write sends COMMIT after it has seen
//! the result, so that a result that breaks the request's conditions is rolled back, and so that a connection that was
//! lost before may be replaced. Where nothing is to be kept, ROLLBACK takes the place of COMMIT.

use std::sync::Arc;

use bytes::Bytes;
use futures::{join, try_join};
use project_context::{Connection, Lookup, StatementKey};
use tokio_postgres::{
    Client, Error, Row, RowStream, Statement,
    types::{FromSql, ToSql, Type},
};

use crate::{
    delivered::{self, Delivered, Singly},
    error::RestError,
    flight,
    query::{SessionScope, Sql, Text},
    request::End,
    spool::{Payload, Space},
    sqlstate,
};

/// All that is sent for a request.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) begin: String,
    pub(crate) session: Sql,
    /// The function called before each request.
    pub(crate) pre_request: Option<Sql>,
    pub(crate) main: Sql,
    /// How its rows are taken, if it does not deliver all at once.
    pub(crate) singly: Option<Singly>,
    /// Whether the main statement tells a plan, line by line.
    pub(crate) is_plan: bool,
    /// The planner's estimate of the total, if asked for.
    pub(crate) explain: Option<Sql>,
    /// Rows that are counted exactly before an estimate takes their place; all without.
    pub(crate) counted_up_to: Option<u64>,
    pub(crate) scope: SessionScope,
    /// Commit only once the result was approved.
    pub(crate) writes: bool,
    /// It may well be that the result is not approved.
    pub(crate) refusable: bool,
    /// What follows success.
    pub(crate) end: End,
    /// The schema's generation, for the statement cache.
    pub(crate) generation: u64,
    /// Whether statements may be kept prepared in the connection.
    pub(crate) prepares: bool,
    pub(crate) authenticated: bool,
}

impl Job {
    /// What is sent between its beginning and its end, in order, without the parameters.
    pub(crate) fn statements(&self) -> impl Iterator<Item = &str> {
        let all = [Some(&self.session), self.pre_request.as_ref(), Some(&self.main), self.explain.as_ref()];
        all.into_iter().flatten().map(|sql| sql.text.as_str())
    }
}

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) total: Option<i64>,
    pub(crate) rows: i64,
    pub(crate) body: Payload,
    pub(crate) response_headers: Option<String>,
    pub(crate) response_status: Option<String>,
    /// Primary key of the inserted row, as a JSON object.
    pub(crate) location: Option<String>,
    /// Rows an upsert inserted.
    pub(crate) inserted: Option<i64>,
}

/// Why a job failed, and whether it may be run again on another connection.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nothing happened in the database: the connection was lost, or a cached plan no longer fits.
    Retry(RestError),
    Final(RestError),
    /// What runs is to be cancelled: the rest of its result is not wanted.
    Abandoned(RestError),
}

/// Runs the job. `approve` sees a write's outcome before it is committed.
pub(crate) async fn run(
    connection: &Connection,
    job: &Job,
    space: &Arc<Space>,
    approve: impl Fn(&Outcome) -> Result<(), RestError>,
) -> Result<Outcome, Failure> {
    connection.begin_work();
    let result = attempt(connection, job, space, approve).await;
    if let Err(Failure::Retry(RestError::Database(error))) = &result
        && sqlstate::is_gone(&error.sqlstate, &error.message)
    {
        // It has lost the others, too.
        connection.condemn();
    }
    // A lost connection has nothing to cancel either.
    if !matches!(result, Err(Failure::Abandoned(_))) {
        connection.end_work();
    }
    result
}

async fn attempt(
    connection: &Connection,
    job: &Job,
    space: &Arc<Space>,
    approve: impl Fn(&Outcome) -> Result<(), RestError>,
) -> Result<Outcome, Failure> {
    match flight::lent(connection, job).await {
        Some(direct) => flight::run(direct, job, space, approve).await,
        // In a box of its own: it is large, and few requests need it.
        None => Box::pin(by_client(connection, job, space, approve)).await,
    }
}

async fn by_client(
    connection: &Connection,
    job: &Job,
    space: &Arc<Space>,
    approve: impl Fn(&Outcome) -> Result<(), RestError>,
) -> Result<Outcome, Failure> {
    let client = connection.client();
    let session = Prepared::lookup(connection, job, &job.session, &[]);
    let main = if job.is_plan {
        Prepared::never(&job.main)
    } else {
        Prepared::lookup(connection, job, &job.main, &[&job.scope.role, &job.scope.schema])
    };
    if session.needs_preparing()
        && let Err(error) = session.prepare(connection, client).await
    {
        // It has to be one message from here on: what follows is sent without waiting for it.
        return Err(failure(job, error));
    }
    let begin = client.batch_execute(&job.begin);
    let set_up = async {
        let rows = session.run(connection, client).await;
        rows.map(|_| ())
    };
    let pre_request = optional(client, job.pre_request.as_ref());
    let explain = optional(client, job.explain.as_ref());
    if job.writes {
        let main_runs = run_main(connection, job, &main, space);
        let (begun, set, pre, ran, explained) =
            try_join!(whatever(begin), whatever(set_up), whatever(pre_request), main_runs, whatever(explain))
                .map_err(Failure::Abandoned)?;
        let outcome = collect(job, [begun, set, pre.map(|_| ())], ran, explained);
        let approved = outcome.and_then(|outcome| approve(&outcome).map(|()| outcome).map_err(Failure::Final));
        finish_write(connection, job, &main, approved).await
    } else {
        let end = client.batch_execute(match job.end {
            End::Commit => "COMMIT",
            End::Rollback => "ROLLBACK",
        });
        if main.needs_preparing() {
            // The statement has to be prepared inside the transaction, under its role and search path.
            let (begun, set, pre, prepared) = join!(begin, set_up, pre_request, main.prepare(connection, client));
            if let Err(error) = prepared {
                let failure = collect(job, [begun, set, pre.map(|_| ())], Err(error), Ok(None));
                return finish_write(connection, job, &main, failure).await;
            }
            let main_runs = run_main(connection, job, &main, space);
            let (ran, explained, ended) = try_join!(main_runs, whatever(explain), whatever(end)).map_err(Failure::Abandoned)?;
            collect(job, [begun, set, pre.map(|_| ()), ended], ran, explained)
        } else {
            let main_runs = run_main(connection, job, &main, space);
            let (begun, set, pre, ran, explained, ended) =
                try_join!(whatever(begin), whatever(set_up), whatever(pre_request), main_runs, whatever(explain), whatever(end))
                    .map_err(Failure::Abandoned)?;
            let result = collect(job, [begun, set, pre.map(|_| ()), ended], ran, explained);
            if result.is_err() {
                main.forget(connection);
            }
            result
        }
    }
}

/// What the main statement gave.
#[derive(Debug)]
enum Ran {
    Rows(Vec<Row>),
    Joined(Delivered),
}

/// The outer error is ours, after which nothing is waited for.
async fn run_main(
    connection: &Connection,
    job: &Job,
    main: &Prepared<'_>,
    space: &Arc<Space>,
) -> Result<Result<Ran, Error>, RestError> {
    let client = connection.client();
    let Some(singly) = &job.singly else { return Ok(main.run(connection, client).await.map(Ran::Rows)) };
    match main.stream(connection, client).await {
        Ok(stream) => Ok(delivered::collect(stream, singly, space).await?.map(Ran::Joined)),
        Err(error) => Ok(Err(error)),
    }
}

/// A step whose result is looked at once all have ended.
async fn whatever<T>(step: impl Future<Output = T>) -> Result<T, RestError> {
    Ok(step.await)
}

async fn finish_write(
    connection: &Connection,
    job: &Job,
    main: &Prepared<'_>,
    outcome: Result<Outcome, Failure>,
) -> Result<Outcome, Failure> {
    match outcome {
        Ok(outcome) => {
            end_write(connection.client(), job.end)
                .await
                .map_err(|error| Failure::Final(sqlstate::classify(error, job.authenticated)))?;
            Ok(outcome)
        }
        Err(failure) => {
            main.forget(connection);
            // If this fails the connection is closed, which ends the transaction as well.
            if let Err(error) = connection.client().batch_execute("ROLLBACK").await {
                tracing::debug!(%error, "could not roll back");
            }
            Err(failure)
        }
    }
}

async fn end_write(client: &Client, end: End) -> Result<(), Error> {
    match end {
        End::Commit => client.batch_execute("COMMIT").await,
        End::Rollback => {
            // What COMMIT would find fault with is found all the same.
            let check = client.batch_execute("SET CONSTRAINTS ALL IMMEDIATE");
            let (checked, ended) = join!(check, client.batch_execute("ROLLBACK"));
            checked.and(ended)
        }
    }
}

async fn optional(client: &Client, sql: Option<&Sql>) -> Result<Option<Row>, Error> {
    match sql {
        None => Ok(None),
        Some(sql) => Ok(client.query_typed(&sql.text, &untyped(sql)).await?.into_iter().next()),
    }
}

/// The first error that is a cause, or the outcome.
fn collect<const N: usize>(
    job: &Job,
    steps: [Result<(), Error>; N],
    main: Result<Ran, Error>,
    explained: Result<Option<Row>, Error>,
) -> Result<Outcome, Failure> {
    let mut consequence = None;
    let mut failed = |error: Error| {
        if sqlstate::is_consequence(&error) {
            consequence = Some(error);
            None
        } else {
            Some(failure(job, error))
        }
    };
    let mut ran = Ran::Rows(Vec::new());
    // Steps before the main statement come first; a failed COMMIT after it is last.
    let mut steps = steps.into_iter();
    for step in steps.by_ref().take(3) {
        if let Some(failure) = step.err().and_then(&mut failed) {
            return Err(failure);
        }
    }
    match main {
        Ok(found) => ran = found,
        Err(error) => {
            if let Some(failure) = failed(error) {
                return Err(failure);
            }
        }
    }
    let mut estimate = None;
    match explained {
        Ok(found) => estimate = found,
        Err(error) => {
            if let Some(failure) = failed(error) {
                return Err(failure);
            }
        }
    }
    for step in steps {
        if let Some(failure) = step.err().and_then(&mut failed) {
            return Err(failure);
        }
    }
    if let Some(error) = consequence {
        return Err(failure(job, error));
    }
    let rows = match ran {
        Ran::Joined(delivered) => return joined(delivered, estimate.as_ref(), job).map_err(|error| failure(job, error)),
        Ran::Rows(rows) => rows,
    };
    if job.is_plan {
        return plan(&rows).map_err(|error| failure(job, error));
    }
    let row = rows.first().ok_or(Failure::Final(RestError::Internal { cause: "the main statement gave no row" }))?;
    outcome(row, estimate.as_ref(), job.counted_up_to).map_err(|error| failure(job, error))
}

/// A plan as it came, which in JSON is a single line to the protocol.
fn plan(rows: &[Row]) -> Result<Outcome, Error> {
    let lines = rows.iter().map(|row| row.try_get::<_, PlanLine<'_>>(0).map(|line| line.0)).collect::<Result<Vec<_>, _>>()?;
    Ok(Outcome { body: Bytes::from(lines.join("\n")).into(), ..Outcome::default() })
}

/// Text of either of the types that EXPLAIN has.
struct PlanLine<'a>(&'a str);

impl<'a> FromSql<'a> for PlanLine<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(std::str::from_utf8(raw)?))
    }

    fn accepts(r#type: &Type) -> bool {
        matches!(*r#type, Type::TEXT | Type::JSON)
    }
}

fn outcome(row: &Row, estimate: Option<&Row>, counted_up_to: Option<u64>) -> Result<Outcome, Error> {
    Ok(Outcome {
        total: total(row.try_get(0)?, estimate, counted_up_to)?,
        rows: row.try_get(1)?,
        body: row.try_get::<_, Body>(2)?.0.into(),
        response_headers: row.try_get(3)?,
        response_status: row.try_get(4)?,
        location: row.try_get(5)?,
        inserted: row.try_get::<_, Option<&str>>(6)?.and_then(|number| number.parse().ok()),
    })
}

fn joined(delivered: Delivered, estimate: Option<&Row>, job: &Job) -> Result<Outcome, Error> {
    let Delivered { counted, rows, body, response_headers, response_status } = delivered;
    let total = total(counted, estimate, job.counted_up_to)?;
    Ok(Outcome { total, rows, body, response_headers, response_status, ..Outcome::default() })
}

/// What was counted, or more by the planner's estimate if not all were.
fn total(counted: Option<i64>, estimate: Option<&Row>, counted_up_to: Option<u64>) -> Result<Option<i64>, Error> {
    let estimated = match estimate {
        Some(row) => planned_rows(&row.try_get::<_, serde_json::Value>(0)?),
        None => None,
    };
    Ok(match (counted, estimated) {
        (Some(counted), Some(estimated)) if counted_up_to.is_some_and(|most| u64::try_from(counted).is_ok_and(|n| n > most)) => {
            Some(counted.max(estimated))
        }
        (Some(counted), Some(_)) => Some(counted),
        (counted, estimated) => counted.or(estimated),
    })
}

/// The body's bytes: text, or what a handler made of it.
struct Body(Bytes);

impl<'a> FromSql<'a> for Body {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(Bytes::copy_from_slice(raw)))
    }

    fn accepts(of: &Type) -> bool {
        matches!(*of, Type::TEXT | Type::BYTEA)
    }
}

fn planned_rows(plan: &serde_json::Value) -> Option<i64> {
    plan.get(0)?.get("Plan")?.get("Plan Rows")?.as_i64()
}

fn failure(job: &Job, error: Error) -> Failure {
    let lost = error.is_closed() || error.as_db_error().is_none();
    let again = error.as_db_error().is_some_and(|db| sqlstate::may_be_run_again(db.code().code(), db.message()));
    let classified = sqlstate::classify(error, job.authenticated);
    if lost || again { Failure::Retry(classified) } else { Failure::Final(classified) }
}

fn untyped(sql: &Sql) -> Vec<(&(dyn ToSql + Sync), Type)> {
    // UNKNOWN asks PostgreSQL to infer the type from the place, as for a literal.
    sql.parameters.iter().map(|parameter| (parameter as &(dyn ToSql + Sync), Type::UNKNOWN)).collect()
}

fn plain(parameters: &[Text]) -> Vec<&(dyn ToSql + Sync)> {
    parameters.iter().map(|parameter| parameter as &(dyn ToSql + Sync)).collect()
}

/// A statement, prepared or not, for one connection.
struct Prepared<'a> {
    sql: &'a Sql,
    key: StatementKey,
    state: std::sync::Mutex<State>,
}

#[derive(Clone)]
enum State {
    Ready(Statement),
    /// Seen for the second time.
    Worthwhile,
    Once,
}

impl<'a> Prepared<'a> {
    fn lookup(connection: &Connection, job: &Job, sql: &'a Sql, scope: &[&str]) -> Self {
        if !job.prepares {
            return Self::never(sql);
        }
        let key = StatementKey::new(scope, &sql.text);
        let state = match connection.lookup(job.generation, &key) {
            Lookup::Prepared(statement) => State::Ready(statement),
            Lookup::Seen => State::Worthwhile,
            Lookup::Unseen => State::Once,
        };
        Self { sql, key, state: std::sync::Mutex::new(state) }
    }

    /// For what is not worth to be remembered.
    fn never(sql: &'a Sql) -> Self {
        Self { sql, key: StatementKey::new(&[], &sql.text), state: std::sync::Mutex::new(State::Once) }
    }

    fn state(&self) -> State {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn needs_preparing(&self) -> bool {
        matches!(self.state(), State::Worthwhile)
    }

    async fn prepare(&self, connection: &Connection, client: &Client) -> Result<Statement, Error> {
        let statement = client.prepare(&self.sql.text).await?;
        connection.remember(self.key.clone(), statement.clone());
        *self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = State::Ready(statement.clone());
        Ok(statement)
    }

    async fn run(&self, connection: &Connection, client: &Client) -> Result<Vec<Row>, Error> {
        match self.state() {
            State::Ready(statement) => client.query(&statement, &plain(&self.sql.parameters)).await,
            State::Worthwhile => {
                let statement = self.prepare(connection, client).await?;
                client.query(&statement, &plain(&self.sql.parameters)).await
            }
            State::Once => client.query_typed(&self.sql.text, &untyped(self.sql)).await,
        }
    }

    /// The rows as they come.
    async fn stream(&self, connection: &Connection, client: &Client) -> Result<RowStream, Error> {
        match self.state() {
            State::Ready(statement) => client.query_raw(&statement, &self.sql.parameters).await,
            State::Worthwhile => {
                let statement = self.prepare(connection, client).await?;
                client.query_raw(&statement, &self.sql.parameters).await
            }
            State::Once => client.query_typed_raw(&self.sql.text, self.sql.parameters.iter().map(|p| (p, Type::UNKNOWN))).await,
        }
    }

    fn forget(&self, connection: &Connection) {
        connection.forget(&self.key);
    }
}
