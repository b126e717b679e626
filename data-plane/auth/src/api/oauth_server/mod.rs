//! The project as an OAuth 2.1 server. Where that is not enabled, none of its paths is there, but for discovery of the keys.

mod authorize;
mod clients;
mod discovery;
mod grants;
mod token;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};

use super::redirect;
use crate::{
    context::AuthContext,
    error::{AuthError, ErrorCode},
    flow::oauth_server::Redirect,
};

pub(super) fn routes(context: &Arc<AuthContext>) -> Router<Arc<AuthContext>> {
    Router::new()
        .route("/.well-known/oauth-authorization-server", get(discovery::server))
        .route("/oauth/authorize", get(authorize::get))
        .route("/oauth/authorizations/{id}", get(authorize::details))
        .route("/oauth/authorizations/{id}/consent", post(authorize::consent))
        .route("/oauth/token", post(token::post))
        .route("/oauth/userinfo", get(grants::userinfo).post(grants::userinfo))
        .route("/oauth/clients/register", post(clients::register))
        .route("/user/oauth/grants", get(grants::list).delete(grants::revoke))
        .route("/admin/oauth/clients", get(clients::list).post(clients::create))
        .route("/admin/oauth/clients/{id}", get(clients::find).put(clients::update).delete(clients::delete))
        .route("/admin/oauth/clients/{id}/regenerate_secret", post(clients::regenerate_secret))
        .route_layer(middleware::from_fn_with_state(Arc::clone(context), enabled))
        .route("/.well-known/openid-configuration", get(discovery::openid))
}

async fn enabled(State(context): State<Arc<AuthContext>>, request: Request, next: Next) -> Response {
    if context.live().settings.oauth_server.enabled {
        return next.run(request).await;
    }
    AuthError::not_found(ErrorCode::FeatureDisabled, "OAuth server is disabled").into_response()
}

fn url(redirect: &Redirect) -> String {
    redirect::with_members(&redirect.to, &redirect.members)
}
