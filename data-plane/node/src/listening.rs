//! Where the program is told of other settings while it runs: `PUT /settings` on its admin listener.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::put,
};
use serde_json::json;

use crate::{Seal, Services};

/// Longest message, in bytes: every template of a mail with room to spare.
const LONGEST: usize = 8 * 1024 * 1024;

struct Listening {
    services: Services,
    seal: Seal,
    /// Of what is in force; 0: nothing was told yet.
    number: Mutex<u64>,
}

/// 204 where what was told is in force; 409 with the number of what is in force where that is newer; 403 for what the server has not
/// sealed; 500 where services can't go by it, which leaves what was in force.
pub(crate) fn router(services: Services, seal: Seal) -> Router {
    let listening = Arc::new(Listening { services, seal, number: Mutex::new(0) });
    Router::new().route("/settings", put(hear)).layer(DefaultBodyLimit::max(LONGEST)).with_state(listening)
}

async fn hear(State(listening): State<Arc<Listening>>, body: Bytes) -> Response {
    std::future::ready(listening.hear(&body)).await
}

impl Listening {
    fn hear(&self, sealed: &[u8]) -> Response {
        let (number, told) = match self.seal.open(sealed) {
            Ok(opened) => opened,
            Err(error) => return (StatusCode::FORBIDDEN, Json(json!({ "message": error.to_string() }))).into_response(),
        };
        // Held until it is in force: what comes next is compared with it.
        let mut in_force = self.number.lock().unwrap_or_else(PoisonError::into_inner);
        if number <= *in_force {
            return (StatusCode::CONFLICT, Json(json!({ "number": *in_force }))).into_response();
        }
        if let Err(error) = self.services.configure(&told) {
            tracing::error!(error = &error as &dyn std::error::Error, "can't go by what was told");
            return (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "message": error.to_string() }))).into_response();
        }
        *in_force = number;
        tracing::info!(number, "goes by other settings");
        StatusCode::NO_CONTENT.into_response()
    }
}
