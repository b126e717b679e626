//! `POST /logout`

use axum::extract::Query;
use http::StatusCode;
use serde::Deserialize;

use crate::{
    caller::SignedIn,
    error::AuthError,
    flow::change::{self, Scope},
};

#[derive(Debug, Deserialize)]
pub(crate) struct Parameters {
    scope: Option<String>,
}

pub(crate) async fn post(signed_in: SignedIn, Query(parameters): Query<Parameters>) -> Result<StatusCode, AuthError> {
    let scope = match parameters.scope.as_deref().unwrap_or_default() {
        "" | "global" => Scope::Global,
        "local" => Scope::Local,
        "others" => Scope::Others,
        other => return Err(AuthError::validation(format!("Unsupported logout scope \"{other}\""))),
    };
    change::logout(&signed_in, scope).await?;
    Ok(StatusCode::NO_CONTENT)
}
