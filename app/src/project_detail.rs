//! Everything a project's page is made from, loaded in one request, and how it travels.

use control_plane_api::{ApiKey, ProjectEvent, ProjectOverview, ServiceHealth};
use leptos::server::codee::{Decoder, Encoder};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A project as its page shows it before the first event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ProjectDetail {
    pub(crate) overview: ProjectOverview,
    /// Newest first.
    pub(crate) events: Vec<ProjectEvent>,
    pub(crate) health: Vec<ServiceHealth>,
    /// Secret ones masked.
    pub(crate) keys: Vec<ApiKey>,
    /// A secret that the page's address asks for, after its name.
    pub(crate) revealed: Option<(String, String)>,
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
