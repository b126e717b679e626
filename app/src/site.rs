//! Where this dashboard is as the visitor's browser sees it, and whether it asked for a token. Commands to copy are written
//! against it.

/// Scheme, host and port, such as `http://localhost:8000`.
pub(crate) fn origin() -> String {
    #[cfg(feature = "ssr")]
    let origin = from_request();
    #[cfg(not(feature = "ssr"))]
    let origin = crate::browser::origin();
    origin
}

/// True if the visitor has signed in with the admin token; false where none is asked for. The server knows; it writes its
/// answer into the document for the browser, where it is the same until the next load.
pub(crate) fn signed_in() -> bool {
    #[cfg(feature = "ssr")]
    let signed_in = crate::session::signed_in_by_token();
    #[cfg(not(feature = "ssr"))]
    let signed_in = crate::browser::root_attribute("data-signed-in").is_some();
    signed_in
}

#[cfg(feature = "ssr")]
fn from_request() -> String {
    let parts = leptos::prelude::use_context::<axum::http::request::Parts>();
    parts.and_then(|parts| parts.extensions.get::<VisitedOrigin>().cloned()).map_or_else(String::new, |origin| origin.0)
}

/// [`origin`], as the server has settled it, whatever proxies are in between. In each request's extensions.
#[cfg(feature = "ssr")]
#[derive(Debug, Clone)]
pub struct VisitedOrigin(pub String);
