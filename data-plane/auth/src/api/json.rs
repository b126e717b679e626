//! Bodies.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::error::{AuthError, ErrorCode};

/// A body of JSON, whatever its content type says; none at all is an empty object.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = AuthError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AuthError> {
        let bytes = Bytes::from_request(request, state).await.map_err(|error| {
            let status = error.status();
            AuthError::bad_request(ErrorCode::BadJson, "Could not read the request's body").with_status(status)
        })?;
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(bytes)
            .map(Self)
            .map_err(|error| AuthError::bad_request(ErrorCode::BadJson, format!("Could not parse request body as JSON: {error}")))
    }
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
