//! The paths, one file a resource: parse, one call, answer.

mod admin_users;
mod audit;
mod authorize;
mod callback;
mod custom_providers;
mod directory;
mod factors;
mod generate_link;
mod guards;
mod hooks;
mod identities;
mod invite;
mod json;
mod logout;
mod messages;
mod oauth_server;
mod otp;
mod page;
mod passkeys;
mod redirect;
mod service;
mod signup;
mod sso;
mod token;
mod user;
mod verify;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{delete, get, patch, post, put},
};

use crate::{
    context::AuthContext,
    error::{AuthError, ErrorCode, show_errors},
};

/// Longest body, in bytes.
const LONGEST_BODY: usize = 1024 * 1024;

pub(crate) fn router(context: Arc<AuthContext>) -> Router {
    Router::new()
        .route("/admin/audit", get(audit::list))
        .route("/admin/generate_link", post(generate_link::post))
        .route("/admin/users", get(admin_users::list).post(admin_users::create))
        .route("/admin/users/{user_id}", get(admin_users::get).put(admin_users::update).delete(admin_users::delete))
        .route("/admin/users/{user_id}/factors", get(admin_users::factors))
        .route("/admin/users/{user_id}/factors/{factor_id}", put(admin_users::update_factor).delete(admin_users::delete_factor))
        .route("/invite", post(invite::post))
        .route("/admin/messages", get(messages::list).delete(messages::clear))
        .route("/admin/messages/preview", post(messages::preview))
        .route("/admin/messages/test", post(messages::test))
        .route("/admin/messages/{id}", get(messages::get))
        .route("/admin/hooks/functions", get(hooks::functions))
        .route("/_admin/users", get(directory::users))
        .route("/_admin/users/{user_id}", get(directory::user))
        .route("/_admin/users/{user_id}/sessions", delete(directory::end_sessions))
        .route("/_admin/users/{user_id}/sessions/{session_id}", delete(directory::end_session))
        .route("/_admin/users/{user_id}/identities/{identity_id}", delete(directory::unlink))
        .route("/_admin/audit", get(directory::audit))
        .route("/health", get(service::health))
        .route("/settings", get(service::settings))
        .route("/.well-known/jwks.json", get(service::keys))
        .route("/factors", post(factors::enroll))
        .route("/factors/{id}", delete(factors::unenroll))
        .route("/factors/{id}/challenge", post(factors::challenge))
        .route("/factors/{id}/verify", post(factors::verify))
        .route("/passkeys", get(passkeys::list))
        .route("/passkeys/{id}", patch(passkeys::rename).delete(passkeys::delete))
        .route("/passkeys/registration/options", post(passkeys::registration_options))
        .route("/passkeys/registration/verify", post(passkeys::registration_verify))
        .route("/passkeys/authentication/options", post(passkeys::authentication_options))
        .route("/passkeys/authentication/verify", post(passkeys::authentication_verify))
        .route("/admin/users/{id}/passkeys", get(passkeys::admin_list))
        .route("/admin/users/{id}/passkeys/{passkey}", delete(passkeys::admin_delete))
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
        .merge(oauth_server::routes(&context))
        .merge(sso::routes())
        .route("/authorize", get(authorize::get))
        .route("/callback", get(callback::callback).post(callback::callback))
        .route("/user/identities/authorize", get(identities::authorize))
        .route("/user/identities/{id}", delete(identities::unlink))
        .route("/admin/custom-providers", get(custom_providers::list).post(custom_providers::create))
        .route(
            "/admin/custom-providers/{identifier}",
            get(custom_providers::get).put(custom_providers::update).delete(custom_providers::delete),
        )
        .fallback(async || AuthError::not_found(ErrorCode::ValidationFailed, "404 page not found"))
        .method_not_allowed_fallback(async || {
            AuthError::new(http::StatusCode::METHOD_NOT_ALLOWED, ErrorCode::ValidationFailed, "405 method not allowed")
        })
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(middleware::from_fn_with_state(Arc::clone(&context), guards::captcha))
        .layer(middleware::from_fn_with_state(Arc::clone(&context), guards::tidying))
        .layer(middleware::from_fn_with_state(Arc::clone(&context), guards::bounded))
        .layer(middleware::from_fn(show_errors))
        .layer(middleware::from_fn_with_state(Arc::clone(&context), guards::cors))
        .with_state(context)
}
