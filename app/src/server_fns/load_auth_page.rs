//! A page about a project's Auth.

use leptos::prelude::*;

use crate::{DashboardError, pages::MadePage};

/// The page at an address's path, as HTML; what its query asks for is in `query`.
#[server(endpoint = "load_auth_page")]
pub(crate) async fn load_auth_page(path: String, query: String) -> Result<MadePage, DashboardError> {
    crate::pages::load_auth(&path, &query).await
}
