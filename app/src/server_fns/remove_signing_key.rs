//! A revoked signing key goes for good.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// Removes the key `id`.
#[server(endpoint = "remove_signing_key")]
pub(crate) async fn remove_signing_key(project_ref: ProjectRef, id: String) -> Result<(), DashboardError> {
    use super::to_signing_keys;
    use crate::session::{refuse, signed_in};
    let (caller, projects) = signed_in().await?;
    projects.remove_signing_key(&caller, &project_ref, &id).await.map_err(refuse)?;
    to_signing_keys(&project_ref, "removed");
    Ok(())
}
