//! One project's services as one router: what is there is mounted, what is not there yet says so. The router expects
//! requests that the gateway has let through: with a verified API key and the `Authorization` that it stands for.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::Request,
    http::{StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use project_context::ProjectContext;
use serde_json::json;
use tower::ServiceExt as _;

/// Where REST is mounted.
const REST: &str = "/rest/v1";

/// Where the services are mounted that this version does not have yet.
const MISSING: [(&str, &str); 5] = [
    ("/auth/v1", "Auth"),
    ("/storage/v1", "Storage"),
    ("/realtime/v1", "Realtime"),
    ("/functions/v1", "Edge Functions"),
    ("/graphql/v1", "GraphQL"),
];

/// Name of the service that a path belongs to and that this version does not have; nothing for any other path.
#[must_use]
pub fn missing_service(path: &str) -> Option<&'static str> {
    MISSING.into_iter().find(|(prefix, _)| is_below(path, prefix)).map(|(_, name)| name)
}

/// Every service of the project.
pub fn router(context: Arc<ProjectContext>) -> Router {
    let rest = rest::router(context);
    Router::new().fallback(move |request| dispatch(rest.clone(), request))
}

/// Sends a request to its service, whose own paths begin after the prefix. Axum's `nest` would not do: it knows
/// `/rest/v1`, but not `/rest/v1/`, which is what clients ask for.
async fn dispatch(rest: Router, mut request: Request) -> Response {
    let path = request.uri().path();
    if let Some(name) = missing_service(path) {
        let message = format!("{name} is not part of this version of supacloud yet.");
        return (StatusCode::NOT_IMPLEMENTED, Json(json!({ "message": message }))).into_response();
    }
    if !is_below(path, REST) || !strip(request.uri_mut(), REST) {
        let message = "There is no service at this path. REST is at /rest/v1/.";
        return (StatusCode::NOT_FOUND, Json(json!({ "message": message }))).into_response();
    }
    match rest.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Cuts the prefix off the path. False if what is left is no path.
fn strip(uri: &mut Uri, prefix: &str) -> bool {
    let Some(rest) = uri.path_and_query().and_then(|whole| whole.as_str().strip_prefix(prefix)) else { return false };
    let rest = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
    let mut parts = uri.clone().into_parts();
    let Ok(path_and_query) = rest.parse() else { return false };
    parts.path_and_query = Some(path_and_query);
    Uri::from_parts(parts).map(|stripped| *uri = stripped).is_ok()
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_belong_to_services_by_whole_segments() {
        assert_eq!(missing_service("/auth/v1/health"), Some("Auth"));
        assert_eq!(missing_service("/storage/v1"), Some("Storage"));
        assert_eq!(missing_service("/auth/v10"), None);
        assert_eq!(missing_service("/rest/v1/t"), None);
    }

    #[test]
    fn prefixes_are_cut_and_the_query_stays() {
        for (whole, rest) in
            [("/rest/v1", "/"), ("/rest/v1/", "/"), ("/rest/v1/t?a=eq.1", "/t?a=eq.1"), ("/rest/v1?a=1", "/?a=1")]
        {
            let mut uri: Uri = whole.parse().unwrap();
            assert!(strip(&mut uri, REST));
            assert_eq!(uri.to_string(), rest, "{whole}");
        }
    }
}
