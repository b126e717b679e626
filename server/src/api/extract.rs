//! What handlers take from a request, each refusing what it can't take with a message.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{header, request::Parts},
};
use control_plane_api::{ErrorCode, ProjectRef};
use serde::de::DeserializeOwned;

use super::error::ApiError;

/// Longest `Prefer: wait`, in seconds.
const MAX_WAIT_SECONDS: u64 = 60;

/// Who asks. The guard has put it there.
#[derive(Debug)]
pub(crate) struct Caller(pub(crate) control_plane::Caller);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<control_plane::Caller>().cloned();
        caller.map(Self).ok_or_else(|| ApiError::new(ErrorCode::Unauthenticated, "Unauthorized"))
    }
}

/// The project in the path.
#[derive(Debug)]
pub(crate) struct ProjectPath(pub(crate) ProjectRef);

impl<S: Send + Sync> FromRequestParts<S> for ProjectPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| invalid_ref())?;
        text.parse().map(Self).map_err(|_| invalid_ref())
    }
}

/// The project in the path, and the id of something of it: a signing key, an integration.
#[derive(Debug)]
pub(crate) struct ProjectPartPath(pub(crate) ProjectRef, pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for ProjectPartPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path((text, id)) = Path::<(String, String)>::from_request_parts(parts, state).await.map_err(|_| invalid_ref())?;
        text.parse().map(|project_ref| Self(project_ref, id)).map_err(|_| invalid_ref())
    }
}

fn invalid_ref() -> ApiError {
    ApiError::new(ErrorCode::InvalidInput, "The project ref is not valid: it is 20 lowercase letters, a to z.")
}

/// The query, or the reason why it is none.
#[derive(Debug)]
pub(crate) struct Parameters<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(error) => Err(ApiError::new(ErrorCode::InvalidInput, format!("The query is not valid: {}.", error.body_text()))),
        }
    }
}

/// A JSON body.
#[derive(Debug)]
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match json(request, state).await? {
            Some(body) => Ok(Self(body)),
            None => Err(ApiError::new(ErrorCode::InvalidInput, "The request needs a JSON body.")),
        }
    }
}

/// A JSON body that may be missing.
#[derive(Debug)]
pub(crate) struct OptionalJsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Ok(Self(json(request, state).await?.unwrap_or_default()))
    }
}

async fn json<S: Send + Sync, T: DeserializeOwned>(request: Request, state: &S) -> Result<Option<T>, ApiError> {
    let content_type = request.headers().get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default().to_owned());
    let body = Bytes::from_request(request, state)
        .await
        .map_err(|_| ApiError::new(ErrorCode::InvalidInput, "The body could not be read to its end."))?;
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let essence = content_type.as_deref().map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    if essence.as_deref().is_some_and(|essence| essence != "application/json" && !essence.ends_with("+json")) {
        let message = "The body must be JSON: send it with `Content-Type: application/json`.";
        return Err(ApiError::new(ErrorCode::UnsupportedMediaType, message));
    }
    // Every body here is an object; serde would take an array for one, field by field.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(ApiError::new(
            ErrorCode::InvalidInput,
            "The body must be a JSON object, such as {\"name\": \"My project\"}.",
        ));
    }
    serde_json::from_slice(&body)
        .map(Some)
        .map_err(|error| ApiError::new(ErrorCode::InvalidInput, format!("The body is not what is expected here: {error}.")))
}

/// How long the caller is ready to wait for the outcome: `Prefer: wait=N`, N in seconds (RFC 7240).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait(pub(crate) Option<Duration>);

impl<S: Send + Sync> FromRequestParts<S> for Wait {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let values = parts.headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        let seconds = values.flat_map(|value| value.split(',')).find_map(wait_seconds);
        Ok(Self(seconds.map(|seconds| Duration::from_secs(seconds.min(MAX_WAIT_SECONDS)))))
    }
}

/// A preference that is not understood is ignored, as RFC 7240 says.
fn wait_seconds(preference: &str) -> Option<u64> {
    let (name, value) = preference.split(';').next()?.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("wait") {
        return None;
    }
    value.trim().trim_matches('"').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_is_found_among_preferences() {
        for (text, expected) in [
            ("wait=10", Some(10)),
            ("return=minimal, wait=5", None),
            (" Wait = \"7\" ", Some(7)),
            ("wait=7; x=y", Some(7)),
            ("wait=-1", None),
            ("wait=", None),
            ("wait", None),
        ] {
            assert_eq!(wait_seconds(text), expected, "{text}");
        }
    }
}
