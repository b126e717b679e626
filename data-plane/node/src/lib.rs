//! One project's services as one router: what is there is mounted, what is not there yet says so. The router expects
//! requests that the gateway has let through: with a verified API key and the `Authorization` that it stands for.
//!
//! The server mounts the router in its own process; the program of the same name serves it from a container ([`run`]).

mod auth;
mod listening;
mod program;
mod secrets;
mod settings;
mod told;

use std::sync::Arc;

use ::auth::{AuthContext, ContextError};
use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode, Uri, header::AUTHORIZATION},
};
use project_context::{KeysError, ProjectContext, VerificationKeys};
use secrecy::ExposeSecret as _;
use serde_json::json;

pub use crate::auth::{FetchError, ServicesError, fetch_json, shared};
pub use ::auth::Shared;
pub use program::{RunError, health, run};
pub use secrets::{Secrets, SecretsError};
pub use settings::{Settings, SettingsError};
pub use told::{Seal, Told, Unreadable};

/// Where REST is mounted.
const REST: &str = "/rest/v1";

/// Where the services are mounted that this version does not have yet.
const MISSING: [(&str, &str); 4] =
    [("/storage/v1", "Storage"), ("/realtime/v1", "Realtime"), ("/functions/v1", "Edge Functions"), ("/graphql/v1", "GraphQL")];

/// Name of the service that a path belongs to and that this version does not have; nothing for any other path.
#[must_use]
pub fn missing_service(path: &str) -> Option<&'static str> {
    MISSING.into_iter().find(|(prefix, _)| is_below(path, prefix)).map(|(_, name)| name)
}

/// Whether a path is for everybody, with an API key or without: a service's own doors for mails' links and providers, and
/// what only says that there is nothing.
#[must_use]
pub fn is_open(path: &str) -> bool {
    missing_service(path).is_some() || auth::is_open(path)
}

/// Every service of a project, and what of them changes while they run.
#[derive(Debug, Clone)]
pub struct Services {
    /// All of them. Its own paths begin after where it is mounted.
    pub router: Router,
    auth: Arc<AuthContext>,
    context: Arc<ProjectContext>,
}

