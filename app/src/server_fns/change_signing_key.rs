//! A signing key becomes something else.

use control_plane_api::{ProjectRef, SigningKeyStatus};
use leptos::prelude::*;

use crate::DashboardError;

/// Has the key `id` be taken into use, stand by, or be revoked; or be trusted again.
#[server(endpoint = "change_signing_key")]
pub(crate) async fn change_signing_key(
    project_ref: ProjectRef,
    id: String,
    status: SigningKeyStatus,
) -> Result<(), DashboardError> {
    use super::to_signing_keys;
    use crate::session::{refuse, signed_in};
    use control_plane_api::UpdateSigningKey;
    let (caller, projects) = signed_in().await?;
    projects.update_signing_key(&caller, &project_ref, &id, UpdateSigningKey { status }).await.map_err(refuse)?;
    to_signing_keys(&project_ref, status.as_str());
    Ok(())
}
