//! What the gateway itself answers, always JSON with a `message`.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use control_plane_api::ProjectState;
use serde_json::json;

/// Seconds after which a client may try again.
const SOON: &str = "1";
/// As [`SOON`], for what only a person can change.
const LATER: &str = "30";

fn answer(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}

fn with_retry(mut response: Response, seconds: &'static str) -> Response {
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
    response
}

pub(crate) fn no_such_project() -> Response {
    answer(StatusCode::NOT_FOUND, "There is no project at this address.")
}

pub(crate) fn not_ready(state: ProjectState) -> Response {
    let (message, seconds) = match state {
        ProjectState::Provisioning => ("The project is being made. Try again in a moment.", SOON),
        ProjectState::Resuming | ProjectState::Restarting | ProjectState::Running => {
            ("The project is starting. Try again in a moment.", SOON)
        }
        ProjectState::Pausing | ProjectState::Paused => ("The project is paused. Restore it to use it.", LATER),
        ProjectState::Deleting => ("The project is being deleted.", LATER),
        ProjectState::Failed => ("The project has failed. The dashboard says why.", LATER),
    };
    with_retry(answer(StatusCode::SERVICE_UNAVAILABLE, message), seconds)
}

pub(crate) fn busy() -> Response {
    let message = "The project has too many requests at work. Try again in a moment.";
    with_retry(answer(StatusCode::SERVICE_UNAVAILABLE, message), SOON)
}

pub(crate) fn arrived_too_slowly() -> Response {
    answer(StatusCode::REQUEST_TIMEOUT, "The request took too long to arrive.")
}

pub(crate) fn timed_out() -> Response {
    answer(StatusCode::GATEWAY_TIMEOUT, "The project did not answer in time.")
}

pub(crate) fn no_service() -> Response {
    answer(StatusCode::NOT_FOUND, "There is no service at this path.")
}

pub(crate) fn unreachable() -> Response {
    let message = "The project's service takes no connections. Try again in a moment.";
    with_retry(answer(StatusCode::SERVICE_UNAVAILABLE, message), SOON)
}

pub(crate) fn broken_off() -> Response {
    let message = "The project's service broke off before it answered. Try again in a moment.";
    with_retry(answer(StatusCode::BAD_GATEWAY, message), SOON)
}

pub(crate) fn too_large(limit: u64) -> Response {
    answer(StatusCode::PAYLOAD_TOO_LARGE, &format!("The request body is larger than {limit} bytes."))
}

pub(crate) fn bad_request(message: &str) -> Response {
    answer(StatusCode::BAD_REQUEST, message)
}

pub(crate) fn no_key() -> Response {
    let hint = "No `apikey` request header or url param was found.";
    let body = json!({ "message": "No API key found in request", "hint": hint });
    (StatusCode::UNAUTHORIZED, Json(body)).into_response()
}

pub(crate) fn invalid_key() -> Response {
    let hint = "Double check your Supabase `anon` or `service_role` API key.";
    let body = json!({ "message": "Invalid API key", "hint": hint });
    (StatusCode::UNAUTHORIZED, Json(body)).into_response()
}

pub(crate) fn secret_key_in_browser() -> Response {
    let hint = "Secret API keys can only be used in a protected environment and should never be used in a browser. \
                Delete this secret API key immediately if publicly leaked.";
    let body = json!({ "message": "Forbidden use of secret API key in browser", "hint": hint });
    (StatusCode::UNAUTHORIZED, Json(body)).into_response()
}
