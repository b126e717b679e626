//! `/user` and `/reauthenticate`

use axum::Json as Answer;
use serde::Deserialize;
use serde_json::{Value, json};

use super::json::{Json, object};
use crate::{
    caller::{Bearer, SignedIn},
    error::{AuthError, ErrorCode},
    flow::{
        UserRecord, address,
        change::{self, Changes},
        otp,
        phone::Channel,
        pkce::Pkce,
    },
};

pub(crate) async fn get(bearer: Bearer) -> Result<Answer<UserRecord>, AuthError> {
    let db = bearer.caller.db().await?;
    let (user, session, (identities, factors)) =
        futures::try_join!(bearer.user(&db), bearer.session(&db), UserRecord::beside(&db, bearer.user_id))?;
    let SignedIn { user, .. } = bearer.signed_in(user, session)?;
    Ok(Answer(UserRecord { user, identities, factors }))
}

#[derive(Deserialize)]
pub(crate) struct Body {
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    phone: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    current_password: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    data: Option<Value>,
    #[serde(default)]
    app_metadata: Option<Value>,
    #[serde(default)]
    channel: Option<String>,
    #[serde(flatten)]
    pkce: Pkce,
}

pub(crate) async fn put(signed_in: SignedIn, Json(body): Json<Body>) -> Result<Answer<UserRecord>, AuthError> {
    let is_admin = signed_in.caller.live.settings.jwt.admin_roles.contains(&signed_in.claims.role);
    if body.app_metadata.is_some() && !is_admin {
        return Err(AuthError::forbidden(ErrorCode::NotAdmin, "Updating app_metadata requires admin privileges"));
    }
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let changes = Changes {
        email: filled(body.email).map(|email| address::email(&email)).transpose()?,
        phone: filled(body.phone).map(|phone| address::phone(&phone)).transpose()?,
        // An empty one is not none, but too weak.
        password: body.password,
        current_password: filled(body.current_password),
        nonce: filled(body.nonce),
        data: body.data.map(|data| object(Some(data))).transpose()?,
        app_metadata: body.app_metadata.map(|data| object(Some(data))).transpose()?,
        channel: Some(Channel::parse(body.channel.as_deref())?),
        challenge: body.pkce.challenge()?,
    };
    Ok(Answer(change::change(&signed_in, changes).await?))
}

pub(crate) async fn reauthenticate(signed_in: SignedIn) -> Result<Answer<Value>, AuthError> {
    let message_id = otp::reauthenticate(&signed_in.caller, &signed_in.user).await?;
    Ok(Answer(message_id.map_or_else(|| json!({}), |id| json!({ "message_id": id }))))
}
