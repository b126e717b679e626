//! The root: an OpenAPI 2.0 description of the exposed schema, and the `Allow` of what it describes.
//!
//! What there is comes from the schema cache. What the role may use of it, comments and the labels of enums are asked for at
//! each request, under its role and in its transaction, and are not kept.

mod address;
mod catalogue;
mod definitions;
mod document;
mod parameters;
mod paths;

pub(crate) use address::Address;
pub(crate) use catalogue::question;
pub(crate) use document::describe;

use crate::schema::Relation;

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
