//! One secret in full.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// The secret with the word `which` (see `Secret::word`): the password of the database role `postgres`, the JWT secret, or
/// the API key with that id.
#[server(endpoint = "reveal_secret")]
pub(crate) async fn reveal_secret(project_ref: ProjectRef, which: String) -> Result<String, DashboardError> {
    use crate::{
        secret::{JWT_SECRET, PASSWORD},
        session::{no_store, refuse, refused, signed_in},
    };
    use control_plane_api::ErrorCode;
    use secrecy::ExposeSecret;
    let (caller, projects) = signed_in().await?;
    no_store();
    let secret = match which.as_str() {
        PASSWORD => projects.database_password(&caller, &project_ref).await.map_err(refuse)?,
        JWT_SECRET => projects.jwt_secret(&caller, &project_ref).await.map_err(refuse)?,
        id => {
            let keys = projects.api_keys(&caller, &project_ref, true).await.map_err(refuse)?;
            let found = keys.into_iter().find(|key| key.id == id);
            let unknown = || refused(DashboardError::new(ErrorCode::NotFound, "This project has no such key. Reload the page."));
            return found.map(|key| key.api_key).ok_or_else(unknown);
        }
    };
    Ok(secret.expose_secret().to_owned())
}
