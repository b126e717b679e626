//! One API key in full.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// The key with the id `key_id`, unmasked.
#[server(endpoint = "reveal_api_key")]
pub(crate) async fn reveal_api_key(project_ref: ProjectRef, key_id: String) -> Result<String, DashboardError> {
    use crate::session::{no_store, refuse, refused, signed_in};
    use control_plane_api::ErrorCode;
    let (caller, projects) = signed_in().await?;
    no_store();
    let keys = projects.api_keys(&caller, &project_ref, true).await.map_err(refuse)?;
    let found = keys.into_iter().find(|key| key.id == key_id);
    found.map(|key| key.api_key).ok_or_else(|| refused(DashboardError::new(ErrorCode::NotFound, "This project has no such key.")))
}
