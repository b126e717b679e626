//! What a row of each relation is, and what JSON makes of PostgreSQL's types.

use serde_json::{Map, Value, json};

use super::catalogue::Catalogue;
use crate::schema::{Column, Relation, SchemaCache};

pub(super) fn definition(relation: &Relation, cache: &SchemaCache, catalogue: &Catalogue) -> Value {
    let required: Vec<&str> =
        relation.columns.iter().filter(|column| column.not_null).map(|column| column.name.as_str()).collect();
    let properties: Map<String, Value> =
        relation.columns.iter().map(|column| (column.name.clone(), property(relation, column, cache, catalogue))).collect();
    let mut definition = object(&required, properties);
    if let Some(comment) = catalogue.comment_on_relation(relation) {
        definition.insert("description".to_owned(), json!(comment));
    }
    Value::Object(definition)
}

/// The schema of an object of these properties.
pub(super) fn object(required: &[&str], properties: Map<String, Value>) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("type".to_owned(), json!("object"));
    object.insert("properties".to_owned(), Value::Object(properties));
    // An empty list of them is not allowed.
    if !required.is_empty() {
        object.insert("required".to_owned(), json!(required));
    }
    object
}

/// The schema of a value of this type. JSON's own values may be anything and have no `type`.
pub(super) fn typed(type_name: &str) -> Map<String, Value> {
    let mut schema = Map::new();
    // The formats that OpenAPI knows for whole numbers; of other types it takes any.
    let format = match type_name {
        "smallint" | "integer" => "int32",
        "bigint" => "int64",
        other => other,
    };
    schema.insert("format".to_owned(), json!(format));
    let (kind, items) = json_type(type_name);
    if let Some(kind) = kind {
        schema.insert("type".to_owned(), json!(kind));
    }
    if let Some(items) = items {
        schema.insert("items".to_owned(), json!({"type": items}));
    }
    schema
}

fn property(relation: &Relation, column: &Column, cache: &SchemaCache, catalogue: &Catalogue) -> Value {
    let mut property = typed(&column.base_type);
    if let Some(most) = max_length(&column.type_name) {
        property.insert("maxLength".to_owned(), json!(most));
    }
    if let Some(default) = column.default.as_deref().and_then(|default| default_value(&column.base_type, default)) {
        property.insert("default".to_owned(), default);
    }
    if let Some(labels) = catalogue.labels(relation, column) {
        property.insert("enum".to_owned(), json!(labels));
    }
    let comment = catalogue.comment_on_column(relation, column);
    let keys = keys(relation, column, cache);
    let description = match (comment, keys.is_empty()) {
        (None, true) => return Value::Object(property),
        (Some(comment), true) => comment.to_owned(),
        (None, false) => format!("Note:\n{}", keys.join("\n")),
        (Some(comment), false) => format!("{comment}\n\nNote:\n{}", keys.join("\n")),
    };
    property.insert("description".to_owned(), json!(description));
    Value::Object(property)
}

/// What is said of a column that is part of a key, for people and for programs.
fn keys(relation: &Relation, column: &Column, cache: &SchemaCache) -> Vec<String> {
    let mut keys = Vec::new();
    if relation.primary_key.contains(&column.name) {
        keys.push("This is a Primary Key.<pk/>".to_owned());
    }
    let key = cache
        .relationships_of(&relation.schema, &relation.name)
        .iter()
        .find(|candidate| candidate.is_owning() && matches!(candidate.columns.as_slice(), [(own, _)] if *own == column.name));
    if let Some(key) = key
        && let [(_, other)] = key.columns.as_slice()
    {
        let target = &key.target.1;
        keys.push(format!("This is a Foreign Key to `{target}.{other}`.<fk table='{target}' column='{other}'/>"));
    }
    keys
}

/// The JSON type, and that of an array's members.
fn json_type(name: &str) -> (Option<&'static str>, Option<&'static str>) {
    if let Some(member) = name.strip_suffix("[]") {
        return (Some("array"), Some(json_type(member).0.unwrap_or("string")));
    }
    match name {
        "smallint" | "integer" | "bigint" => (Some("integer"), None),
        "numeric" | "real" | "double precision" => (Some("number"), None),
        "boolean" => (Some("boolean"), None),
        "json" | "jsonb" => (None, None),
        _ => (Some("string"), None),
    }
}

