//! Everything a project's page is made from, loaded in one request, and how it travels.

use control_plane_api::{Connection, Failure, OperationKind, ProjectEvent, ProjectRef, ProjectState, ServiceHealth, Usage};
use leptos::server::codee::{Decoder, Encoder};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use time::OffsetDateTime;

use crate::key_line::KeyLine;

/// A project as its page shows it before the first event. Only what is shown: every field is code in the wasm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ProjectDetail {
    pub(crate) project_ref: ProjectRef,
    pub(crate) name: String,
    pub(crate) state: ProjectState,
    #[serde(with = "time::serde::timestamp")]
    pub(crate) created_at: OffsetDateTime,
    pub(crate) api_url: String,
    /// What is being done to it.
    pub(crate) operation: Option<OperationKind>,
    pub(crate) failure: Option<Failure>,
    pub(crate) usage: Option<Usage>,
    pub(crate) postgres_version: Option<String>,
    /// Its size among those it could have, as the options of a select; only where its driver holds it to one. Made by the
    /// server: the list would be much code in the wasm.
    pub(crate) sizes: Option<String>,
    pub(crate) connection: Option<Connection>,
    pub(crate) health: Vec<ServiceHealth>,
    /// Newest first.
    pub(crate) events: Vec<ProjectEvent>,
    /// Secret ones masked.
    pub(crate) keys: Vec<KeyLine>,
    /// A secret that the page's address asks for, after its name.
    pub(crate) revealed: Option<(String, String)>,
}

#[cfg(feature = "ssr")]
impl From<control_plane_api::ProjectOverview> for ProjectDetail {
    fn from(overview: control_plane_api::ProjectOverview) -> Self {
        let control_plane_api::ProjectOverview { project, operation, failure, usage, postgres_version, size, connection } =
            overview;
        Self {
            project_ref: project.project_ref,
            name: project.name,
            state: project.state,
            created_at: project.created_at,
            api_url: project.api_url,
            operation: operation.map(|operation| operation.kind),
            failure,
            usage,
            postgres_version,
            sizes: size.map(size_options),
            connection,
            health: Vec::new(),
            events: Vec::new(),
            keys: Vec::new(),
            revealed: None,
        }
    }
}

#[cfg(feature = "ssr")]
fn size_options(size: control_plane_api::InstanceSize) -> String {
    let option = |other: control_plane_api::InstanceSize| {
        let memory = crate::format::bytes(u64::from(other.memory_mib()) << 20);
        let selected = if other == size { " selected" } else { "" };
        format!("<option value=\"{other}\"{selected}>{other}, {memory}</option>")
    };
    control_plane_api::InstanceSize::ALL.map(option).concat()
}

/// JSON in the page. Reads bytes, as answers of server functions are read, so that the wasm has one parser, not two.
#[derive(Debug)]
pub(crate) struct PageJson;

impl<T: Serialize> Encoder<T> for PageJson {
    type Error = serde_json::Error;
    type Encoded = String;

    fn encode(value: &T) -> Result<String, serde_json::Error> {
        serde_json::to_string(value)
    }
}

impl<T: DeserializeOwned> Decoder<T> for PageJson {
    type Error = serde_json::Error;
    type Encoded = str;

    fn decode(text: &str) -> Result<T, serde_json::Error> {
        serde_json::from_slice(text.as_bytes())
    }
}
