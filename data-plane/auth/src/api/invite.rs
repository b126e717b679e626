//! `POST /invite`

use axum::Json as Answer;
use serde::Deserialize;
use serde_json::Value;

use super::json::{Json, object};
use crate::{
    caller::Admin,
    error::AuthError,
    flow::{UserRecord, address, invite},
};

#[derive(Debug, Deserialize)]
pub(crate) struct Body {
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    data: Option<Value>,
}

pub(crate) async fn post(admin: Admin, Json(body): Json<Body>) -> Result<Answer<UserRecord>, AuthError> {
    let email = address::email(body.email.as_deref().unwrap_or_default())?;
    Ok(Answer(invite::invite(&admin, &email, object(body.data)?).await?))
}
