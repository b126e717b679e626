//! What a supervisor asks the program, on a listener of its own: whether it takes requests, whether it can answer them, what it
//! knows of the database, and its figures.
//!
//! Source: PostgREST's documentation, "Admin Server" and "Observability".

use std::sync::Arc;

use axum::{
    Router,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use daemon::READY_AT_MOST;

use super::{host::Reach, metrics};
use crate::{schema::dump, state::State};

/// `main`: where the service's own listener is reached.
pub(super) fn router(state: Arc<State>, main: Reach) -> Router {
    let live = {
        let main = main.clone();
        move || async move { if main.accepts().await { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR } }
    };
    let ready = {
        let state = Arc::clone(&state);
        move || async move { if is_ready(&state, &main).await { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE } }
    };
    let schema_cache = {
        let state = Arc::clone(&state);
        move || std::future::ready(schema_cache(&state))
    };
    let figures = move || std::future::ready(([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::text(&state)));
    Router::new()
        .route("/live", get(live))
        .route("/ready", get(ready))
        .route("/schema_cache", get(schema_cache))
        .route("/metrics", get(figures))
}

/// Requests reach it, the database answers it, and it knows the schema.
async fn is_ready(state: &State, main: &Reach) -> bool {
    let all = async { main.accepts().await && state.cache().is_some() && state.pool.probe().await.is_ok() };
    tokio::time::timeout(READY_AT_MOST, all).await.unwrap_or(false)
}

fn schema_cache(state: &State) -> Response {
    match state.cache() {
        Some(loaded) => {
            let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
            (json, dump(&loaded.schema).to_string()).into_response()
        }
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