/// Of a text whose type has one.
fn max_length(type_name: &str) -> Option<u32> {
    let length = type_name.strip_prefix("character varying(").or_else(|| type_name.strip_prefix("character("))?;
    length.strip_suffix(')')?.parse().ok()
}

/// A default as JSON of the column's type. For a text that may be an expression; of the others only what is a value is shown.
fn default_value(base_type: &str, expression: &str) -> Option<Value> {
    let literal = literal(expression);
    match json_type(base_type).0? {
        "string" if expression == "NULL" || expression.starts_with("NULL::") => None,
        "string" => Some(Value::from(literal.unwrap_or_else(|| expression.to_owned()))),
        kind => {
            let value: Value = serde_json::from_str(literal.as_deref().unwrap_or(expression)).ok()?;
            let fits = match kind {
                "boolean" => value.is_boolean(),
                "integer" => value.is_i64(),
                "number" => value.is_number(),
                _ => false,
            };
            fits.then_some(value)
        }
    }
}

/// What is in the quotes, if the expression is one literal, with its type or without.
fn literal(expression: &str) -> Option<String> {
    let quoted = expression.strip_prefix('\'')?;
    let (mut text, mut rest) = (String::new(), quoted);
    loop {
        let (before, after) = rest.split_once('\'')?;
        text.push_str(before);
        match after.strip_prefix('\'') {
            Some(more) => {
                text.push('\'');
                rest = more;
            }
            None => {
                let is_type = |name: &str| !name.contains(['\'', '|', '+', '*', '=', '<', '>', '~']);
                return (after.is_empty() || after.strip_prefix("::").is_some_and(is_type)).then_some(text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_values_of_their_type() {
        for (base_type, expression, expected) in [
            ("integer", "0", Some(json!(0))),
            ("integer", "'-1'::integer", Some(json!(-1))),
            ("integer", "nextval('s'::regclass)", None),
            ("integer", "1.5", None),
            ("numeric", "1.5", Some(json!(1.5))),
            ("boolean", "false", Some(json!(false))),
            ("boolean", "(1 = 1)", None),
            ("text", "'it''s'::text", Some(json!("it's"))),
            ("character varying", "'a'::character varying", Some(json!("a"))),
            ("text", "NULL::text", None),
            ("text", "('a'::text || 'b'::text)", Some(json!("('a'::text || 'b'::text)"))),
            ("text", "'a'::text || 'b'::text", Some(json!("'a'::text || 'b'::text"))),
            ("timestamp with time zone", "now()", Some(json!("now()"))),
            ("uuid", "gen_random_uuid()", Some(json!("gen_random_uuid()"))),
            ("text[]", "'{}'::text[]", None),
            ("jsonb", "'{}'::jsonb", None),
        ] {
            assert_eq!(default_value(base_type, expression), expected, "{base_type} {expression}");
        }
    }

    #[test]
    fn only_a_single_text_has_a_length() {
        assert_eq!(max_length("character varying(20)"), Some(20));
        assert_eq!(max_length("character(3)"), Some(3));
        for other in ["character varying", "character varying(20)[]", "numeric(10,2)", "text", "bit(3)"] {
            assert_eq!(max_length(other), None, "{other}");
        }
    }

    #[test]
    fn types_are_those_of_json() {
        for (name, expected) in [
            ("bigint", json!({"format": "int64", "type": "integer"})),
            ("smallint", json!({"format": "int32", "type": "integer"})),
            ("jsonb", json!({"format": "jsonb"})),
            ("integer[]", json!({"format": "integer[]", "type": "array", "items": {"type": "integer"}})),
            ("jsonb[]", json!({"format": "jsonb[]", "type": "array", "items": {"type": "string"}})),
            ("uuid", json!({"format": "uuid", "type": "string"})),
        ] {
            assert_eq!(Value::Object(typed(name)), expected);
        }
    }
}
