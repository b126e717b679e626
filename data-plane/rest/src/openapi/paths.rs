//! What may be asked of each relation and function.

use serde_json::{Map, Value, json};

use super::{
    catalogue::{Catalogue, summary},
    definitions::{object, typed},
    parameters::{body, reference, row_filter},
};
use crate::schema::{Function, Parameter, Relation, Volatility};

/// What a call may answer with.
const PRODUCED: [&str; 3] =
    ["application/json", "application/vnd.pgrst.object+json;nulls=stripped", "application/vnd.pgrst.object+json"];

pub(super) fn root() -> Value {
    json!({"get": {
        "tags": ["Introspection"],
        "summary": "OpenAPI description (this document)",
        "produces": ["application/openapi+json", "application/json"],
        "responses": {"200": {"description": "OK"}},
    }})
}

pub(super) fn of_relation(relation: &Relation, catalogue: &Catalogue) -> Value {
    let filters: Vec<String> = relation.columns.iter().map(|column| row_filter(relation, &column.name)).collect();
    let filtered = |others: &[&str]| -> Vec<Value> {
        filters.iter().map(String::as_str).chain(others.iter().copied()).map(reference).collect()
    };
    let body = body(relation);
    let operation = |parameters: Vec<Value>, responses: Value| {
        let mut operation = described(&relation.name, catalogue.comment_on_relation(relation));
        operation.insert("parameters".to_owned(), Value::Array(parameters));
        operation.insert("responses".to_owned(), responses);
        Value::Object(operation)
    };
    let rows = json!({"type": "array", "items": {"$ref": format!("#/definitions/{}", relation.name)}});
    let mut path = Map::new();
    path.insert(
        "get".to_owned(),
        operation(
            filtered(&["select", "order", "range", "rangeUnit", "offset", "limit", "preferCount"]),
            json!({"200": {"description": "OK", "schema": rows}, "206": {"description": "Partial Content"}}),
        ),
    );
    if relation.insertable {
        let parameters = [&body, "select", "preferPost"].map(reference).to_vec();
        path.insert("post".to_owned(), operation(parameters, json!({"201": {"description": "Created"}})));
    }
    if relation.updatable {
        let parameters = filtered(&[&body, "preferReturn"]);
        path.insert("patch".to_owned(), operation(parameters, json!({"204": {"description": "No Content"}})));
    }
    if relation.deletable {
        let parameters = filtered(&["preferReturn"]);
        path.insert("delete".to_owned(), operation(parameters, json!({"204": {"description": "No Content"}})));
    }
    Value::Object(path)
}

pub(super) fn of_function(function: &Function, catalogue: &Catalogue) -> Value {
    let operation = |parameters: Vec<Value>| {
        let mut operation = described(&format!("(rpc) {}", function.name), catalogue.comment_on_function(function));
        operation.insert("parameters".to_owned(), Value::Array(parameters));
        operation.insert("produces".to_owned(), json!(PRODUCED));
        operation.insert("responses".to_owned(), json!({"200": {"description": "OK"}}));
        Value::Object(operation)
    };
    // What has no name is the body as a whole.
    let named: Vec<&Parameter> = function.parameters.iter().filter(|parameter| !parameter.name.is_empty()).collect();
    let mut path = Map::new();
    if function.volatility != Volatility::Volatile {
        path.insert("get".to_owned(), operation(named.iter().map(|parameter| query_parameter(parameter)).collect()));
    }
    let required: Vec<&str> =
        named.iter().filter(|parameter| parameter.required).map(|parameter| parameter.name.as_str()).collect();
    let properties = named.iter().map(|parameter| (parameter.name.clone(), Value::Object(typed(&parameter.type_name)))).collect();
    let arguments = json!({"name": "args", "required": true, "in": "body", "schema": object(&required, properties)});
    path.insert("post".to_owned(), operation(vec![arguments]));
    Value::Object(path)
}

/// An argument in the query string: as PostgreSQL writes its type, or repeated.
fn query_parameter(parameter: &Parameter) -> Value {
    let Parameter { name, type_name, required, variadic } = parameter;
    match type_name.strip_suffix("[]").filter(|_| *variadic) {
        Some(member) => json!({"name": name, "required": required, "in": "query", "type": "array",
            "items": {"type": "string", "format": member}, "collectionFormat": "multi"}),
        None => json!({"name": name, "required": required, "in": "query", "type": "string", "format": type_name}),
    }
}

/// The begin of an operation: its tag, and what the comment says.
fn described(tag: &str, comment: Option<&str>) -> Map<String, Value> {
    let mut operation = Map::new();
    operation.insert("tags".to_owned(), json!([tag]));
    if let Some(comment) = comment {
        let (first, rest) = summary(comment);
        operation.insert("summary".to_owned(), json!(first));
        if !rest.is_empty() {
            operation.insert("description".to_owned(), json!(rest));
        }
    }
    operation
}
