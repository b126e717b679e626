//! `POST /admin/generate_link`

use axum::Json as Answer;
use serde::Deserialize;
use serde_json::Value;

use super::json::{Json, object};
use crate::{
    caller::Admin,
    error::AuthError,
    flow::{
        address,
        generate_link::{self, GeneratedLink, Kind, Wanted},
    },
};

#[derive(Deserialize)]
pub(crate) struct Body {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    new_email: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    data: Option<Value>,
    #[serde(default)]
    redirect_to: Option<String>,
}

pub(crate) async fn post(mut admin: Admin, Json(body): Json<Body>) -> Result<Answer<GeneratedLink>, AuthError> {
    admin.caller = admin.caller.redirecting_to(body.redirect_to.as_deref());
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let wanted = Wanted {
        kind: Kind::parse(body.kind.as_deref().unwrap_or_default())?,
        email: address::email(body.email.as_deref().unwrap_or_default())?,
        new_email: filled(body.new_email).map(|email| address::email(&email)).transpose()?,
        password: filled(body.password),
        data: object(body.data)?,
    };
    Ok(Answer(generate_link::generate(&admin, wanted).await?))
}
