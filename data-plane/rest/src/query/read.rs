//! Reads as SQL. Each embedded resource is a lateral subquery that delivers one JSON value per row of its parent: `jsonb`, as
//! PostgREST does, which shows in spaces and in the order of keys, and which can be grouped by.

use super::{
    Delivery, GUCS, Sql, body,
    conditions::{field, order_by, where_all},
    outputs::{group_by, names, outputs},
    singly::singly,
};
use crate::{
    plan::{Embed, ReadPlan, Source},
    request::{Count, RowRange},
    schema::Cardinality,
};

/// The CTE a write delivers its rows by.
pub(crate) const WRITTEN: &str = "_written";

/// What an embedded resource's subquery calls the value it delivers: nothing that a column is likely to be called, as a
/// spread resource delivers its columns beside it.
pub(crate) const DELIVERED: &str = "pgrst_j";

/// What it calls a column that its parent is ordered by.
pub(crate) fn export_name(index: usize) -> String {
    format!("pgrst_o{index}")
}

/// The whole statement of a read. `call` is the `FROM` item of a function call.
pub(crate) fn read(plan: &ReadPlan, delivery: Delivery, count: Option<Count>, max_rows: Option<u64>) -> Sql {
    let mut sql = Sql::new("");
    read_from(&mut sql, plan, delivery, (count, max_rows), None);
    sql
}

/// A read whose root may be a function call, appended to what may be a `WITH`.
pub(crate) fn read_from(
    sql: &mut Sql,
    plan: &ReadPlan,
    delivery: Delivery,
    (count, max_rows): (Option<Count>, Option<u64>),
    call: Option<&CallItem<'_>>,
) {
    let counting = Counting::new(count, max_rows);
    let shape = match delivery {
        Delivery::AtOnce(shape) => shape,
        Delivery::Singly(joined) => {
            singly(sql, joined, |sql| rows(sql, plan, call), |sql| total_if_needed(sql, plan, counting, call));
            return;
        }
    };
    sql.push("SELECT ");
    total(sql, plan, counting, call);
    sql.push(", count(*), ");
    body(sql, shape);
    // The outer of the two is what lets PostgreSQL build a row where it is used: no step of the plan is spent on it.
    sql.push(", ").push(GUCS).push(", null::text, null::text FROM (SELECT * FROM (");
    rows(sql, plan, call);
    sql.push(") pgrst_source) _r");
}

/// The planner's estimate of a read's rows.
pub(crate) fn explain(plan: &ReadPlan) -> Sql {
    let mut sql = Sql::new("EXPLAIN (FORMAT JSON) ");
    counted(&mut sql, plan, None, None);
    sql
}

/// That rows are counted, and how many before it is enough.
#[derive(Clone, Copy)]
struct Counting {
    at_most: Option<u64>,
}

impl Counting {
    fn new(count: Option<Count>, max_rows: Option<u64>) -> Option<Self> {
        match count {
            None | Some(Count::Planned) => None,
            Some(Count::Exact) => Some(Self { at_most: None }),
            Some(Count::Estimated) => Some(Self { at_most: max_rows.map(|rows| rows.saturating_add(1)) }),
        }
    }
}

/// The total beside rows that come one by one, or null where they tell it, however many they are.
fn total_if_needed(sql: &mut Sql, plan: &ReadPlan, counting: Option<Counting>, call: Option<&CallItem<'_>>) {
    let RowRange { offset, limit } = plan.range;
    match counting {
        Some(counting) if limit.is_some() || offset > 0 => count_all(sql, plan, counting, call),
        Some(_) | None => {
            sql.push("null::int8");
        }
    }
}

