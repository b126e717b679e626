//! A change of settings as a command.

use control_plane_api::ProjectRef;
use serde_json::{Map, Value};

/// The command against the dashboard at `origin`, a secret by the name of its key alone; `None`: nothing is changed.
pub(super) fn patch(origin: &str, project_ref: &ProjectRef, change: &Map<String, Value>, with_token: bool) -> Option<String> {
    if change.is_empty() {
        return None;
    }
    let shown = |(key, value): (&String, &Value)| match value {
        Value::String(_) if auth_settings::document::is_secret(key) => (key.clone(), Value::String(format!("<{key}>"))),
        value => (key.clone(), value.clone()),
    };
    let body = Value::Object(change.iter().map(shown).collect()).to_string().replace('\'', "'\\''");
    let token = if with_token { " -H \"Authorization: Bearer $SUPACLOUD_TOKEN\"" } else { "" };
    Some(format!("curl -X PATCH --json '{body}' {origin}/v1/projects/{project_ref}/config/auth{token}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_command_has_the_change_and_no_secret() {
        let project_ref = ProjectRef::from_letters([0; 20]);
        let change = json!({ "site_url": "https://it's.test", "smtp_pass": "hush" }).as_object().cloned().unwrap();
        let expected = "curl -X PATCH --json '{\"site_url\":\"https://it'\\''s.test\",\"smtp_pass\":\"<smtp_pass>\"}' \
                        http://localhost:8000/v1/projects/aaaaaaaaaaaaaaaaaaaa/config/auth";
        assert_eq!(patch("http://localhost:8000", &project_ref, &change, false).as_deref(), Some(expected));
        assert_eq!(patch("", &project_ref, &Map::new(), true), None);
    }
}
