//! A user of a project is deleted, after the address was typed.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Deletes the user if `confirmation` is what the page calls the user. `keep_row`: the row stays for what refers to it, without anything
/// that tells whose it was.
#[server(endpoint = "delete_user")]
pub(crate) async fn delete_user(
    project_ref: ProjectRef,
    id: String,
    confirmation: String,
    #[server(default)] keep_row: bool,
) -> Result<(), DashboardError> {
    use super::{to_user, user_path};
    use crate::{
        pages::to_type,
        session::{refuse, refused, signed_in},
    };
    use control_plane_api::ErrorCode;
    use serde_json::json;
    let (caller, projects) = signed_in().await?;
    let user = projects.ask_auth(&caller, &project_ref, "GET", &user_path(&id), None).await.map_err(refuse)?;
    let wanted = to_type(&user);
    if confirmation.trim() != wanted {
        let error = DashboardError::new(ErrorCode::InvalidInput, format!("Type “{wanted}” to delete this user."));
        return Err(refused(DashboardError { field: Some("confirmation".to_owned()), ..error }));
    }
    let body = json!({ "should_soft_delete": keep_row });
    projects.ask_auth(&caller, &project_ref, "DELETE", &user_path(&id), Some(body)).await.map_err(refuse)?;
    if keep_row {
        to_user(&project_ref, &id, "deleted");
    } else {
        leptos_axum::redirect(&format!("/project/{project_ref}/auth/users?done=deleted"));
    }
    Ok(())
}
