//! A request as one flight: its statements go out together, are one transaction without BEGIN and COMMIT, and are answered
//! together. A write is committed by a second one, once its outcome was approved; one that may be refused is begun, so that it
//! can be rolled back. What needs more than that, or a connection that has no such way, is left to [`crate::transaction`].

use std::sync::Arc;

use bytes::Bytes;
use project_context::{Answer, Connection, Direct, DirectError, DirectRow, StatementKey};

use crate::{
    delivered::{Delivered, Joining, Singly},
    error::RestError,
    query::{READ_ONLY, READ_WRITE, Text},
    request::End,
    spool::Space,
    sqlstate,
    transaction::{Failure, Job, Outcome},
};

/// What makes a transaction that is not begun one that only reads; put before what else is set.
const ONLY_READS: &str = "SELECT set_config('transaction_read_only', 'on', true), ";

/// The connection, if it can be had for that and the job is nothing else.
pub(crate) async fn lent<'a>(connection: &'a Connection, job: &Job) -> Option<Direct<'a>> {
    let begins = if job.writes { READ_WRITE } else { READ_ONLY };
    let fits = job.begin == begins && job.end == End::Commit && job.prepares && !job.is_plan && job.explain.is_none();
    if fits { connection.direct().await } else { None }
}

/// Runs the job. `approve` sees a write's outcome before it is committed.
pub(crate) async fn run(
    mut direct: Direct<'_>,
    job: &Job,
    space: &Arc<Space>,
    approve: impl Fn(&Outcome) -> Result<(), RestError>,
) -> Result<Outcome, Failure> {
    let ran = depart(&mut direct, job, space).await;
    if !job.writes {
        return ran.map_err(|stopped| failure(job, stopped));
    }
    match ran {
        Ok(outcome) => {
            let approved = approve(&outcome);
            let end = if approved.is_ok() { "COMMIT" } else { "ROLLBACK" };
            // What was not begun is committed by its end.
            let word = (job.refusable || approved.is_err()).then_some(end);
            let ended = land(&mut direct, word).await;
            approved.map_err(Failure::Final)?;
            match ended {
                Ok(()) => Ok(outcome),
                // It may have been done.
                Err(error) => Err(match failure(job, error.into()) {
                    Failure::Retry(error) | Failure::Final(error) | Failure::Abandoned(error) => Failure::Final(error),
                }),
            }
        }
        Err(stopped) => {
            let failed_within = matches!(&stopped, Stopped::Direct(DirectError::Server(_))) && job.refusable;
            if failed_within && let Err(error) = land(&mut direct, Some("ROLLBACK")).await {
                tracing::debug!(%error, "could not roll back");
            }
            Err(failure(job, stopped))
        }
    }
}

/// Sends the statements, and takes the answers of all of them.
async fn depart(direct: &mut Direct<'_>, job: &Job, space: &Arc<Space>) -> Result<Outcome, Stopped> {
    let scope = [job.scope.role.as_str(), job.scope.schema.as_str()];
    let mut before = 1;
    if job.writes {
        if job.refusable {
            direct.command(READ_WRITE)?;
            before += 1;
        }
        add(direct, job, &[], &job.session.text, &job.session.parameters)?;
    } else {
        let session = job.session.text.strip_prefix("SELECT ").unwrap_or(&job.session.text);
        add(direct, job, &[], &format!("{ONLY_READS}{session}"), &job.session.parameters)?;
    }
    if let Some(pre_request) = &job.pre_request {
        add(direct, job, &scope, &pre_request.text, &pre_request.parameters)?;
        before += 1;
    }
    add(direct, job, &scope, &job.main.text, &job.main.parameters)?;
    match (job.writes, job.refusable) {
        (true, true) => direct.pause(),
        // Nothing is waited for between its answer and its end.
        (true, false) => direct.flush(),
        (false, _) => direct.end(),
    }
    let mut answers = Answers { direct, before, ended: 0, goes_on: job.writes && !job.refusable };
    match &job.singly {
        Some(singly) => collect(&mut answers, singly, space).await,
        None => only_row(&mut answers).await,
    }
}

