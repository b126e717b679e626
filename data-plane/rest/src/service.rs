//! One request through all stages: claims → request → plan → query → transaction → response.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::body::Body;
use bytes::Bytes;
use http::{Response, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use project_context::Connection;

use crate::{
    claims::Identity,
    error::RestError,
    headers::{self, Timings},
    planned::{Planned, Work},
    request::ApiRequest,
    response::Shown,
    state::{Loaded, State},
    transaction::{self, Failure},
};

/// Bytes of a request's body at most: the gateway's own limit, unless it is set to another. PostgREST has none.
const MAX_BODY: usize = 50 * 1024 * 1024;
/// Longest time for the body of a request that is refused.
const DISCARDING: Duration = Duration::from_secs(10);

/// Connections tried for one request before the loss of one is reported.
const MAX_ATTEMPTS: usize = 3;

/// What becomes known of a request on the way to its answer.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    timings: Timings,
    /// As which it ran, or would have run.
    pub(crate) role: Option<String>,
    /// The statements that were sent for it, without their parameters, if the log is to show them.
    pub(crate) queries: Vec<String>,
}

pub(crate) async fn handle(state: &Arc<State>, request: http::Request<Body>, noted: &mut Noted) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let answer = Box::pin(answer(state, &parts, body, noted)).await;
    // As it is now: the request may have been the one that loaded it.
    let config = state.config();
    let mut response = match answer {
        Ok(mut response) => {
            headers::tell_timings(&mut response, &config, &noted.timings);
            response
        }
        Err(error) => {
            if error.status().is_server_error() {
                tracing::warn!(project.ref = state.options().project_ref, error = ?error, "request failed");
            }
            error.into_response(config.client_error_verbosity)
        }
    };
    headers::finish(&mut response, &config, &parts);
    response
}

async fn answer(state: &Arc<State>, parts: &Parts, body: Body, noted: &mut Noted) -> Result<Response<Body>, RestError> {
    let started = Instant::now();
    let identity = state.identify(&parts.headers).await;
    noted.timings.jwt += started.elapsed();
    let identity = match identity {
        Ok(identity) => identity,
        Err(error) => {
            discard(body).await;
            return Err(error);
        }
    };
    noted.role = Some(identity.role.clone());
    let body = collect(body).await?;
    let request = timed(&mut noted.timings.parse, || ApiRequest::parse(parts, body))?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let connection = state.pool.connection().await?;
        match Box::pin(on_connection(state, &connection, &request, &identity, noted)).await {
            Err(Failure::Retry(error)) if attempt < MAX_ATTEMPTS => {
                tracing::debug!(%error, attempt, "request is run again on another connection");
            }
            Err(Failure::Retry(error) | Failure::Final(error) | Failure::Abandoned(error)) => return Err(error),
            Ok(response) => return Ok(response),
        }
    }
}

/// Runs a stage, and adds what it took.
fn timed<T>(spent: &mut Duration, stage: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = stage();
    *spent += started.elapsed();
    result
}

async fn collect(body: Body) -> Result<Bytes, RestError> {
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(RestError::BodyTooLarge { limit: MAX_BODY }),
        Err(_) => Err(RestError::InvalidBody { message: "The request body could not be read".to_owned() }),
    }
}

/// Lets a body arrive that nobody reads: a client that is still sending it when the answer comes and the connection ends
/// tells its user of the connection, not of the answer.
async fn discard(body: Body) {
    let mut body = Limited::new(body, MAX_BODY);
    let arrival = async { while let Some(Ok(_)) = body.frame().await {} };
    // Who sends it slowly is not waited for; nothing is lost but the words.
    let _ = tokio::time::timeout(DISCARDING, arrival).await;
}

async fn on_connection(
    state: &Arc<State>,
    connection: &Connection,
    request: &ApiRequest,
    identity: &Identity,
    noted: &mut Noted,
) -> Result<Response<Body>, Failure> {
    let loaded = state.schema(connection).await.map_err(retry_if_lost)?;
    let options = state.options();
    let mut plan = |loaded: &Loaded| timed(&mut noted.timings.plan, || Planned::new(loaded, request, &options));
    let (loaded, planned) = match plan(&loaded) {
        Err(error) if error.is_about_the_schema() => {
            let Some(newer) = Box::pin(state.after_miss(connection, &loaded)).await.map_err(retry_if_lost)? else {
                return Err(Failure::Final(error));
            };
            let planned = plan(&newer).map_err(Failure::Final)?;
            (newer, planned)
        }
        Err(error) => return Err(Failure::Final(error)),
        Ok(planned) => (loaded, planned),
    };
    let config = &loaded.schema.config;
    let shown = Shown {
        request,
        media: &planned.media,
        schema: &planned.schema,
        several_schemas: config.schemas.len() > 1,
        end_may_be_chosen: config.tx_end.may_be_chosen(),
    };
    let job = match timed(&mut noted.timings.plan, || planned.job(&loaded, request, identity, &options)) {
        Work::Ready(response) => return Ok(response),
        Work::Job(job) => job,
    };
    if config.log_query {
        noted.queries.extend(job.statements().map(str::to_owned));
    }
    let started = Instant::now();
    let outcome = Box::pin(transaction::run(connection, &job, &state.space, |outcome| planned.approve(&shown, outcome))).await;
    noted.timings.transaction += started.elapsed();
    let outcome = outcome?;
    timed(&mut noted.timings.response, || planned.respond(&loaded, &shown, outcome)).map_err(Failure::Final)
}

fn retry_if_lost(error: RestError) -> Failure {
    match error {
        RestError::Connection(_) => Failure::Retry(error),
        other => Failure::Final(other),
    }
}
