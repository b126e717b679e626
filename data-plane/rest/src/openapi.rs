//! The root: an OpenAPI 2.0 description of the exposed schema, made from the cache.
//!
//! It lists what is exposed, whatever the role may do with it (PostgREST's `ignore-privileges`).

use serde_json::{Map, Value, json};

use crate::schema::{Column, Function, Relation, SchemaCache, Volatility};

/// PostgREST's version whose contract is followed; clients read `info.version`.
const VERSION: &str = "16.2";

pub(crate) fn describe(cache: &SchemaCache, schema: &str, base_url: &str) -> Value {
    let mut paths = Map::new();
    let mut definitions = Map::new();
    let mut parameters = shared_parameters();
    paths.insert(
        "/".to_owned(),
        json!({"get": {
            "tags": ["Introspection"],
            "summary": "OpenAPI description (this document)",
            "produces": ["application/openapi+json", "application/json"],
            "responses": {"200": {"description": "OK"}},
        }}),
    );
    for relation in cache.relations.get(schema).into_iter().flat_map(|named| named.values()) {
        paths.insert(format!("/{}", relation.name), relation_path(relation));
        definitions.insert(relation.name.clone(), definition(relation, cache));
        for column in &relation.columns {
            parameters.insert(
                format!("rowFilter.{}.{}", relation.name, column.name),
                json!({"name": column.name, "required": false, "in": "query", "type": "string"}),
            );
        }
        parameters.insert(
            format!("body.{}", relation.name),
            json!({"name": relation.name, "required": false, "in": "body", "schema": {"$ref": format!("#/definitions/{}", relation.name)}}),
        );
    }
    for (name, overloads) in cache.functions.get(schema).into_iter().flatten() {
        if let Some(function) = overloads.first() {
            paths.insert(format!("/rpc/{name}"), function_path(function));
        }
    }
    let (scheme, rest) = base_url.split_once("://").unwrap_or(("http", base_url));
    let (host, base_path) = rest.split_once('/').map_or((rest, "/".to_owned()), |(host, path)| (host, format!("/{path}")));
    json!({
        "swagger": "2.0",
        "info": {
            "title": "standard public schema",
            "description": "",
            "version": VERSION,
        },
        "host": host,
        "basePath": base_path,
        "schemes": [scheme],
        "consumes": ["application/json", "application/vnd.pgrst.object+json;nulls=stripped", "application/vnd.pgrst.object+json", "text/csv"],
        "produces": ["application/json", "application/vnd.pgrst.object+json;nulls=stripped", "application/vnd.pgrst.object+json", "text/csv"],
        "paths": paths,
        "definitions": definitions,
        "parameters": parameters,
        "externalDocs": {"description": "PostgREST Documentation", "url": "https://postgrest.org/en/references/api.html"},
    })
}

fn shared_parameters() -> Map<String, Value> {
    let mut parameters = Map::new();
    for name in ["select", "order", "limit", "offset", "on_conflict", "columns"] {
        parameters.insert(name.to_owned(), json!({"name": name, "required": false, "in": "query", "type": "string"}));
    }
    for (key, name) in [("range", "Range"), ("rangeUnit", "Range-Unit"), ("prefer", "Prefer")] {
        parameters.insert(key.to_owned(), json!({"name": name, "required": false, "in": "header", "type": "string"}));
    }
    parameters
}

fn relation_path(relation: &Relation) -> Value {
    let reference = |name: &str| json!({"$ref": format!("#/parameters/{name}")});
    let filters: Vec<Value> =
        relation.columns.iter().map(|column| reference(&format!("rowFilter.{}.{}", relation.name, column.name))).collect();
    let with =
        |names: &[&str]| -> Vec<Value> { filters.iter().cloned().chain(names.iter().map(|name| reference(name))).collect() };
    let body = format!("body.{}", relation.name);
    let tags = json!([relation.name]);
    let mut path = Map::new();
    path.insert(
        "get".to_owned(),
        json!({"tags": tags, "parameters": with(&["select", "order", "range", "rangeUnit", "offset", "limit", "prefer"]),
            "responses": {
                "200": {"description": "OK", "schema": {"type": "array", "items": {"$ref": format!("#/definitions/{}", relation.name)}}},
                "206": {"description": "Partial Content"},
            }}),
    );
    if relation.insertable {
        path.insert(
            "post".to_owned(),
            json!({"tags": tags, "parameters": [reference(&body), reference("select"), reference("prefer")],
                "responses": {"201": {"description": "Created"}}}),
        );
    }
    if relation.updatable {
        path.insert(
            "patch".to_owned(),
            json!({"tags": tags, "parameters": with(&[&body, "prefer"]), "responses": {"204": {"description": "No Content"}}}),
        );
    }
    if relation.deletable {
        path.insert(
            "delete".to_owned(),
            json!({"tags": tags, "parameters": with(&["prefer"]), "responses": {"204": {"description": "No Content"}}}),
        );
    }
    Value::Object(path)
}

