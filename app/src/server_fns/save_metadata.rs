//! A user's metadata, edited as JSON.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Has `which` (`user_metadata` or `app_metadata`) be the object in `json`. What has not been touched since `before`, what the form was
/// opened with, stays as it has become meanwhile.
#[server(endpoint = "save_metadata")]
pub(crate) async fn save_metadata(
    project_ref: ProjectRef,
    id: String,
    which: String,
    before: String,
    json: String,
) -> Result<(), DashboardError> {
    use super::{to_user, user_path};
    use crate::{
        metadata,
        session::{refuse, refused, signed_in},
    };
    use control_plane_api::ErrorCode;
    use serde_json::json;
    let (caller, projects) = signed_in().await?;
    let at_field = |error: DashboardError| metadata::with_typed(DashboardError { field: Some(which.clone()), ..error }, &json);
    let changes = metadata::changes(&before, &json)
        .map_err(|message| refused(at_field(DashboardError::new(ErrorCode::InvalidInput, message))))?;
    let body = match which.as_str() {
        "user_metadata" => json!({ "user_metadata": changes }),
        "app_metadata" => json!({ "app_metadata": changes }),
        _ => return Err(refused(DashboardError::new(ErrorCode::InvalidInput, "There is no such field. Reload the page."))),
    };
    let saved = projects.ask_auth(&caller, &project_ref, "PUT", &user_path(&id), Some(body)).await;
    saved.map_err(|error| at_field(refuse(error)))?;
    to_user(&project_ref, &id, &which);
    Ok(())
}