/// Ends the transaction, by this word if it needs one.
async fn land(direct: &mut Direct<'_>, word: Option<&'static str>) -> Result<(), DirectError> {
    if let Some(word) = word {
        direct.command(word)?;
    }
    direct.end();
    while direct.next().await?.is_some() {}
    Ok(())
}

/// The main statement's rows, after those of others.
struct Answers<'a, 'd> {
    direct: &'a mut Direct<'d>,
    /// Statements before it.
    before: usize,
    ended: usize,
    /// Nothing is answered after its end, for now.
    goes_on: bool,
}

impl Answers<'_, '_> {
    async fn row(&mut self) -> Result<Option<DirectRow>, Stopped> {
        while let Some(answer) = self.direct.next().await? {
            match answer {
                Answer::Row(row) if self.ended == self.before => return Ok(Some(row)),
                Answer::Row(_) => {}
                Answer::End => self.ended += 1,
            }
            if self.goes_on && self.ended > self.before {
                break;
            }
        }
        Ok(None)
    }
}

fn add(direct: &mut Direct<'_>, job: &Job, scope: &[&str], sql: &str, parameters: &[Text]) -> Result<(), Stopped> {
    let parameters = parameters.iter().map(|parameter| parameter.as_str());
    Ok(direct.add(job.generation, StatementKey::new(scope, sql), sql, parameters)?)
}

async fn only_row(answers: &mut Answers<'_, '_>) -> Result<Outcome, Stopped> {
    let mut found = None;
    while let Some(row) = answers.row().await? {
        found = Some(row);
    }
    let row = found.ok_or(RestError::Internal { cause: "the main statement gave no row" })?;
    Ok(outcome(&row).ok_or(RestError::Internal { cause: "the main statement gave another row" })?)
}

async fn collect(answers: &mut Answers<'_, '_>, singly: &Singly, space: &Arc<Space>) -> Result<Outcome, Stopped> {
    let mut joining = Joining::new(singly, space);
    while let Some(row) = answers.row().await? {
        let mut values = row.values();
        match values.next().flatten() {
            Some(text) => joining.row(&text).await?,
            None => joining.rest(integer(values.next()), string(values.next()), string(values.next())),
        }
    }
    let Delivered { counted: total, rows, body, response_headers, response_status } = joining.finish().await?;
    Ok(Outcome { total, rows, body, response_headers, response_status, ..Outcome::default() })
}

/// As [`crate::query::GUCS`] has the columns.
fn outcome(row: &DirectRow) -> Option<Outcome> {
    let mut values = row.values();
    Some(Outcome {
        total: integer(values.next()),
        rows: integer(values.next())?,
        body: values.next()??.into(),
        response_headers: string(values.next()),
        response_status: string(values.next()),
        location: string(values.next()),
        inserted: string(values.next()).and_then(|number| number.parse().ok()),
    })
}

fn integer(value: Option<Option<Bytes>>) -> Option<i64> {
    Some(i64::from_be_bytes(value??.as_ref().try_into().ok()?))
}

fn string(value: Option<Option<Bytes>>) -> Option<String> {
    String::from_utf8(value??.to_vec()).ok()
}

/// Why there is no outcome.
enum Stopped {
    Direct(DirectError),
    Ours(RestError),
}

impl From<DirectError> for Stopped {
    fn from(error: DirectError) -> Self {
        Self::Direct(error)
    }
}

impl From<RestError> for Stopped {
    fn from(error: RestError) -> Self {
        Self::Ours(error)
    }
}

fn failure(job: &Job, stopped: Stopped) -> Failure {
    match stopped {
        Stopped::Ours(error) => Failure::Abandoned(error),
        Stopped::Direct(DirectError::Lost(error)) => Failure::Retry(RestError::Lost(error)),
        Stopped::Direct(DirectError::Server(error)) => {
            let again = sqlstate::may_be_run_again(&error.code, &error.message);
            let reported = sqlstate::reported(*error, job.authenticated);
            if again { Failure::Retry(reported) } else { Failure::Final(reported) }
        }
    }
}
