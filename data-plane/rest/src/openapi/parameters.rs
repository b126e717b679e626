//! What requests may carry: parameters that all relations share, and each relation's filters and body.

use serde_json::{Map, Value, json};

use crate::schema::Relation;

const RETURN: [&str; 3] = ["return=representation", "return=minimal", "return=headers-only"];
const COUNT: [&str; 3] = ["count=exact", "count=planned", "count=estimated"];
const RESOLUTION: [&str; 2] = ["resolution=ignore-duplicates", "resolution=merge-duplicates"];

/// `{"$ref": …}` to one of [`shared`] or [`of`].
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/parameters/{name}")})
}

pub(super) fn row_filter(relation: &Relation, column: &str) -> String {
    format!("rowFilter.{}.{column}", relation.name)
}

pub(super) fn body(relation: &Relation) -> String {
    format!("body.{}", relation.name)
}

pub(super) fn shared() -> Map<String, Value> {
    let mut parameters = Map::new();
    for (name, description) in [
        ("select", "Filtering Columns"),
        ("on_conflict", "On Conflict"),
        ("columns", "Columns of the Body"),
        ("order", "Ordering"),
        ("limit", "Limiting and Pagination"),
        ("offset", "Limiting and Pagination"),
    ] {
        parameters.insert(
            name.to_owned(),
            json!({"name": name, "description": description, "required": false, "in": "query", "type": "string"}),
        );
    }
    parameters.insert(
        "range".to_owned(),
        json!({"name": "Range", "description": "Limiting and Pagination", "required": false, "in": "header", "type": "string"}),
    );
    parameters.insert(
        "rangeUnit".to_owned(),
        json!({"name": "Range-Unit", "description": "Limiting and Pagination", "required": false, "in": "header", "type": "string",
            "default": "items"}),
    );
    let post: Vec<&str> = RETURN.into_iter().chain(RESOLUTION).collect();
    for (key, values) in [("preferReturn", RETURN.as_slice()), ("preferCount", COUNT.as_slice()), ("preferPost", post.as_slice())]
    {
        parameters.insert(
            key.to_owned(),
            json!({"name": "Prefer", "description": "Preference", "required": false, "in": "header", "type": "string", "enum": values}),
        );
    }
    parameters
}

/// A relation's own.
pub(super) fn of(relation: &Relation) -> impl Iterator<Item = (String, Value)> {
    let filters = relation.columns.iter().map(|column| {
        let filter = json!({"name": column.name, "required": false, "in": "query", "type": "string"});
        (row_filter(relation, &column.name), filter)
    });
    let schema = json!({"$ref": format!("#/definitions/{}", relation.name)});
    let whole = json!({"name": relation.name, "description": relation.name, "required": false, "in": "body", "schema": schema});
    filters.chain([(body(relation), whole)])
}
