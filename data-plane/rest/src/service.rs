//! One request through all stages: claims → request → plan → query → transaction → response.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::body::{Body, HttpBody as _};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header, request::Parts};
use http_body_util::{BodyExt, Limited};
use project_context::Connection;

use crate::{
    budget::{Exhausted, Share},
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
pub(crate) const MAX_BODY: usize = 50 * 1024 * 1024;
/// Bytes of a body that need no room: large ones keep nobody from sending small ones.
const SMALL_BODY: usize = 64 * 1024;
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
            discard(body, &parts.headers).await;
            return Err(error);
        }
    };
    noted.role = Some(identity.role.clone());
    // Until the request is answered.
    let mut held = state.bodies.share();
    let body = collect(body, &mut held, &parts.headers).await?;
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

/// The whole body, or as much of it as there is room for: then the rest is let in, and the error told.
async fn collect(mut body: Body, held: &mut Share, headers: &HeaderMap) -> Result<Bytes, RestError> {
    let collected = if body.size_hint().lower() > MAX_BODY as u64 {
        Err(RestError::BodyTooLarge { limit: MAX_BODY })
    } else {
        arrival(&mut body, held).await
    };
    if let Err(RestError::BodyTooLarge { .. } | RestError::BodiesFull { .. }) = &collected {
        discard(body, headers).await;
    }
    collected
}

/// Room is taken as it comes: what is only announced takes none from others.
async fn arrival(body: &mut Body, held: &mut Share) -> Result<Bytes, RestError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or_default();
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| RestError::InvalidBody { message: "The request body could not be read".to_owned() })?;
        // Trailers are of no use here.
        let Ok(part) = frame.into_data() else { continue };
        let length = whole.len() + part.len();
        if length > MAX_BODY {
            return Err(RestError::BodyTooLarge { limit: MAX_BODY });
        }
        held.grow_to(length.saturating_sub(SMALL_BODY) as u64).map_err(|Exhausted { limit }| RestError::BodiesFull { limit })?;
        if whole.is_empty() && body.is_end_stream() {
            return Ok(part);
        }
        if length > SMALL_BODY {
            // So that it need not move as it grows.
            whole.reserve_exact(announced.saturating_sub(whole.len()));
        }
        whole.extend_from_slice(&part);
    }
    Ok(whole.into())
}

/// Lets a body arrive that nobody reads: a client that is still sending it when the answer comes and the connection ends
/// tells its user of the connection, not of the answer. One that asks before it sends anything is not told to begin.
async fn discard(body: Body, headers: &HeaderMap) {
    let asks = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if headers.get(header::EXPECT).is_some_and(asks) {
        return;
    }
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::StatusCode;

    use super::*;
    use crate::{budget::Budget, schema::Verbosity};

    /// Parts of 1,000 bytes each, and how many of them were taken.
    fn parts(count: usize) -> (Body, Arc<AtomicUsize>) {
        let taken = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&taken);
        let parts = futures::stream::iter((0..count).map(move |_| {
            seen.fetch_add(1, Ordering::Relaxed);
            Ok::<_, std::convert::Infallible>(Bytes::from_static(&[b' '; 1000]))
        }));
        (Body::from_stream(parts), taken)
    }

    #[tokio::test]
    async fn large_bodies_share_a_room_and_small_ones_need_none() {
        let bodies = Budget::new(100_000);
        let headers = HeaderMap::new();
        let mut first = bodies.share();
        let whole = collect(parts(150).0, &mut first, &headers).await.unwrap();
        assert_eq!(whole.len(), 150_000);
        let (body, taken) = parts(150);
        let refused = collect(body, &mut bodies.share(), &headers).await.unwrap_err().into_response(Verbosity::Verbose);
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.headers().contains_key(header::RETRY_AFTER));
        assert_eq!(taken.load(Ordering::Relaxed), 150, "the rest was let in");
        let mut waits = HeaderMap::new();
        waits.insert(header::EXPECT, HeaderValue::from_static("100-Continue"));
        let (body, taken) = parts(150);
        assert!(collect(body, &mut bodies.share(), &waits).await.is_err());
        assert!(taken.load(Ordering::Relaxed) < 100, "the rest was not asked for");
        assert_eq!(collect(parts(60).0, &mut bodies.share(), &headers).await.unwrap().len(), 60_000);
        drop(first);
        assert_eq!(collect(parts(150).0, &mut bodies.share(), &headers).await.unwrap().len(), 150_000);
    }

    #[tokio::test]
    async fn what_is_too_large_by_its_announcement_is_not_waited_for() {
        let body = Body::from(vec![b' '; MAX_BODY + 1]);
        let outcome = collect(body, &mut Budget::new(u64::MAX).share(), &HeaderMap::new()).await;
        assert!(matches!(outcome, Err(RestError::BodyTooLarge { .. })));
    }
}
