//! The one error type of the server functions, and its way to a form field.

use std::fmt;

use control_plane_api::{ErrorCode, MAX_NAME_CHARS};
use leptos::prelude::FromServerFnError;
use leptos::server_fn::{codec::JsonEncoding, error::ServerFnErrorErr};
use serde::{Deserialize, Serialize};

/// Why a server function refused, ready to be shown. It also travels in the URL when a form is posted without scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DashboardError {
    pub code: ErrorCode,
    /// What was wrong and what to do, for a person.
    pub message: String,
    /// Name of the form field the message belongs to, if it belongs to one.
    pub field: Option<String>,
    /// What was typed into the form, so that it can be shown again where there are no scripts. Never a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typed: Option<String>,
}

impl DashboardError {
    /// An error that belongs to no field.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None, typed: None }
    }

    /// The same error, with what was typed into the form. It goes into an address, so that only so much of it is kept.
    #[must_use]
    pub fn with_typed(self, text: &str) -> Self {
        Self { typed: Some(text.chars().take(2 * MAX_NAME_CHARS).collect()), ..self }
    }

    /// Nobody is signed in. In another tab, so that what was typed here is not lost.
    pub fn signed_out() -> Self {
        Self::new(ErrorCode::Unauthenticated, "You are signed out. Sign in in another tab, then try again here.")
    }

    /// The typed name is not the project's.
    pub fn unconfirmed(project_name: &str) -> Self {
        let message = format!("Type the project's name, “{project_name}”, to delete it.");
        Self { field: Some("confirmation".to_owned()), ..Self::new(ErrorCode::InvalidInput, message) }
    }

    /// The message, if it belongs to the field `name`.
    #[must_use]
    pub fn for_field(&self, name: &str) -> Option<String> {
        (self.field.as_deref() == Some(name)).then(|| self.message.clone())
    }

    /// The message, if it belongs to none of the fields the form shows.
    #[must_use]
    pub fn beside_fields(&self, shown: &[&str]) -> Option<String> {
        let shown_there = self.field.as_deref().is_some_and(|field| shown.contains(&field));
        (!shown_there).then(|| self.message.clone())
    }
}

impl fmt::Display for DashboardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DashboardError {}

impl FromServerFnError for DashboardError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(value: ServerFnErrorErr) -> Self {
        match value {
            ServerFnErrorErr::Request(_) => {
                Self::new(ErrorCode::Unavailable, "The server can't be reached. Check that supacloud is running, then try again.")
            }
            ServerFnErrorErr::Args(cause) => Self::new(ErrorCode::InvalidInput, format!("The form can't be read: {cause}.")),
            ServerFnErrorErr::MissingArg(name) => {
                Self::new(ErrorCode::InvalidInput, format!("The form lacks the field {name:?}."))
            }
            ServerFnErrorErr::Deserialization(_) => {
                Self::new(ErrorCode::Internal, "The server's answer can't be read. Reload the page, then try again.")
            }
            ServerFnErrorErr::Registration(_)
            | ServerFnErrorErr::UnsupportedRequestMethod(_)
            | ServerFnErrorErr::ServerError(_)
            | ServerFnErrorErr::MiddlewareError(_)
            | ServerFnErrorErr::Serialization(_)
            | ServerFnErrorErr::Response(_) => {
                Self::new(ErrorCode::Internal, "The server could not finish this. Its log says why; try again.")
            }
        }
    }
}

#[cfg(feature = "ssr")]
impl From<control_plane::Error> for DashboardError {
    fn from(error: control_plane::Error) -> Self {
        Self { field: error.field().map(str::to_owned), ..Self::new(error.code(), error.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about_the_name(code: ErrorCode, message: &str) -> DashboardError {
        DashboardError { field: Some("name".into()), ..DashboardError::new(code, message) }
    }

    #[test]
    fn a_message_stands_either_at_its_field_or_above_the_form() {
        let named = about_the_name(ErrorCode::InvalidInput, "Too long");
        assert_eq!(named.for_field("name").as_deref(), Some("Too long"));
        assert_eq!(named.for_field("db_pass"), None);
        assert_eq!(named.beside_fields(&["name"]), None);
        assert_eq!(named.beside_fields(&["db_pass"]).as_deref(), Some("Too long"));
        let general = DashboardError::new(ErrorCode::Conflict, "Busy");
        assert_eq!(general.beside_fields(&["name"]).as_deref(), Some("Busy"));
    }

    #[test]
    fn an_error_survives_its_way_through_the_url() {
        let error = about_the_name(ErrorCode::Conflict, "Größe");
        assert_eq!(DashboardError::de(error.clone().ser()), error);
        let error = error.with_typed("Schöne \"Größe\" & more");
        assert_eq!(DashboardError::de(error.clone().ser()), error);
        assert_eq!(error.with_typed(&"ß".repeat(10_000)).typed.map(|text| text.chars().count()), Some(2 * MAX_NAME_CHARS));
    }
}
