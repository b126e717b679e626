//! `/v1/projects/{ref}/events` and `/v1/events`: what happens to one project, and to which, as server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::sse::{Event, KeepAlive, Sse},
};
use control_plane_api::{ErrorBody, ErrorCode, Notice, ProjectEvent};
use futures::{Stream, StreamExt as _};
use serde::Deserialize;

use super::{
    ApiState,
    error::ApiError,
    extract::{Caller, Parameters, ProjectPath},
};

/// Time between two heartbeats on a quiet stream: below what proxies cut.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How soon a client should come back after a break.
const RECONNECT: Duration = Duration::from_secs(1);

#[derive(Debug, Deserialize)]
pub(super) struct After {
    after: Option<i64>,
}

/// The project's events from the beginning, or after `Last-Event-ID` (or `after`), and then as they happen. Heartbeats are
/// comments. The stream ends after the event `deleted`.
#[utoipa::path(get, path = "/v1/projects/{ref}/events", operation_id = "stream_events", params(
    ("ref" = String, Path),
    ("after" = Option<i64>, Query, description = "Id of the last event already known"),
    ("Last-Event-ID" = Option<i64>, Header),
), responses(
    (status = 200, content_type = "text/event-stream", body = ProjectEvent),
    (status = 404, body = ErrorBody),
))]
pub(super) async fn stream(
    State(state): State<ApiState>,
    Caller(caller): Caller,
    ProjectPath(project_ref): ProjectPath,
    Parameters(After { after }): Parameters<After>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let after = last_event_id(&headers)?.or(after).unwrap_or(0);
    let events = state.projects.events(&caller, &project_ref, after).await?;
    Ok(streamed(state, events.map(|event| event.map(encoded))))
}

/// Which project to look at again, whenever something has happened to one, for lists that stay current. Nothing is
/// repeated after a break: fetch the list anew then. Heartbeats are comments.
#[utoipa::path(get, path = "/v1/events", operation_id = "stream_notices", responses(
    (status = 200, content_type = "text/event-stream", body = Notice),
))]
pub(super) async fn notices(
    State(state): State<ApiState>,
    Caller(caller): Caller,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let notices = state.projects.notices(&caller);
    streamed(
        state,
        notices
            .map(|notice| notice.map(|notice| Event::default().event(notice.kind.as_str()).retry(RECONNECT).json_data(&notice))),
    )
}

/// Ends at the first error, and when the server stops; the client comes back.
fn streamed<E: std::error::Error + Send + 'static>(
    state: ApiState,
    events: impl Stream<Item = Result<Result<Event, axum::Error>, E>> + Send + 'static,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = events.take_until(state.stop.cancelled_owned()).scan((), |(), event| {
        let event = event.map_err(|error| tracing::error!(error = &error as &dyn std::error::Error, "event stream ended")).ok();
        std::future::ready(event.and_then(Result::ok).map(Ok))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("heartbeat"))
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, ApiError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let id = value.to_str().ok().and_then(|text| text.parse().ok());
    id.map(Some).ok_or_else(|| ApiError::new(ErrorCode::InvalidInput, "Last-Event-ID is not the id of an event."))
}

fn encoded(event: ProjectEvent) -> Result<Event, axum::Error> {
    Event::default().id(event.id.to_string()).event(event.kind.as_str()).retry(RECONNECT).json_data(&event)
}