/// The total number of rows, or null. What the page itself tells is not counted again.
fn total(sql: &mut Sql, plan: &ReadPlan, counting: Option<Counting>, call: Option<&CallItem<'_>>) {
    let Some(counting) = counting else {
        sql.push("null::int8");
        return;
    };
    let RowRange { offset, limit } = plan.range;
    sql.push("CASE WHEN ");
    match limit {
        Some(limit) => sql.push("count(*) < ").value(limit.to_string()).push("::int8"),
        None => sql.push("true"),
    };
    if offset > 0 {
        sql.push(" AND count(*) > 0");
    }
    sql.push(" THEN count(*)");
    if offset > 0 {
        sql.push(" + ").value(offset.to_string()).push("::int8");
    }
    sql.push(" ELSE ");
    count_all(sql, plan, counting, call);
    sql.push(" END");
}

fn count_all(sql: &mut Sql, plan: &ReadPlan, counting: Counting, call: Option<&CallItem<'_>>) {
    sql.push("(SELECT count(*) FROM (");
    counted(sql, plan, call, counting.at_most);
    sql.push(") _c)");
}

/// The rows, or groups, without order, window and everything that does not decide which there are.
fn counted(sql: &mut Sql, plan: &ReadPlan, call: Option<&CallItem<'_>>, at_most: Option<u64>) {
    sql.push("SELECT 1 FROM ");
    from(sql, plan, call);
    for embed in plan.embeds.iter().filter(|embed| embed.inner || embed.tested || (plan.groups && embed.shown)) {
        join(sql, &plan.alias, embed);
    }
    where_all(sql, &plan.alias, &plan.conditions, &plan.embeds, &[]);
    group_by(sql, plan);
    if let Some(at_most) = at_most {
        sql.push(" LIMIT ").value(at_most.to_string());
    }
}

/// The `FROM` item of a function call, or of what a write returned.
pub(crate) type CallItem<'a> = dyn Fn(&mut Sql) + 'a;

/// `SELECT` list, joins, conditions, order and window.
pub(crate) fn rows(sql: &mut Sql, plan: &ReadPlan, call: Option<&CallItem<'_>>) {
    select(sql, plan, &|sql| from(sql, plan, call), &[], outputs);
}

/// `SELECT list FROM item` with everything that follows.
fn select(sql: &mut Sql, plan: &ReadPlan, item: &CallItem<'_>, joins: &[Sql], list: impl FnOnce(&mut Sql, &ReadPlan)) {
    sql.push("SELECT ");
    list(sql, plan);
    sql.push(" FROM ");
    item(sql);
    for embed in &plan.embeds {
        if embed.shown || embed.inner || embed.tested || !embed.exports.is_empty() {
            join(sql, &plan.alias, embed);
        }
    }
    where_all(sql, &plan.alias, &plan.conditions, &plan.embeds, joins);
    group_by(sql, plan);
    order_by(sql, &plan.alias, &plan.order, &plan.embeds);
    window(sql, plan.range);
}

pub(crate) fn window(sql: &mut Sql, range: RowRange) {
    if let Some(limit) = range.limit {
        // Not as a parameter: a plan for any limit is one for a tenth of the rows, which a scan of all seems good for. Clients
        // have few limits, but many offsets.
        sql.push(" LIMIT ").push(&limit.to_string());
    }
    if range.offset > 0 {
        sql.push(" OFFSET ").value(range.offset.to_string());
    }
}

fn from(sql: &mut Sql, plan: &ReadPlan, call: Option<&CallItem<'_>>) {
    match &plan.source {
        Source::Relation { schema, name } => {
            sql.qualified(schema, name);
            if *name != plan.alias {
                sql.push(" AS ").name(&plan.alias);
            }
        }
        Source::Written | Source::Call => {
            if let Some(call) = call {
                call(sql);
            }
            sql.push(" AS ").name(&plan.alias);
        }
        Source::Computed { schema, function, origin } => {
            // The row, even if a column of it has the same name.
            sql.qualified(schema, function).push("(").name(origin).push(".*) AS ").name(&plan.alias);
        }
    }
}

