//! A page about a project's Auth.

use leptos::prelude::*;

use crate::{DashboardError, pages::MadePage};

/// The page at an address's path, as HTML; what its query asks for is in `query`.
#[server(endpoint = "load_auth_page")]
pub(crate) async fn load_auth_page(path: String, query: String) -> Result<MadePage, DashboardError> {
    use crate::session::set_status;
    use axum::http::request::Parts;
    use leptos::server_fn::ServerFn as _;
    let made = crate::pages::load_auth(&path, &query).await;
    // A page that says why it can't be shown is an answer as any other; its status is that of its document alone.
    let by_script = use_context::<Parts>().is_some_and(|parts| parts.uri.path() == LoadAuthPage::PATH);
    if by_script && made.is_ok() {
        set_status(200);
    }
    made
}
