//! One request through all stages: claims → request → plan → query → transaction → response.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{Response, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use project_context::Connection;

use crate::{
    claims::Identity,
    error::RestError,
    headers,
    planned::{Planned, Work},
    request::ApiRequest,
    response::Shown,
    state::State,
    transaction::{self, Failure},
};

/// Bytes of a request's body at most; the gateway's own limit is lower or equal.
const MAX_BODY: usize = 10 * 1024 * 1024;

/// Connections tried for one request before the loss of one is reported.
const MAX_ATTEMPTS: usize = 3;

pub(crate) async fn handle(state: Arc<State>, request: http::Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let answer = Box::pin(answer(&state, &parts, body)).await;
    // As it is now: the request may have been the one that loaded it.
    let config = state.config();
    let mut response = match answer {
        Ok(response) => response,
        Err(error) => {
            if error.status().is_server_error() {
                tracing::warn!(project.ref = state.options.project_ref, error = ?error, "request failed");
            }
            error.into_response(parts.method != http::Method::HEAD, config.client_error_verbosity)
        }
    };
    headers::finish(&mut response, &config, &parts.headers);
    response
}

async fn answer(state: &Arc<State>, parts: &Parts, body: Body) -> Result<Response<Body>, RestError> {
    let identity = Box::pin(state.identify(&parts.headers)).await?;
    let body = collect(body).await?;
    let request = ApiRequest::parse(parts, body)?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let connection = state.pool.connection().await?;
        match Box::pin(on_connection(state, &connection, &request, &identity)).await {
            Err(Failure::Retry(error)) if attempt < MAX_ATTEMPTS => {
                tracing::debug!(%error, attempt, "request is run again on another connection");
            }
            Err(Failure::Retry(error) | Failure::Final(error)) => return Err(error),
            Ok(response) => return Ok(response),
        }
    }
}

async fn collect(body: Body) -> Result<Bytes, RestError> {
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(RestError::BodyTooLarge { limit: MAX_BODY }),
        Err(_) => Err(RestError::InvalidBody { message: "The request body could not be read".to_owned() }),
    }
}

async fn on_connection(
    state: &Arc<State>,
    connection: &Connection,
    request: &ApiRequest,
    identity: &Identity,
) -> Result<Response<Body>, Failure> {
    let loaded = state.schema(connection).await.map_err(retry_if_lost)?;
    let (loaded, planned) = match Planned::new(&loaded, request, &state.options) {
        Err(error) if error.is_about_the_schema() => {
            let Some(newer) = state.after_miss(connection, &loaded).await.map_err(retry_if_lost)? else {
                return Err(Failure::Final(error));
            };
            let planned = Planned::new(&newer, request, &state.options).map_err(Failure::Final)?;
            (newer, planned)
        }
        Err(error) => return Err(Failure::Final(error)),
        Ok(planned) => (loaded, planned),
    };
    let config = &loaded.schema.config;
    let shown = Shown { request, media: &planned.media, schema: &planned.schema, several_schemas: config.schemas.len() > 1 };
    let job = match planned.job(&loaded, request, identity, &state.options) {
        Work::Ready(response) => return Ok(response),
        Work::Job(job) => job,
    };
    let outcome = Box::pin(transaction::run(connection, &job, |outcome| planned.approve(&shown, outcome))).await?;
    planned.respond(&shown, outcome).map_err(Failure::Final)
}

fn retry_if_lost(error: RestError) -> Failure {
    match error {
        RestError::Connection(_) => Failure::Retry(error),
        other => Failure::Final(other),
    }
}