/// Joins an embedded resource to its parent.
fn join(sql: &mut Sql, parent: &str, embed: &Embed) {
    sql.push(if embed.inner { " JOIN LATERAL (" } else { " LEFT JOIN LATERAL (" });
    if embed.spread && embed.shown {
        spread(sql, parent, embed);
    } else if embed.relationship.is_to_one() {
        to_one(sql, parent, embed);
    } else {
        sql.push("SELECT json_agg(_j.*)::jsonb AS pgrst_j FROM (");
        related(sql, parent, embed, outputs);
        sql.push(") _j");
    }
    sql.push(") AS ").name(&embed.lateral).push(" ON ");
    if embed.inner {
        // An aggregate always delivers a row.
        sql.qualified(&embed.lateral, DELIVERED).push(" IS NOT NULL");
    } else {
        sql.push("TRUE");
    }
}

fn to_one(sql: &mut Sql, parent: &str, embed: &Embed) {
    if embed.exports.is_empty() {
        sql.push("SELECT row_to_json(_j.*)::jsonb AS pgrst_j FROM (");
        related(sql, parent, embed, outputs);
        sql.push(") _j");
        return;
    }
    related(sql, parent, embed, |sql, plan| {
        sql.push("(SELECT row_to_json(_j.*)::jsonb FROM (SELECT ");
        outputs(sql, plan);
        sql.push(") _j) AS pgrst_j");
        exports(sql, plan, embed);
    });
}

fn exports(sql: &mut Sql, plan: &ReadPlan, embed: &Embed) {
    for (index, export) in embed.exports.iter().enumerate() {
        sql.push(", ");
        field(sql, &plan.alias, export);
        sql.push(" AS ").name(&export_name(index));
    }
}

/// Delivers columns: of the only row, or each as an array over all rows.
fn spread(sql: &mut Sql, parent: &str, embed: &Embed) {
    if !embed.relationship.is_to_one() {
        sql.push("SELECT nullif(count(*), 0) AS pgrst_j");
        for name in names(&embed.plan) {
            sql.push(", json_agg(").qualified("_j", name).push(")::jsonb AS ").name(name);
        }
        sql.push(" FROM (");
        related(sql, parent, embed, outputs);
        sql.push(") _j");
        return;
    }
    related(sql, parent, embed, |sql, plan| {
        sql.push("true AS pgrst_j");
        exports(sql, plan, embed);
        sql.push(", ");
        outputs(sql, plan);
    });
}

/// The target's rows that belong to the parent's.
fn related(sql: &mut Sql, parent: &str, embed: &Embed, list: impl FnOnce(&mut Sql, &ReadPlan)) {
    let plan = &embed.plan;
    let mut joins = Vec::new();
    let mut equal = |left: (&str, &str), right: (&str, &str)| {
        let mut join = Sql::default();
        join.qualified(left.0, left.1).push(" = ").qualified(right.0, right.1);
        joins.push(join);
    };
    match (&embed.relationship.junction, embed.relationship.cardinality) {
        (_, Cardinality::Computed { .. }) => {}
        (None, _) => {
            for (own, other) in &embed.relationship.columns {
                equal((&plan.alias, other), (parent, own));
            }
        }
        (Some(junction), _) => {
            for (own, other) in &embed.relationship.columns {
                equal((&embed.junction_alias, other), (parent, own));
            }
            for (own, other) in &junction.columns {
                equal((&plan.alias, other), (&embed.junction_alias, own));
            }
        }
    }
    match &embed.relationship.junction {
        None => select(sql, plan, &|sql| from(sql, plan, None), &joins, list),
        Some(junction) => {
            let junction_item = |sql: &mut Sql| {
                sql.qualified(&junction.schema, &junction.name).push(" AS ").name(&embed.junction_alias).push(", ");
                from(sql, plan, None);
            };
            select(sql, plan, &junction_item, &joins, list);
        }
    }
}
