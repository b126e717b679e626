//! What the description needs of the database at the time of the request: one statement, and its answer.

use std::collections::HashMap;

use serde::Deserialize;

use crate::{
    query::{GUCS, Sql},
    schema::{Column, Function, OpenApiMode, Relation, SchemaCache},
};

/// What the role may use, by the ids of `pg_class` and `pg_proc`, with comments.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Catalogue {
    /// The schema's comment.
    pub(super) schema: Option<String>,
    relations: HashMap<u32, Option<String>>,
    functions: HashMap<u32, Option<String>>,
    /// On columns, by `relation.number`.
    comments: HashMap<String, String>,
    /// Of the enum that is the column's type, likewise.
    labels: HashMap<String, Vec<String>>,
}

impl Catalogue {
    pub(super) fn may_use(&self, relation: &Relation) -> bool {
        self.relations.contains_key(&relation.id)
    }

    pub(super) fn may_call(&self, function: &Function) -> bool {
        self.functions.contains_key(&function.id)
    }

    pub(super) fn comment_on_relation(&self, relation: &Relation) -> Option<&str> {
        self.relations.get(&relation.id)?.as_deref()
    }

    pub(super) fn comment_on_function(&self, function: &Function) -> Option<&str> {
        self.functions.get(&function.id)?.as_deref()
    }

    pub(super) fn comment_on_column(&self, relation: &Relation, column: &Column) -> Option<&str> {
        self.comments.get(&key(relation, column)).map(String::as_str)
    }

    pub(super) fn labels(&self, relation: &Relation, column: &Column) -> Option<&[String]> {
        self.labels.get(&key(relation, column)).map(Vec::as_slice)
    }
}

fn key(relation: &Relation, column: &Column) -> String {
    format!("{}.{}", relation.id, column.number)
}

/// The first line of a comment, and what follows it.
pub(super) fn summary(comment: &str) -> (&str, &str) {
    let (first, rest) = comment.split_once('\n').unwrap_or((comment, ""));
    (first.trim_end_matches('\r'), rest.trim_start_matches(['\r', '\n']))
}

/// A relation may be used if the role may do anything with it that can be asked for by HTTP, be it with some columns only.
const MAY_USE: &str = " WHERE has_table_privilege(r.id, 'SELECT, INSERT, UPDATE, DELETE') \
                       OR has_any_column_privilege(r.id, 'SELECT, INSERT, UPDATE')";

const MAY_CALL: &str = " WHERE has_function_privilege(f.id, 'EXECUTE')";

/// The statement whose body is a [`Catalogue`].
///
/// It is given the ids of what is in the schema, so that it finds everything by the catalogues' keys, however much there is in
/// other schemas. Catalogues are named with their schema: a temporary table would come before them otherwise.
pub(crate) fn question(cache: &SchemaCache, schema: &str) -> Sql {
    let (may_use, may_call) = match cache.config.openapi_mode {
        OpenApiMode::FollowPrivileges => (MAY_USE, MAY_CALL),
        OpenApiMode::IgnorePrivileges | OpenApiMode::Disabled => ("", ""),
    };
    let relations = cache.relations.get(schema).into_iter().flat_map(|named| named.values()).map(|relation| relation.id);
    let functions = cache.functions.get(schema).into_iter().flat_map(|named| named.values().flatten());
    let mut sql = Sql::new("WITH r (id) AS MATERIALIZED (SELECT unnest(");
    sql.value(array(relations)).push("::oid[])), f (id) AS MATERIALIZED (SELECT unnest(");
    sql.value(array(functions.map(|function| function.id))).push(
        "::oid[])) SELECT null::int8, 1::int8, json_build_object('schema', (\
         SELECT d.description FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_description d \
          ON d.objoid = n.oid AND d.classoid = 'pg_catalog.pg_namespace'::regclass AND d.objsubid = 0 WHERE n.nspname = ",
    );
    sql.value(schema).push(
        "), 'relations', coalesce((SELECT json_object_agg(r.id, d.description) FROM r LEFT JOIN pg_catalog.pg_description d \
          ON d.objoid = r.id AND d.classoid = 'pg_catalog.pg_class'::regclass AND d.objsubid = 0",
    );
    sql.push(may_use).push(
        "), '{}'), 'functions', coalesce((SELECT json_object_agg(f.id, d.description) FROM f LEFT JOIN pg_catalog.pg_description d \
          ON d.objoid = f.id AND d.classoid = 'pg_catalog.pg_proc'::regclass AND d.objsubid = 0",
    );
    sql.push(may_call).push(
        "), '{}'), 'comments', coalesce((SELECT json_object_agg(r.id || '.' || d.objsubid, d.description) \
          FROM r JOIN pg_catalog.pg_description d \
          ON d.objoid = r.id AND d.classoid = 'pg_catalog.pg_class'::regclass AND d.objsubid > 0), '{}'), \
         'labels', coalesce((SELECT json_object_agg(r.id || '.' || a.attnum, e.labels) \
          FROM r JOIN pg_catalog.pg_attribute a ON a.attrelid = r.id AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid >= 16384 \
          JOIN pg_catalog.pg_type t ON t.oid = a.atttypid AND t.typtype IN ('e', 'd'), \
          LATERAL (SELECT json_agg(enumlabel ORDER BY enumsortorder) AS labels FROM pg_catalog.pg_enum \
           WHERE enumtypid = coalesce(nullif(t.typbasetype, 0), t.oid)) e WHERE e.labels IS NOT NULL), '{}'))::text, ",
    );
    sql.push(GUCS).push(", null::text, null::text");
    sql
}

/// An array literal.
fn array(ids: impl Iterator<Item = u32>) -> String {
    let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    format!("{{{}}}", ids.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_begin_with_a_summary() {
        assert_eq!(summary("one"), ("one", ""));
        assert_eq!(summary("one\ntwo\nthree"), ("one", "two\nthree"));
        assert_eq!(summary("one\r\n\r\ntwo"), ("one", "two"));
    }
}
