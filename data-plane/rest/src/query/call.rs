//! Function calls as SQL.

use super::{
    GUCS, Shape, Sql, body,
    read::{read_from, rows, window},
};
use crate::{
    plan::{Argument, CallPlan},
    request::Count,
    schema::{Parameter, Returns},
};

/// The CTE that holds a call's rows while they are counted, so that the function runs once.
const CALLED: &str = "_called";

/// The whole statement of a call.
pub(crate) fn call(plan: &CallPlan, shape: Shape, count: Option<Count>, max_rows: Option<u64>) -> Sql {
    let mut sql = Sql::default();
    match &plan.read {
        // Called in FROM, where it runs whether its value is used or not.
        None if plan.function.returns == Returns::Void => {
            sql.push("SELECT null::int8, count(*), ");
            body(&mut sql, Shape::None);
            sql.push(", ").push(GUCS).push(", null::text, null::text FROM (SELECT FROM ");
            item(&mut sql, plan);
            sql.push(") _r");
        }
        None => scalars(&mut sql, plan, shape, count),
        Some(read) if matches!(count, Some(Count::Exact | Count::Estimated)) => {
            sql.push("WITH ").name(CALLED).push(" AS MATERIALIZED (SELECT ").name(&read.alias).push(".* FROM ");
            item(&mut sql, plan);
            sql.push(" AS ").name(&read.alias).push(") ");
            let called = |sql: &mut Sql| {
                sql.name(CALLED);
            };
            read_from(&mut sql, read, shape, (count, max_rows), Some(&called));
        }
        Some(read) => {
            sql.push("SELECT null::int8, count(*), ");
            body(&mut sql, shape);
            sql.push(", ").push(GUCS).push(", null::text, null::text FROM (");
            rows(&mut sql, read, Some(&|sql| item(sql, plan)));
            sql.push(") _r");
        }
    }
    sql
}

/// One value per row. Called in the list of columns, where a record needs no definition.
fn scalars(sql: &mut Sql, plan: &CallPlan, shape: Shape, count: Option<Count>) {
    sql.push("WITH ").name(CALLED).push(" AS (SELECT ");
    invocation(sql, plan);
    sql.push(" AS pgrst_scalar");
    if let Argument::Json { parameters, json } = &plan.argument
        && !parameters.is_empty()
    {
        sql.push(" FROM ");
        arguments(sql, parameters, json);
    }
    sql.push(") SELECT ");
    let counts = plan.function.is_set && matches!(count, Some(Count::Exact | Count::Estimated));
    if counts {
        sql.push("(SELECT count(*) FROM ").name(CALLED).push(")");
    } else {
        sql.push("null::int8");
    }
    sql.push(", count(*), ");
    body(sql, shape);
    sql.push(", ").push(GUCS).push(", null::text, null::text FROM (SELECT * FROM ").name(CALLED);
    window(sql, plan.range);
    sql.push(") _r");
}

/// The `FROM` item, to be followed by its alias.
fn item(sql: &mut Sql, plan: &CallPlan) {
    if let Argument::Json { parameters, json } = &plan.argument
        && !parameters.is_empty()
    {
        arguments(sql, parameters, json);
        sql.push(", LATERAL ");
    }
    invocation(sql, plan);
}

/// The arguments as columns of `_args`.
fn arguments(sql: &mut Sql, parameters: &[Parameter], json: &str) {
    sql.push("json_to_record(").value(json).push("::json) AS _args(");
    sql.separated(", ", parameters, |sql, parameter| {
        sql.name(&parameter.name).push(" ").push(&parameter.type_name);
    });
    sql.push(")");
}

fn invocation(sql: &mut Sql, plan: &CallPlan) {
    sql.qualified(&plan.function.schema, &plan.function.name).push("(");
    match &plan.argument {
        Argument::Direct(arguments) => {
            sql.separated(", ", arguments, |sql, (parameter, value)| {
                named(sql, parameter);
                sql.value(value).push("::").push(&parameter.type_name);
            });
        }
        Argument::Json { parameters, .. } => {
            sql.separated(", ", parameters, |sql, parameter| {
                named(sql, parameter);
                sql.qualified("_args", &parameter.name);
            });
        }
        Argument::Whole { type_name, body } => {
            sql.value(body).push("::").push(type_name);
        }
    }
    sql.push(")");
}

fn named(sql: &mut Sql, parameter: &Parameter) {
    if parameter.variadic {
        sql.push("VARIADIC ");
    }
    sql.name(&parameter.name).push(" := ");
}
