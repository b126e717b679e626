//! Bodies.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};
use http::StatusCode;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::LONGEST_BODY;
use crate::error::{AuthError, ErrorCode};

/// A body of JSON, whatever its content type says; none at all is an empty object.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = AuthError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AuthError> {
        let bytes = Bytes::from_request(request, state).await.map_err(|error| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_long(),
            status => AuthError::bad_request(ErrorCode::BadJson, "Could not read the request's body").with_status(status),
        })?;
        parse(&bytes).map(Self)
    }
}

/// A body that is too long.
pub(crate) fn too_long() -> AuthError {
    let message = format!("The request's body is longer than {LONGEST_BODY} bytes");
    AuthError::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::ValidationFailed, message)
}

/// What is nested deeper than 128 levels is refused by the parser.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, AuthError> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    serde_json::from_slice(bytes)
        .map_err(|error| AuthError::bad_request(ErrorCode::BadJson, format!("Could not parse request body as JSON: {error}")))
}

/// Where a request says that it comes from no robot.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct MetaSecurity {
    #[serde(default)]
    pub(crate) captcha_token: Option<String>,
}

/// An object, or nothing.
pub(crate) fn object(value: Option<Value>) -> Result<Map<String, Value>, AuthError> {
    match value {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object),
        Some(_) => Err(AuthError::bad_request(ErrorCode::BadJson, "Could not parse request body as JSON: data is no object")),
    }
}
