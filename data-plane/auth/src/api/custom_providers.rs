//! `/admin/custom-providers`

use axum::{
    Json as Answer,
    extract::{Path, Query},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::json::Json;
use crate::{
    caller::Admin,
    error::AuthError,
    flow::custom_providers::{self, Document, View},
};

#[derive(Debug, Deserialize)]
pub(crate) struct Filter {
    #[serde(default, rename = "type")]
    of_type: Option<String>,
}

pub(crate) async fn list(admin: Admin, Query(filter): Query<Filter>) -> Result<Answer<Value>, AuthError> {
    let of_type = filter.of_type.as_deref().filter(|of_type| !of_type.is_empty());
    let providers = custom_providers::list(&admin.caller, of_type).await?;
    Ok(Answer(json!({ "providers": providers })))
}

pub(crate) async fn create(admin: Admin, Json(document): Json<Document>) -> Result<(StatusCode, Answer<View>), AuthError> {
    Ok((StatusCode::CREATED, Answer(custom_providers::create(&admin.caller, document).await?)))
}

pub(crate) async fn get(admin: Admin, Path(identifier): Path<String>) -> Result<Answer<View>, AuthError> {
    Ok(Answer(custom_providers::get(&admin.caller, &identifier).await?))
}

pub(crate) async fn update(
    admin: Admin,
    Path(identifier): Path<String>,
    Json(document): Json<Document>,
) -> Result<Answer<View>, AuthError> {
    Ok(Answer(custom_providers::update(&admin.caller, &identifier, document).await?))
}

pub(crate) async fn delete(admin: Admin, Path(identifier): Path<String>) -> Result<StatusCode, AuthError> {
    custom_providers::delete(&admin.caller, &identifier).await?;
    Ok(StatusCode::NO_CONTENT)
}
