//! Takes in the bodies of requests for the main host before anything is done with them: they are all small, so that one that
//! is too large, or takes too long, is refused in one place.

use std::time::Duration;

use axum::{
    body::{Body, HttpBody as _},
    extract::Request,
    http::StatusCode,
    middleware::Next,
    response::Response,
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::guard::refusal;

/// Largest body, in bytes; [`too_large`] names it.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Longest time for all of it to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// The middleware.
pub(crate) async fn take_in(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    // The declared length, as hyper has read it.
    if request.body().size_hint().lower() > MAX_BODY_BYTES as u64 {
        return too_large();
    }
    let (parts, body) = request.into_parts();
    match tokio::time::timeout(PATIENCE, Limited::new(body, MAX_BODY_BYTES).collect()).await {
        Ok(Ok(body)) => next.run(Request::from_parts(parts, Body::from(body.to_bytes()))).await,
        Ok(Err(error)) if error.is::<LengthLimitError>() => too_large(),
        Ok(Err(_)) => refusal(StatusCode::BAD_REQUEST, "The request body could not be read."),
        Err(_) => refusal(StatusCode::REQUEST_TIMEOUT, "The request took too long to arrive."),
    }
}

fn too_large() -> Response {
    refusal(StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than 1 MB.")
}
