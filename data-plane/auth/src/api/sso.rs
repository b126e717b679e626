//! Single sign-on by SAML 2.0: not there. No SAML library that could be trusted with signatures of XML is in use, see the README.

use std::sync::Arc;

use axum::{
    Router,
    routing::{any, get, post},
};

use crate::{
    caller::Admin,
    context::AuthContext,
    error::{AuthError, ErrorCode},
};

pub(super) fn routes() -> Router<Arc<AuthContext>> {
    Router::new()
        .route("/sso", post(disabled))
        .route("/sso/saml/metadata", get(disabled))
        .route("/sso/saml/acs", post(disabled))
        .route("/admin/sso/providers", get(disabled_for_admin).post(disabled_for_admin))
        .route("/admin/sso/providers/{id}", any(disabled_for_admin))
}

async fn disabled() -> AuthError {
    std::future::ready(AuthError::not_found(ErrorCode::SamlProviderDisabled, "SAML 2.0 is disabled")).await
}

async fn disabled_for_admin(_: Admin) -> AuthError {
    disabled().await
}
