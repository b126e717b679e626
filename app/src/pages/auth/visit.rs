//! Who asks for a page about a project's Auth, of which project, and what its address asks for.

use std::sync::Arc;

use axum::{extract::Query, http::Uri};
use control_plane::{Caller, Error, ProjectService};
use control_plane_api::{Project, ProjectRef};
use serde_json::Value;

use crate::{
    DashboardError,
    session::{no_store, refuse, signed_in},
    snippets::{auth_curl, percent_encode},
};

/// Names and values of a query or a form, in its order.
pub(super) type Pairs = Vec<(String, String)>;

/// A request for a page.
pub(super) struct Visit {
    pub(super) projects: Arc<ProjectService>,
    pub(super) caller: Caller,
    pub(super) project: Project,
    /// As it stands in the address.
    query: String,
    pairs: Pairs,
}

impl Visit {
    /// Refused where nobody is signed in or there is no such project.
    pub(super) async fn begin(project_ref: &ProjectRef, query: &str) -> Result<Self, DashboardError> {
        let (caller, projects) = signed_in().await?;
        no_store();
        let project = projects.get(&caller, project_ref).await.map_err(refuse)?;
        Ok(Self { projects, caller, project, query: query.to_owned(), pairs: pairs(query) })
    }

    pub(super) fn project_ref(&self) -> &ProjectRef {
        &self.project.project_ref
    }

    /// Where a page about this project's Auth is.
    pub(super) fn address(&self, page: &str) -> String {
        format!("/project/{}/auth/{page}", self.project.project_ref)
    }

    pub(super) fn query(&self) -> &str {
        &self.query
    }

    /// A parameter of the page's query, if it is not empty.
    pub(super) fn asked_for(&self, name: &str) -> Option<String> {
        let found = self.pairs.iter().find(|(given, _)| given == name);
        found.map(|(_, text)| text.clone()).filter(|text| !text.is_empty())
    }

    /// What the word for what was just done stands for; not once more on the way back of what was refused afterwards.
    pub(super) fn just_done(&self, words: &[(&str, &'static str)]) -> Option<&'static str> {
        let done = self.asked_for("done").filter(|_| self.asked_for("__err").is_none())?;
        words.iter().find(|(word, _)| *word == done).map(|(_, text)| *text)
    }

    /// Asks the project's Auth for something.
    pub(super) async fn ask(&self, path: &str) -> Result<Value, Error> {
        self.projects.ask_auth(&self.caller, self.project_ref(), "GET", path, None).await
    }

    /// The same, as a command.
    pub(super) fn curl(&self, method: &str, path: &str, body: Option<&Value>) -> String {
        auth_curl(&self.project.api_url, method, path, body)
    }
}

/// The pairs of an address's query, with or without its `?`.
pub(super) fn pairs(query: &str) -> Pairs {
    let uri: Option<Uri> = format!("/?{}", query.trim_start_matches('?')).parse().ok();
    uri.and_then(|uri| Query::try_from_uri(&uri).ok()).map(|Query(pairs)| pairs).unwrap_or_default()
}

/// A query of the parameters that are not empty.
pub(super) fn query_of(parameters: &[(&str, &str)]) -> String {
    let filled = parameters.iter().filter(|(_, text)| !text.is_empty());
    filled.map(|(name, text)| format!("{name}={}", percent_encode(text))).collect::<Vec<_>>().join("&")
}
