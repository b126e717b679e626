//! GoTrue's OpenAPI document, and what of it was seen.
//!
//! `document.json` is the project's reference, `spec/openapi/auth_2.196.yaml`, without what is for readers only. Its schemas are
//! OpenAPI 3.0's; they are read as JSON Schema, with `nullable` written out, and `oneOf` as `anyOf`: its alternatives have no
//! required members, so that every object is of all of them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::support::Answer;

pub(crate) struct Document {
    whole: Value,
    /// What it has: `GET /user`, `GET /user 200`, and `PUT /user email` of a body's or query's member.
    pub(crate) documented: BTreeSet<String>,
    pub(crate) seen: BTreeSet<String>,
    /// Members of answers that it does not have.
    pub(crate) more: BTreeSet<String>,
}

fn as_json_schema(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut written: Map<_, _> = object
                .iter()
                .map(|(name, value)| {
                    let name = if name == "oneOf" && value.is_array() { "anyOf" } else { name };
                    (name.to_owned(), as_json_schema(value))
                })
                .collect();
            if written.remove("nullable") == Some(json!(true)) {
                written["type"] = json!([written["type"], "null"]);
            }
            Value::Object(written)
        }
        Value::Array(values) => values.iter().map(as_json_schema).collect(),
        other => other.clone(),
    }
}

/// A text that is empty is none: Go writes it where there is nothing.
fn without_empty_texts(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let kept = object.iter().filter(|(_, value)| value.as_str() != Some(""));
            kept.map(|(name, value)| (name.clone(), without_empty_texts(value))).collect::<Map<_, _>>().into()
        }
        Value::Array(values) => values.iter().map(without_empty_texts).collect(),
        other => other.clone(),
    }
}

impl Document {
    pub(crate) fn read() -> Self {
        let whole = as_json_schema(&serde_json::from_str(include_str!("document.json")).unwrap());
        let mut documented = BTreeSet::new();
        for (path, methods) in whole["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap().iter().filter(|(method, _)| *method != "parameters") {
                let name = format!("{} {path}", method.to_uppercase());
                let statuses = operation["responses"].as_object().unwrap().keys();
                documented.extend(statuses.map(|status| format!("{name} {status}")));
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                let in_query = parameters.filter(|parameter| parameter["in"] == "query");
                documented.extend(in_query.map(|parameter| format!("{name} ?{}", parameter["name"].as_str().unwrap())));
                documented.extend(members_of_body(&whole, operation).into_iter().map(|member| format!("{name} .{member}")));
                documented.insert(name);
            }
        }
        Self { whole, documented, seen: BTreeSet::new(), more: BTreeSet::new() }
    }

    /// Notes a request and its answer, which must be as it is written. `name`: method and path as the document has them.
    #[track_caller]
    pub(crate) fn saw(&mut self, name: &str, query: &str, body: &Value, answer: &Answer) {
        let (method, path) = name.split_once(' ').unwrap();
        let operation = &self.whole["paths"][path][method.to_lowercase()];
        assert!(operation.is_object(), "{name} is not documented");
        self.seen.insert(name.to_owned());
        let members = query.split('&').filter_map(|pair| pair.split_once('='));
        self.seen.extend(members.map(|(member, _)| format!("{name} ?{member}")));
        self.seen.extend(body.as_object().into_iter().flat_map(Map::keys).map(|member| format!("{name} .{member}")));
        // As Go's `http.StatusSeeOther`; the document has another number.
        let status = if name == "GET /verify" && answer.status == 303 { "302" } else { answer.status.as_str() };
        let response = resolved(&self.whole, &operation["responses"][status]).clone();
        assert!(response.is_object(), "{name} answers {status}, which is not documented: {}", answer.body);
        self.seen.insert(format!("{name} {status}"));
        if response.pointer("/headers/Location").is_some() {
            let location = answer.headers["location"].to_str().unwrap();
            reqwest::Url::parse(location).unwrap_or_else(|error| panic!("{name}: {error}: {location}"));
        }
        let schema = &response["content"]["application/json"]["schema"];
        if !schema.is_object() {
            return;
        }
        assert_eq!(answer.headers["content-type"], "application/json", "{name}");
        let value = without_empty_texts(&answer.json());
        let rooted = json!({ "allOf": [schema], "components": self.whole["components"] });
        let validator = jsonschema::options().should_validate_formats(true).build(&rooted).unwrap();
        let wrong: Vec<_> = validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{name} {status}: {wrong:#?}\n{value:#}");
        for member in more_than(&self.whole, schema, &value, "") {
            self.more.insert(format!("{name} {status} {member}"));
        }
    }
}

fn members_of_body(whole: &Value, operation: &Value) -> Vec<String> {
    let contents = operation["requestBody"]["content"].as_object().into_iter().flat_map(Map::values);
    contents
        .flat_map(|content| resolved(whole, &content["schema"])["properties"].as_object())
        .flat_map(Map::keys)
        .cloned()
        .collect()
}

fn resolved<'a>(whole: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => whole.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

/// Members that a schema with named members does not name.
fn more_than(whole: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let schema = resolved(whole, schema);
    if let Some(alternatives) = schema["anyOf"].as_array() {
        let each = alternatives.iter().map(|alternative| more_than(whole, alternative, value, at));
        return each.min_by_key(Vec::len).unwrap_or_default();
    }
    match value {
        Value::Array(values) => values.iter().flat_map(|value| more_than(whole, &schema["items"], value, at)).collect(),
        Value::Object(members) => {
            let Some(named) = schema["properties"].as_object() else { return Vec::new() };
            if schema["additionalProperties"] == true {
                return Vec::new();
            }
            let each = members.iter().flat_map(|(name, value)| match named.get(name) {
                Some(schema) => more_than(whole, schema, value, &format!("{at}/{name}")),
                None => vec![format!("{at}/{name}")],
            });
            each.collect()
        }
        _ => Vec::new(),
    }
}
