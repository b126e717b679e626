//! API keys, secret ones masked.

use control_plane_api::{ApiKey, ProjectRef};
use leptos::prelude::*;

use crate::DashboardError;

/// The project's API keys. Those that bypass row level security come masked; `reveal_api_key` gives one of them.
#[server(endpoint = "list_api_keys")]
pub(crate) async fn list_api_keys(project_ref: ProjectRef) -> Result<Vec<ApiKey>, DashboardError> {
    use crate::{
        secret_key::masked,
        session::{refuse, signed_in},
    };
    let (caller, projects) = signed_in().await?;
    let keys = projects.api_keys(&caller, &project_ref, false).await.map_err(refuse)?;
    Ok(keys.into_iter().map(masked).collect())
}