/// Why services can't go by what they were told.
#[derive(Debug, thiserror::Error)]
pub enum ConfigureError {
    /// A key verifies nothing.
    #[error("a signing key can't be used")]
    Keys(#[from] KeysError),
    /// Auth can't have its settings.
    #[error("Auth can't have its settings")]
    Auth(#[from] ContextError),
}

impl Services {
    /// Makes them, by the settings of a project that was told nothing. Does no IO; connections are opened by requests.
    ///
    /// # Errors
    /// [`ServicesError`]
    pub fn new(context: &Arc<ProjectContext>, shared: &Shared) -> Result<Self, ServicesError> {
        let context = Arc::clone(context);
        let verify = {
            let context = Arc::clone(&context);
            move |token: &str| context.verify(token).is_ok()
        };
        let auth = auth::context(&context, shared)?;
        let auth_router = auth::router(&context, Arc::clone(&auth));
        Ok(Self { router: mount(rest::router(Arc::clone(&context)), auth_router, verify), auth, context })
    }

    /// Has them go by this for the requests that begin from now on. A token of a key that is not trusted any more is refused at
    /// once.
    ///
    /// # Errors
    /// [`ConfigureError`]; then what was in force stays.
    pub fn configure(&self, told: &Told) -> Result<(), ConfigureError> {
        let (secret, keys) = (self.context.jwt_secret().expose_secret().as_bytes(), &told.keys);
        let jwks = keys.listed.iter().map(|key| key.jwk.expose_secret());
        let mut verification = VerificationKeys::of_project(keys.secret_verifies.then_some(secret), jwks)?;
        for third_party in &keys.third_party {
            verification = verification.with_third_party(third_party.issuer.as_deref(), &third_party.keys);
        }
        let mut settings = auth::settings(&self.context, told);
        if let Err(error) = self.auth.set(settings.clone()) {
            let project_ref = self.context.project_ref();
            tracing::error!(project.ref = %project_ref, error = &error as &dyn std::error::Error, "Auth can't have its settings");
            // Better without its mail server than by the defaults, which let anybody sign up.
            settings.smtp.host = None;
            self.auth.set(settings)?;
        }
        self.context.verifier().set_keys(verification);
        Ok(())
    }
}

fn mount(rest: Router, auth: Router, verify: impl Fn(&str) -> bool + Clone + Send + Sync + 'static) -> Router {
    // Not `nest`, which knows `/rest/v1` but not `/rest/v1/`, which is what clients ask for.
    Router::new().nest_service(REST, rest).nest_service(auth::PREFIX, auth).fallback(move |uri: Uri, headers: HeaderMap| {
        let answer = elsewhere(&uri, bearer(&headers).is_none_or(verify));
        std::future::ready(answer)
    })
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// `is_ours`: the request brings no token, or one of this project's. A token of another's is refused by every path.
fn elsewhere(uri: &Uri, is_ours: bool) -> (StatusCode, Json<serde_json::Value>) {
    let (status, message) = match missing_service(uri.path()) {
        _ if !is_ours => (StatusCode::UNAUTHORIZED, "The token is not one of this project's, or its time is over.".to_owned()),
        Some(name) => (StatusCode::NOT_IMPLEMENTED, format!("This version of supacloud does not have {name} yet.")),
        None => (StatusCode::NOT_FOUND, "There is no service at this path. REST is at /rest/v1/, Auth at /auth/v1/.".to_owned()),
    };
    (status, Json(json!({ "message": message })))
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use axum::{
        body::{Body, to_bytes},
        http::Request,
    };
    use tower::ServiceExt as _;

    use super::*;

    #[test]
    fn paths_belong_to_services_by_whole_segments() {
        assert_eq!(missing_service("/functions/v1/hello"), Some("Edge Functions"));
        assert_eq!(missing_service("/storage/v1"), Some("Storage"));
        assert_eq!(missing_service("/storage/v10"), None);
        assert_eq!(missing_service("/auth/v1/health"), None);
        assert_eq!(missing_service("/rest/v1/t"), None);
    }

    #[tokio::test]
    async fn requests_reach_their_service_without_its_prefix() {
        let auth = Router::new().fallback(|uri: Uri| async move { format!("auth {uri}") });
        let echo = Router::new().fallback(|uri: Uri| async move { uri.to_string() });
        for (whole, status, rest) in [
            ("/rest/v1", 200, "/"),
            ("/rest/v1/", 200, "/"),
            ("/rest/v1/t?a=eq.1", 200, "/t?a=eq.1"),
            ("/rest/v1?a=1", 200, "/?a=1"),
            ("/rest/v1/t/%2F", 200, "/t/%2F"),
            ("/rest/v10", 404, r#"{"message":"There is no service at this path. REST is at /rest/v1/, Auth at /auth/v1/."}"#),
            ("/rest", 404, r#"{"message":"There is no service at this path. REST is at /rest/v1/, Auth at /auth/v1/."}"#),
            ("/auth/v1/health?a=1", 200, "auth /health?a=1"),
            ("/auth/v1/admin/users", 200, "auth /admin/users"),
            ("/storage/v1/version", 501, r#"{"message":"This version of supacloud does not have Storage yet."}"#),
        ] {
            let request = Request::builder().uri(whole).body(Body::empty()).unwrap();
            let response = mount(echo.clone(), auth.clone(), |_| false).oneshot(request).await.unwrap();
            assert_eq!(response.status(), status, "{whole}");
            assert_eq!(to_bytes(response.into_body(), 1000).await.unwrap(), rest, "{whole}");
        }
    }

    #[tokio::test]
    async fn a_foreign_token_is_refused_where_there_is_no_service_too() {
        for (token, status) in [("ours", 501), ("another's", 401)] {
            let router = mount(Router::new(), Router::new(), |token| token == "ours");
            let request = Request::builder().uri("/storage/v1/object").header("authorization", format!("Bearer {token}"));
            let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(response.status(), status, "{token}");
        }
    }
}
