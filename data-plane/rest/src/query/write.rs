//! Writes as SQL: the write in a CTE, and a read of what it returned.

use super::{
    GUCS, Shape, Sql, body,
    conditions::{compared, converted, order_by, where_all},
    read::{WRITTEN, rows, window},
};
use crate::{
    plan::{Conflict, Limited, WriteKind, WritePlan},
    schema::Column,
};

/// The CTE that holds the keys of the rows a limited write is about. Only there they are chosen once: a subquery may run again
/// and choose others, as the first ones are changed by then.
const CHOSEN: &str = "_chosen";

/// What tells rows apart where no key does.
const PLACE: [&str; 2] = ["tableoid", "ctid"];

/// Counts rows proposed, minus rows that became updates: the rows inserted by an upsert.
const INSERTED: &str = "coalesce(nullif(current_setting('pgrst.inserted', true), '')::int, 0)";

/// The whole statement of a write.
pub(crate) fn write(plan: &WritePlan, shape: Shape) -> Sql {
    let mut sql = Sql::new("WITH ");
    if let Some(limited) = &plan.limited {
        chosen(&mut sql, plan, limited);
    }
    sql.name(WRITTEN).push(" AS (");
    match &plan.kind {
        WriteKind::Insert { conflict } => insert(&mut sql, plan, conflict.as_ref()),
        WriteKind::Update => update(&mut sql, plan),
        WriteKind::Delete => delete(&mut sql, plan),
    }
    // Written, and shown: an inner join may leave rows out.
    sql.push(") SELECT (SELECT count(*) FROM ").name(WRITTEN).push("), count(*), ");
    body(&mut sql, if plan.read.is_some() { shape } else { Shape::None });
    sql.push(", ").push(GUCS).push(if plan.location.is_empty() { ", null::text" } else { ", (json_agg(_r.*)->0)::text" });
    sql.push(", nullif(current_setting('pgrst.inserted', true), '') FROM ");
    match &plan.read {
        Some(read) => {
            sql.push("(");
            rows(&mut sql, read, Some(&|sql| item(sql, plan)));
            sql.push(") _r");
        }
        None => {
            sql.name(WRITTEN).push(" _r");
        }
    }
    sql
}

fn insert(sql: &mut Sql, plan: &WritePlan, conflict: Option<&Conflict>) {
    if plan.payload.is_array && plan.payload.empty {
        nothing(sql, plan);
        return;
    }
    sql.push("INSERT INTO ").qualified(&plan.schema, &plan.table);
    if plan.columns.is_empty() && plan.payload.is_array {
        // A row for each, which takes nothing from it.
        sql.push(" SELECT FROM json_array_elements(").value(plan.payload.json.clone()).push("::json)");
    } else if plan.columns.is_empty() {
        sql.push(" DEFAULT VALUES");
    } else {
        sql.push("(");
        names(sql, &plan.columns);
        sql.push(") SELECT ");
        sql.separated(", ", &plan.columns, |sql, column| {
            sql.qualified("_b", &column.name);
        });
        sql.push(" FROM ");
        payload(sql, plan);
        let merges = conflict.is_some_and(|conflict| conflict.merge);
        for (index, (key, value)) in plan.addressed.iter().enumerate() {
            sql.push(if index == 0 { " WHERE " } else { " AND " });
            sql.qualified("_b", &key.column).push(" = ");
            compared(sql, key.compared_by(), value.clone());
        }
        if merges {
            sql.push(if plan.addressed.is_empty() { " WHERE " } else { " AND " });
            sql.push("set_config('pgrst.inserted', (").push(INSERTED).push(" + 1)::text, true) <> '0'");
        }
    }
    if let Some(conflict) = conflict {
        sql.push(" ON CONFLICT(");
        sql.separated(", ", &conflict.columns, |sql, column| {
            sql.name(column);
        });
        if conflict.merge && !plan.columns.is_empty() {
            sql.push(") DO UPDATE SET ");
            sql.separated(", ", &plan.columns, |sql, column| {
                sql.name(&column.name).push(" = EXCLUDED.").name(&column.name);
            });
            sql.push(" WHERE set_config('pgrst.inserted', (").push(INSERTED).push(" - 1)::text, true) <> '-1'");
        } else {
            sql.push(") DO NOTHING");
        }
    }
    returning(sql, plan);
}

