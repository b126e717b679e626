//! Who is calling, and how a refusal reaches the response. Server only.

use std::sync::Arc;

use axum::{
    Extension,
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
};
use control_plane::{Caller, ProjectService};
use leptos::prelude::{expect_context, use_context};
use leptos_axum::ResponseOptions;

use crate::DashboardError;

/// The signed-in caller and the service, for one server function.
pub(crate) async fn signed_in() -> Result<(Caller, Arc<ProjectService>), DashboardError> {
    match leptos_axum::extract::<Extension<Caller>>().await {
        Ok(Extension(caller)) => Ok((caller, expect_context())),
        Err(_) => Err(refused(DashboardError::signed_out())),
    }
}

/// True if the caller presented the admin token, so that signing out means something.
pub(crate) fn signed_in_by_token() -> bool {
    use_context::<Parts>().is_some_and(|parts| parts.extensions.get::<Caller>().is_some_and(|caller| *caller != Caller::local()))
}

/// Turns the control plane's error into ours and gives the response its status.
pub(crate) fn refuse(error: control_plane::Error) -> DashboardError {
    refused(error.into())
}

/// Gives the response the error's status, except to a posted form, which is redirected back to where it stood.
pub(crate) fn refused(error: DashboardError) -> DashboardError {
    if !posted_form() {
        set_status(error.code.http_status());
    }
    error
}

/// Sets the status of the page or answer being made.
pub(crate) fn set_status(status: u16) {
    if let (Some(response), Ok(status)) = (use_context::<ResponseOptions>(), StatusCode::from_u16(status)) {
        response.set_status(status);
    }
}

/// Keeps a response that carries a secret out of every cache.
pub(crate) fn no_store() {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.insert_header(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    }
}

/// True for a page or a form without scripts, false for what scripts and programs ask.
#[must_use]
pub fn accepts_html(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("text/html"))
}

fn posted_form() -> bool {
    use_context::<Parts>().is_some_and(|parts| parts.method == Method::POST && accepts_html(&parts.headers))
}
