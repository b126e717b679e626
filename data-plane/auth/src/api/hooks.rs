//! `/admin/hooks`, which is ours: what can be a hook.

use axum::Json;
use serde_json::{Value, json};

use crate::{caller::Admin, error::AuthError, store::hooks};

/// The functions of the database that take and answer an event.
pub(crate) async fn functions(admin: Admin) -> Result<Json<Value>, AuthError> {
    let db = admin.caller.db().await?;
    Ok(Json(json!({ "functions": hooks::functions(&db).await? })))
}
