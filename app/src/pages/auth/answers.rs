//! Members of what a project's Auth answers.

use serde_json::{Map, Value};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A text; empty where there is none.
pub(super) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

/// A text that is not empty.
pub(super) fn filled(value: &Value, name: &str) -> Option<String> {
    value[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

pub(super) fn time(value: &Value, name: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(value[name].as_str()?, &Rfc3339).ok()
}

/// As people read JSON; an empty object where there is none.
pub(super) fn pretty(value: &Value) -> String {
    let empty = Value::Object(Map::new());
    serde_json::to_string_pretty(if value.is_null() { &empty } else { value }).unwrap_or_default()
}
