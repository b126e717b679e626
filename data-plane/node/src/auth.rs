//! Auth as one of the project's services: its settings, its schema, and what of it anybody may ask.

use std::sync::Arc;

use auth::{
    AuthContext, ContextError, Shared,
    outgoing::http::{HttpClient, HttpError, Options, Request as Call},
    password::{self, Hasher},
    settings::{Settings, document::ProjectFacts},
};
use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderName, StatusCode, header::RETRY_AFTER},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use ipnet::IpNet;
use project_context::ProjectContext;
use serde_json::json;
use tokio::sync::OnceCell;

use crate::Told;

/// Where Auth is mounted.
pub(crate) const PREFIX: &str = "/auth/v1";

/// Paths that browsers, mail programs and other services come to from elsewhere, without an API key.
const OPEN: [&str; 9] = [
    "/verify",
    "/callback",
    "/authorize",
    "/sso/saml/acs",
    "/sso/saml/metadata",
    "/oauth/authorize",
    "/oauth/token",
    "/oauth/userinfo",
    "/oauth/clients/register",
];

/// Below this, what is there for everybody to know.
const WELL_KNOWN: &str = "/.well-known/";

const ERROR_CODE: HeaderName = HeaderName::from_static("x-sb-error-code");

/// Calls to hooks, providers and mail servers that one project has open at once. Its slow ones hold up no other's.
const CALLS: usize = 16;

/// Longest document that is fetched for the control plane, in bytes.
const LONGEST_DOCUMENT: usize = 256 * 1024;

/// Why the services can't be made.
#[derive(Debug, thiserror::Error)]
pub enum ServicesError {
    /// The threads that hash passwords.
    #[error("the threads that hash passwords can't be started")]
    Hasher(#[source] password::Error),
    /// The client for everything outside.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Settings that don't go together.
    #[error(transparent)]
    Auth(#[from] ContextError),
}

/// What the projects of a process share: the threads that hash, and the client that reaches the internet and, of other
/// networks, these.
///
/// # Errors
/// [`ServicesError`]
pub fn shared(allowed_networks: Vec<IpNet>) -> Result<Shared, ServicesError> {
    let hasher = Hasher::new(password::Limits::default()).map_err(ServicesError::Hasher)?;
    Ok(Shared { hasher, http: HttpClient::new(Options { allowed_networks, ..Options::default() })? })
}

/// Why a document was not had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Not reached, or no JSON.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Another status than 200.
    #[error("the answer has the status {0}")]
    Status(u16),
}

/// The JSON at an address that a project's settings name: over https, or from one of the networks that are allowed.
///
/// # Errors
/// [`FetchError`]
pub async fn fetch_json(shared: &Shared, url: &str) -> Result<serde_json::Value, FetchError> {
    let answer = shared.http.send(Call::get(url).accept_json().answer_bytes(LONGEST_DOCUMENT)).await?;
    if answer.status != StatusCode::OK {
        return Err(FetchError::Status(answer.status.as_u16()));
    }
    Ok(answer.json()?)
}

/// The settings of a project that was told this. The only place where a project's are made.
pub(crate) fn settings(project: &ProjectContext, told: &Told) -> Settings {
    let facts = ProjectFacts {
        external_url: format!("{}{PREFIX}", project.api_url()),
        jwt_secret: project.jwt_secret().clone(),
        keys: told.keys.clone(),
        saml_private_key: None,
    };
    let mut settings = told.auth.to_settings(&facts);
    // The gateway sets it, whatever a client has sent.
    settings.rate_limits.header = Some("x-forwarded-for".to_owned());
    // Nobody else looks after what has expired in a project's database.
    settings.db.cleanup_enabled = true;
    settings
}

pub(crate) fn context(project: &ProjectContext, shared: &Shared) -> Result<Arc<AuthContext>, ServicesError> {
    let shared = Shared { http: shared.http.with_concurrency(CALLS), ..shared.clone() };
    let settings = settings(project, &Told::default());
    Ok(AuthContext::new(Arc::clone(project.auth_pool()), settings, shared)?)
}

/// The service, which sees at its first request that its tables are those of this version.
pub(crate) fn router(project: &Arc<ProjectContext>, context: Arc<AuthContext>) -> Router {
    let schema = Arc::new(Schema { project: Arc::clone(project), is_current: OnceCell::new() });
    auth::router(context).layer(middleware::from_fn_with_state(schema, with_tables))
}

/// Whether anybody may ask for this without an API key.
pub(crate) fn is_open(path: &str) -> bool {
    let Some(path) = path.strip_prefix(PREFIX) else { return false };
    path.starts_with(WELL_KNOWN) || OPEN.contains(&path)
}

struct Schema {
    project: Arc<ProjectContext>,
    /// Set once and for as long as this router lives; a failure is tried again by the next request.
    is_current: OnceCell<()>,
}

async fn with_tables(State(schema): State<Arc<Schema>>, request: Request, next: Next) -> Response {
    match schema.is_current.get_or_try_init(|| schema.migrate()).await {
        Ok(()) => next.run(request).await,
        Err(message) => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            let code = "unexpected_failure";
            let body = json!({ "code": status.as_u16(), "error_code": code, "msg": message, "message": message });
            (status, [(RETRY_AFTER, "1"), (ERROR_CODE, code)], Json(body)).into_response()
        }
    }
}

impl Schema {
    /// One question, if nothing is due. What can't be done is logged with its cause; the client is told no more than that.
    async fn migrate(&self) -> Result<(), &'static str> {
        let project_ref = self.project.project_ref();
        let mut client = self.project.auth_database().connect().await.map_err(|error| {
            tracing::warn!(project.ref = %project_ref, error = &error as &dyn std::error::Error, "Auth can't reach the database");
            "The project's database can't be reached"
        })?;
        match auth_schema::migrate_in(&mut client, auth_schema::Place::Schema).await {
            Ok(0) => Ok(()),
            Ok(migrations) => {
                tracing::info!(project.ref = %project_ref, migrations, "the schema of Auth is up to date");
                Ok(())
            }
            Err(error) => {
                tracing::error!(project.ref = %project_ref, error = &error as &dyn std::error::Error, "Auth can't have its tables");
                Err("The tables of Auth can't be brought up to date; the log of the server says why")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mails_and_providers_lead_to_needs_no_key() {
        for (path, open) in [
            ("/auth/v1/verify", true),
            ("/auth/v1/callback", true),
            ("/auth/v1/authorize", true),
            ("/auth/v1/sso/saml/acs", true),
            ("/auth/v1/oauth/token", true),
            ("/auth/v1/.well-known/jwks.json", true),
            ("/auth/v1/verify/x", false),
            ("/auth/v1/signup", false),
            ("/auth/v1/user", false),
            ("/auth/v1/admin/users", false),
            ("/auth/v1/.well-known", false),
            ("/auth/v1", false),
            ("/rest/v1/verify", false),
            ("/auth/v1/../rest/v1/verify", false),
        ] {
            assert_eq!(is_open(path), open, "{path}");
        }
    }
}
