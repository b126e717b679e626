//! A second factor or a passkey of a user of a project goes.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Removes the factor, or the passkey, with that id.
#[server(endpoint = "remove_factor")]
pub(crate) async fn remove_factor(
    project_ref: ProjectRef,
    id: String,
    factor: String,
    #[server(default)] is_passkey: bool,
) -> Result<(), DashboardError> {
    use super::{to_user, user_path};
    use crate::{
        session::{refuse, signed_in},
        snippets::percent_encode,
    };
    let (caller, projects) = signed_in().await?;
    let kind = if is_passkey { "passkeys" } else { "factors" };
    let path = format!("{}/{kind}/{}", user_path(&id), percent_encode(&factor));
    projects.ask_auth(&caller, &project_ref, "DELETE", &path, None).await.map_err(refuse)?;
    to_user(&project_ref, &id, "factor");
    Ok(())
}
