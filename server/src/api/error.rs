//! Errors of the JSON API: `{"message"}` with the status of the error's code. A 500 says nothing of its cause, which is
//! in the log under the request's id.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use control_plane_api::{ErrorBody, ErrorCode};

/// What a handler answers when it can't answer what was asked.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    body: Box<ErrorBody>,
}

impl ApiError {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::with_status(status_of(code), message)
    }

    pub(crate) fn not_found(message: &str) -> Self {
        Self::new(ErrorCode::NotFound, message)
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::with_status(
            StatusCode::METHOD_NOT_ALLOWED,
            "This method is not allowed here. The Allow header lists those that are.",
        )
    }

    fn with_status(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, body: Box::new(ErrorBody { message: message.into(), operation: None, request_id: None }) }
    }
}

fn status_of(code: ErrorCode) -> StatusCode {
    StatusCode::from_u16(code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

impl From<control_plane::Error> for ApiError {
    fn from(error: control_plane::Error) -> Self {
        let code = error.code();
        if code == ErrorCode::Internal {
            tracing::error!(error = &error as &dyn std::error::Error, "request failed");
            return Self::new(code, "Something went wrong on the server. Its log says what, under this request's x-request-id.");
        }
        let mut answer = Self::new(code, error.to_string());
        answer.body.operation = error.operation().cloned();
        answer
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}
