//! The project list.

use leptos::prelude::*;

use crate::{DashboardError, project_row::ProjectRow};

/// Every project the caller may see, without secrets and without usage history.
#[server(endpoint = "list_projects")]
pub(crate) async fn list_projects() -> Result<Vec<ProjectRow>, DashboardError> {
    use crate::session::{refuse, signed_in};
    let (caller, projects) = signed_in().await?;
    let overviews = projects.list_overviews(&caller).await.map_err(refuse)?;
    Ok(overviews.into_iter().map(ProjectRow::from).collect())
}
