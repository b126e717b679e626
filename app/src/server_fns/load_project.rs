//! One project with everything its page shows.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use crate::{DashboardError, project_detail::ProjectDetail};

/// How long a page waits for the database to say that it is well.
#[cfg(feature = "ssr")]
const HEALTH_WAIT: std::time::Duration = std::time::Duration::from_secs(1);

/// A project, its last events (newest first), health and keys. Keys that bypass row level security come masked.
#[server(endpoint = "load_project")]
pub(crate) async fn load_project(project_ref: ProjectRef) -> Result<ProjectDetail, DashboardError> {
    use crate::{
        key_line::lines,
        session::{refuse, signed_in},
    };
    use control_plane_api::ServiceName;
    let (caller, projects) = signed_in().await?;
    let overview = projects.overview(&caller, &project_ref).await.map_err(refuse)?;
    let events = projects.recent_events(&caller, &project_ref, 60).await.map_err(refuse)?;
    let health = projects.health(&caller, &project_ref, &ServiceName::ALL, HEALTH_WAIT).await.map_err(refuse)?;
    let keys = projects.api_keys(&caller, &project_ref, false).await.map_err(refuse)?;
    Ok(ProjectDetail { events, health, keys: lines(keys), ..overview.into() })
}