fn definition(relation: &Relation, cache: &SchemaCache) -> Value {
    let required: Vec<&str> =
        relation.columns.iter().filter(|column| column.not_null).map(|column| column.name.as_str()).collect();
    let properties: Map<String, Value> =
        relation.columns.iter().map(|column| (column.name.clone(), property(relation, column, cache))).collect();
    let mut definition = json!({"type": "object", "properties": properties});
    if !required.is_empty()
        && let Some(object) = definition.as_object_mut()
    {
        object.insert("required".to_owned(), json!(required));
    }
    definition
}

fn property(relation: &Relation, column: &Column, cache: &SchemaCache) -> Value {
    let mut property = Map::new();
    property.insert("format".to_owned(), json!(column.type_name));
    let (kind, items) = json_type(&column.base_type);
    if let Some(kind) = kind {
        property.insert("type".to_owned(), json!(kind));
    }
    if let Some(items) = items {
        property.insert("items".to_owned(), json!({"type": items}));
    }
    if let Some(default) = &column.default {
        property.insert("default".to_owned(), json!(default));
    }
    let mut notes = Vec::new();
    if relation.primary_key.contains(&column.name) {
        notes.push("This is a Primary Key.<pk/>".to_owned());
    }
    let key = cache
        .relationships_of(&relation.schema, &relation.name)
        .iter()
        .find(|candidate| candidate.is_owning() && matches!(candidate.columns.as_slice(), [(own, _)] if *own == column.name));
    if let Some(key) = key
        && let [(_, other)] = key.columns.as_slice()
    {
        let target = &key.target.1;
        notes.push(format!("This is a Foreign Key to `{target}.{other}`.<fk table='{target}' column='{other}'/>"));
    }
    if !notes.is_empty() {
        property.insert("description".to_owned(), json!(format!("Note:\n{}", notes.join("\n"))));
    }
    Value::Object(property)
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

fn function_path(function: &Function) -> Value {
    let tags = json!([format!("(rpc) {}", function.name)]);
    let properties: Map<String, Value> = function
        .parameters
        .iter()
        .map(|parameter| {
            let kind = json_type(&parameter.type_name).0.unwrap_or("string");
            (parameter.name.clone(), json!({"format": parameter.type_name, "type": kind}))
        })
        .collect();
    let required: Vec<&str> =
        function.parameters.iter().filter(|parameter| parameter.required).map(|parameter| parameter.name.as_str()).collect();
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty()
        && let Some(object) = schema.as_object_mut()
    {
        object.insert("required".to_owned(), json!(required));
    }
    let responses = json!({"200": {"description": "OK"}});
    let mut path = Map::new();
    if function.volatility != Volatility::Volatile {
        let parameters: Vec<Value> = function
            .parameters
            .iter()
            .map(|parameter| {
                json!({"name": parameter.name, "in": "query", "required": parameter.required, "type": "string", "format": parameter.type_name})
            })
            .collect();
        path.insert("get".to_owned(), json!({"tags": tags, "parameters": parameters, "responses": responses}));
    }
    path.insert(
        "post".to_owned(),
        json!({"tags": tags, "parameters": [{"name": "args", "in": "body", "required": true, "schema": schema},
            {"$ref": "#/parameters/prefer"}], "responses": responses}),
    );
    Value::Object(path)
}

/// The value of `Allow` for a relation.
pub(crate) fn allowed(relation: &Relation) -> String {
    let mut methods = vec!["OPTIONS", "GET", "HEAD"];
    if relation.insertable {
        methods.push("POST");
    }
    if relation.insertable && relation.updatable && !relation.primary_key.is_empty() {
        methods.push("PUT");
    }
    if relation.updatable {
        methods.push("PATCH");
    }
    if relation.deletable {
        methods.push("DELETE");
    }
    methods.join(",")
}