fn update(sql: &mut Sql, plan: &WritePlan) {
    if plan.columns.is_empty() {
        nothing(sql, plan);
        return;
    }
    sql.push("UPDATE ").qualified(&plan.schema, &plan.table).push(" SET ");
    sql.separated(", ", &plan.columns, |sql, column| {
        sql.name(&column.name).push(" = ").qualified("_b", &column.name);
    });
    sql.push(" FROM ");
    payload(sql, plan);
    which(sql, plan);
    returning(sql, plan);
}

fn delete(sql: &mut Sql, plan: &WritePlan) {
    sql.push("DELETE FROM ").qualified(&plan.schema, &plan.table);
    which(sql, plan);
    returning(sql, plan);
}

/// The rows that are changed. The conditions hold again when a row that was chosen has changed meanwhile.
fn which(sql: &mut Sql, plan: &WritePlan) {
    let mut joins = Vec::new();
    if let Some(limited) = &plan.limited {
        let mut join = Sql::new("(");
        key(&mut join, &plan.table, limited);
        join.push(") IN (SELECT ");
        key(&mut join, CHOSEN, limited);
        join.push(" FROM ").name(CHOSEN).push(")");
        joins.push(join);
    }
    where_all(sql, &plan.table, &plan.conditions, &[], &joins);
}

/// The CTE of a limited write, with the comma after it.
fn chosen(sql: &mut Sql, plan: &WritePlan, limited: &Limited) {
    sql.name(CHOSEN).push(" AS MATERIALIZED (SELECT ");
    key(sql, &plan.table, limited);
    sql.push(" FROM ").qualified(&plan.schema, &plan.table);
    where_all(sql, &plan.table, &plan.conditions, &[], &[]);
    order_by(sql, &plan.table, &limited.order, &[]);
    window(sql, limited.range);
    sql.push(if limited.locks { " FOR UPDATE), " } else { "), " });
}

fn key(sql: &mut Sql, qualifier: &str, limited: &Limited) {
    if limited.key.is_empty() {
        sql.separated(", ", PLACE, |sql, column| {
            sql.qualified(qualifier, column);
        });
    } else {
        sql.separated(", ", &limited.key, |sql, column| {
            sql.qualified(qualifier, column);
        });
    }
}

/// A payload without content writes nothing, but the result has the same columns.
fn nothing(sql: &mut Sql, plan: &WritePlan) {
    sql.push("SELECT ");
    returned(sql, plan);
    sql.push(" FROM ").qualified(&plan.schema, &plan.table).push(" WHERE false");
}

fn returning(sql: &mut Sql, plan: &WritePlan) {
    sql.push(" RETURNING ");
    returned(sql, plan);
}

/// The `FROM` item that delivers what was returned.
fn item(sql: &mut Sql, plan: &WritePlan) {
    sql.name(WRITTEN);
    if plan.returning.is_row() {
        sql.push(", LATERAL unnest(ARRAY[").name(WRITTEN).push(".pgrst_row])");
    }
}

/// Only what is shown: the role may not be allowed to read the rest.
fn returned(sql: &mut Sql, plan: &WritePlan) {
    if !plan.returning.all && plan.returning.names.is_empty() {
        sql.push("1");
        return;
    }
    if plan.returning.is_row() {
        sql.push("(").name(&plan.table).push(".*)::").qualified(&plan.schema, &plan.table).push(" AS pgrst_row");
        return;
    }
    if plan.returning.all {
        sql.name(&plan.table).push(".*");
        return;
    }
    sql.separated(", ", &plan.returning.names, |sql, name| {
        sql.qualified(&plan.table, name);
    });
}

