//! The database password in full.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::DashboardError;

/// The password of the database role `postgres`.
#[server(endpoint = "reveal_password")]
pub(crate) async fn reveal_password(project_ref: ProjectRef) -> Result<String, DashboardError> {
    use crate::session::{no_store, refuse, signed_in};
    use secrecy::ExposeSecret;
    let (caller, projects) = signed_in().await?;
    no_store();
    let password = projects.database_password(&caller, &project_ref).await.map_err(refuse)?;
    Ok(password.expose_secret().to_owned())
}
