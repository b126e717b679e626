//! What a user of a project signs in by.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Gives the user another `email`, `phone` or `password`, by what `change` says; or, by `confirm_email` and `confirm_phone`, has what
/// the user has count as confirmed.
#[server(endpoint = "change_user")]
pub(crate) async fn change_user(
    project_ref: ProjectRef,
    id: String,
    change: String,
    #[server(default)] value: String,
) -> Result<(), DashboardError> {
    use super::{to_user, user_path};
    use crate::session::{refuse, refused, signed_in};
    use control_plane_api::ErrorCode;
    use serde_json::json;
    let (caller, projects) = signed_in().await?;
    let text = value.trim();
    let body = match change.as_str() {
        "email" => json!({ "email": text, "email_confirm": true }),
        "phone" => json!({ "phone": text, "phone_confirm": true }),
        "password" => json!({ "password": value }),
        "confirm_email" => json!({ "email_confirm": true }),
        "confirm_phone" => json!({ "phone_confirm": true }),
        _ => return Err(refused(DashboardError::new(ErrorCode::InvalidInput, "There is no such change. Reload the page."))),
    };
    let at_field = |error: DashboardError| DashboardError { field: Some(change.clone()), ..error };
    if value.is_empty() && !change.starts_with("confirm") {
        return Err(at_field(refused(DashboardError::new(ErrorCode::InvalidInput, "Fill this in."))));
    }
    let changed = projects.ask_auth(&caller, &project_ref, "PUT", &user_path(&id), Some(body)).await;
    changed.map_err(|error| {
        let error = at_field(refuse(error));
        if change == "password" { error } else { error.with_typed(&value) }
    })?;
    to_user(&project_ref, &id, &change);
    Ok(())
}
