//! Metadata of users as they are edited: an object in JSON, of which only what was changed is sent. Server only.

use serde_json::{Map, Value};

use crate::DashboardError;

/// What has to be sent so that `before` becomes `after`: null for what is gone. Or what is wrong with `after`, and where.
pub(crate) fn changes(before: &str, after: &str) -> Result<Map<String, Value>, String> {
    let mut after = parse(after)?;
    let before = parse(before).unwrap_or_default();
    for (name, value) in &before {
        match after.get(name) {
            Some(same) if same == value => drop(after.remove(name)),
            Some(_) => {}
            None => drop(after.insert(name.clone(), Value::Null)),
        }
    }
    Ok(after)
}

fn parse(text: &str) -> Result<Map<String, Value>, String> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("This has to be an object, such as {\"plan\": \"pro\"}.".to_owned()),
        // Its own words end with the place, which is said first here.
        Err(error) => {
            let said = error.to_string();
            let (why, _) = said.rsplit_once(" at line ").unwrap_or((&said, ""));
            Err(format!("Line {}, column {}: {why}.", error.line(), error.column()))
        }
    }
}

/// An error's way back leads through an address, which holds so many letters of what was typed; a part of it would be of no use.
const LONGEST: usize = 4000;

/// The error, with what was typed if it is not too long.
pub(crate) fn with_typed(error: DashboardError, text: &str) -> DashboardError {
    DashboardError { typed: Some(text.to_owned()).filter(|text| text.len() <= LONGEST), ..error }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_was_changed_is_sent() {
        let changes = |before: &str, after: &str| Value::Object(changes(before, after).unwrap());
        let before = r#"{"same": 1, "other": {"a": 1}, "gone": true}"#;
        assert_eq!(
            changes(before, r#"{"same": 1, "other": {"a": 2}, "new": []}"#),
            json!({ "other": { "a": 2 }, "gone": null, "new": [] })
        );
        assert_eq!(changes(before, before), json!({}));
        assert_eq!(changes(before, " "), json!({ "same": null, "other": null, "gone": null }));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        assert_eq!(changes("{}", "{\n  \"a\": 1\n  \"b\": 2\n}").unwrap_err(), "Line 3, column 3: expected `,` or `}`.");
        assert_eq!(changes("{}", "[1]").unwrap_err(), "This has to be an object, such as {\"plan\": \"pro\"}.");
        assert!(changes("{}", "{").unwrap_err().starts_with("Line 1, column 1: EOF while parsing"));
    }
}