fn names(sql: &mut Sql, columns: &[Column]) {
    sql.separated(", ", columns, |sql, column| {
        sql.name(&column.name);
    });
}

/// The payload's rows as `_b`.
fn payload(sql: &mut Sql, plan: &WritePlan) {
    if plan.columns.iter().all(|column| column.written_by().is_none()) {
        records(sql, plan);
        return;
    }
    sql.push("(SELECT ");
    sql.separated(", ", plan.columns.iter().enumerate(), |sql, (index, column)| {
        let default = own_default(plan, column);
        if let Some(default) = default {
            sql.push("CASE WHEN ").qualified("_b", &default_name(index)).push(" THEN CAST(").push(default);
            sql.push(" AS ").push(&column.type_name).push(") ELSE ");
        }
        converted(sql, column.written_by(), |sql| {
            sql.qualified("_b", &column.name);
        });
        sql.push(if default.is_some() { " END AS " } else { " AS " }).name(&column.name);
    });
    sql.push(" FROM ");
    records(sql, plan);
    sql.push(") AS _b");
}

/// The default of a column that converts what a body has. A default is a value already, so it doesn't go through JSON.
fn own_default<'a>(plan: &WritePlan, column: &'a Column) -> Option<&'a str> {
    column.default.as_deref().filter(|_| plan.missing_default && column.written_by().is_some())
}

/// What the payload's rows call whether the column of that index takes its default.
fn default_name(index: usize) -> String {
    format!("pgrst_d{index}")
}

/// The payload's rows as `_b`, before anything is converted.
fn records(sql: &mut Sql, plan: &WritePlan) {
    let json = plan.payload.json.clone();
    let set = if plan.payload.is_array { "set" } else { "" };
    let completed = plan.missing_default && plan.columns.iter().any(|column| column.default.is_some());
    if completed {
        // Missing keys take the default, so each object is laid over an object of the defaults.
        sql.push(if plan.payload.is_array { "(SELECT jsonb_agg(" } else { "(SELECT (" });
        complete(sql, plan);
        sql.push(") AS j FROM ");
        if plan.payload.is_array {
            sql.push("jsonb_array_elements(").value(json).push("::jsonb) _o) _p");
        } else {
            sql.push("(SELECT ").value(json).push("::jsonb AS _o) _o) _p");
        }
        sql.push(", LATERAL jsonb_to_record").push(set).push("(_p.j) AS _b(");
    } else {
        sql.push("json_to_record").push(set).push("(").value(json).push("::json) AS _b(");
    }
    sql.separated(", ", plan.columns.iter().enumerate(), |sql, (index, column)| {
        let type_name = if column.written_by().is_some() { "json" } else { &column.type_name };
        sql.name(&column.name).push(" ").push(type_name);
        if own_default(plan, column).is_some() {
            sql.push(", ").name(&default_name(index)).push(" boolean");
        }
    });
    sql.push(")");
}

/// The object `_o` over the defaults, with the names of defaults that are none of JSON.
fn complete(sql: &mut Sql, plan: &WritePlan) {
    let defaults = plan.columns.iter().filter(|column| column.written_by().is_none());
    let defaults = defaults.filter_map(|column| column.default.as_deref().map(|default| (column, default)));
    sql.push("jsonb_build_object(");
    sql.separated(", ", defaults, |sql, (column, default)| {
        sql.literal(&column.name).push(", ").push(default);
    });
    sql.push(") || _o");
    for (index, column) in plan.columns.iter().enumerate().filter(|(_, column)| own_default(plan, column).is_some()) {
        sql.push(" || jsonb_build_object(").literal(&default_name(index)).push(", NOT _o ? ").literal(&column.name).push(")");
    }
}
