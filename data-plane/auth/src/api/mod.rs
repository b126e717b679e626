//! The paths, one file a resource: parse, one call, answer.

mod json;
mod logout;
mod messages;
mod otp;
mod redirect;
mod service;
mod signup;
mod token;
mod user;
mod verify;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{get, post},
};

use crate::{
    context::AuthContext,
    error::{AuthError, ErrorCode, show_errors},
};

/// Longest body, in bytes.
const LONGEST_BODY: usize = 1024 * 1024;

pub(crate) fn router(context: Arc<AuthContext>) -> Router {
    Router::new()
        .route("/admin/messages", get(messages::list).delete(messages::clear))
        .route("/admin/messages/{id}", get(messages::get))
        .route("/health", get(service::health))
        .route("/settings", get(service::settings))
        .route("/.well-known/jwks.json", get(service::keys))
        .route("/signup", post(signup::post))
        .route("/token", post(token::post))
        .route("/logout", post(logout::post))
        .route("/user", get(user::get).put(user::put))
        .route("/reauthenticate", get(user::reauthenticate).post(user::reauthenticate))
        .route("/otp", post(otp::otp))
        .route("/magiclink", post(otp::magiclink))
        .route("/recover", post(otp::recover))
        .route("/resend", post(otp::resend))
        .route("/verify", get(verify::get).post(verify::post))
        .fallback(async || AuthError::not_found(ErrorCode::ValidationFailed, "404 page not found"))
        .method_not_allowed_fallback(async || {
            AuthError::new(http::StatusCode::METHOD_NOT_ALLOWED, ErrorCode::ValidationFailed, "405 method not allowed")
        })
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(middleware::from_fn(show_errors))
        .with_state(context)
}
