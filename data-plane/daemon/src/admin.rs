//! What a supervisor asks: whether the program lives, and whether it is ready. On a listener of its own, which is never
//! published.

use std::time::Duration;

use axum::{Json, Router, http::StatusCode, routing::get};
use serde_json::{Value, json};

/// Longest time for what the program depends on to answer.
pub const READY_AT_MOST: Duration = Duration::from_secs(2);

/// `/live`, which is 200 whenever it is answered, and `/ready`, which is 200 or, with the reason that `ready` gives or after
/// [`READY_AT_MOST`], 503. Nothing else.
pub fn router<F>(ready: impl Fn() -> F + Clone + Send + Sync + 'static) -> Router
where
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    let answer = move || async move {
        let late = || Err(format!("No answer within {} s.", READY_AT_MOST.as_secs()));
        match tokio::time::timeout(READY_AT_MOST, ready()).await.unwrap_or_else(|_| late()) {
            Ok(()) => (StatusCode::OK, Json(json!({ "message": "ready" }))),
            Err(message) => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "message": message }))),
        }
    };
    Router::new().route("/live", get(live)).route("/ready", get(answer))
}

fn live() -> std::future::Ready<Json<Value>> {
    std::future::ready(Json(json!({ "message": "live" })))
}
