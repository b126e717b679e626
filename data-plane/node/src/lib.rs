//! One project's services as one router: what is there is mounted, what is not there yet says so. The router expects
//! requests that the gateway has let through: with a verified API key and the `Authorization` that it stands for.

use std::sync::Arc;

use axum::{
    Json, Router,
    http::{StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use project_context::ProjectContext;
use serde_json::json;

/// Where each service of a project is mounted, and whether this version has it.
const SERVICES: [(&str, &str); 5] = [
    ("/auth/v1", "Auth"),
    ("/storage/v1", "Storage"),
    ("/realtime/v1", "Realtime"),
    ("/functions/v1", "Edge Functions"),
    ("/graphql/v1", "GraphQL"),
];

/// Name of the service that a path belongs to and that this version does not have; nothing for any other path.
#[must_use]
pub fn missing_service(path: &str) -> Option<&'static str> {
    SERVICES.into_iter().find(|(prefix, _)| is_below(path, prefix)).map(|(_, name)| name)
}

/// Every service of the project.
pub fn router(context: Arc<ProjectContext>) -> Router {
    Router::new().nest("/rest/v1", rest::router(context)).fallback(elsewhere)
}

async fn elsewhere(uri: Uri) -> Response {
    match missing_service(uri.path()) {
        Some(name) => {
            let message = format!("{name} is not part of this version of supacloud yet.");
            (StatusCode::NOT_IMPLEMENTED, Json(json!({ "message": message }))).into_response()
        }
        None => {
            let message = "There is no service at this path. REST is at /rest/v1/.";
            (StatusCode::NOT_FOUND, Json(json!({ "message": message }))).into_response()
        }
    }
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
}
