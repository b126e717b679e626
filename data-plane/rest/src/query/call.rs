//! Function calls as SQL.

use std::sync::Arc;

use super::{Delivery, GUCS, Sql, read::read_from};
use crate::{
    plan::{Argument, CallPlan},
    request::Count,
    schema::{Parameter, Returns},
};

/// The CTE that holds a call's rows while they are counted, so that the function runs once.
const CALLED: &str = "_called";

/// The whole statement of a call.
pub(crate) fn call(plan: &CallPlan, delivery: Delivery, count: Option<Count>, max_rows: Option<u64>) -> Sql {
    let mut sql = Sql::default();
    let counts = matches!(count, Some(Count::Exact | Count::Estimated));
    match (&plan.read, &plan.scalars) {
        (Some(read), _) if counts => {
            let called = called(&mut sql, plan);
            let item = |sql: &mut Sql| {
                sql.push(&called.text);
            };
            read_from(&mut sql, read, delivery, (count, max_rows), Some(&item));
        }
        (Some(read), _) => {
            read_from(&mut sql, read, delivery, (count, max_rows), Some(&|sql| item(sql, plan)));
        }
        (None, Some(scalars)) => {
            called_scalars(&mut sql, plan);
            let called = |sql: &mut Sql| {
                sql.name(CALLED);
            };
            read_from(&mut sql, scalars, delivery, (count, max_rows), Some(&called));
        }
        // Called in FROM, where it runs whether its value is used or not.
        (None, None) => {
            sql.push("SELECT null::int8, count(*), '', ").push(GUCS).push(", null::text, null::text FROM (SELECT FROM ");
            item(&mut sql, plan);
            sql.push(") _r");
        }
    }
    sql
}

/// The CTE of a call that is counted; gives the `FROM` item that delivers its rows. Rows of a relation stay rows of it, so that
/// computed fields and relationships, which are functions of such a row, apply.
fn called(sql: &mut Sql, plan: &CallPlan) -> Sql {
    let is_relation = matches!(plan.function.returns, Returns::Relation { .. });
    sql.push("WITH ").name(CALLED).push(" AS MATERIALIZED (SELECT ");
    sql.push(if is_relation { "pgrst_row FROM " } else { "pgrst_row.* FROM " });
    item(sql, plan);
    sql.push(" AS pgrst_row) ");
    let mut from = Sql::default();
    from.name(CALLED);
    if is_relation {
        from.push(", LATERAL unnest(ARRAY[").name(CALLED).push(".pgrst_row])");
    }
    from
}

/// The CTE of a call that delivers one value per row. Called in the list of columns, where a record needs no definition.
fn called_scalars(sql: &mut Sql, plan: &CallPlan) {
    sql.push("WITH ").name(CALLED).push(" AS (SELECT ");
    invocation(sql, plan);
    sql.push(" AS pgrst_scalar");
    if let Argument::Json { parameters, json, is_array } = &plan.argument
        && !parameters.is_empty()
    {
        sql.push(" FROM ");
        arguments(sql, parameters, json, *is_array);
    }
    sql.push(") ");
}

/// The `FROM` item, to be followed by its alias.
fn item(sql: &mut Sql, plan: &CallPlan) {
    if let Argument::Json { parameters, json, is_array } = &plan.argument
        && !parameters.is_empty()
    {
        arguments(sql, parameters, json, *is_array);
        sql.push(", LATERAL ");
    }
    invocation(sql, plan);
}

/// The arguments as columns of `_args`.
fn arguments(sql: &mut Sql, parameters: &[Parameter], json: &Arc<String>, is_array: bool) {
    if is_array {
        sql.push("(SELECT * FROM json_to_recordset(");
    } else {
        sql.push("json_to_record(");
    }
    sql.value(Arc::clone(json)).push("::json) AS ").push(if is_array { "_all" } else { "_args" }).push("(");
    sql.separated(", ", parameters, |sql, parameter| {
        sql.name(&parameter.name).push(" ").push(parameter.value_type());
    });
    sql.push(if is_array { ") LIMIT 1) AS _args" } else { ")" });
}

fn invocation(sql: &mut Sql, plan: &CallPlan) {
    sql.qualified(&plan.function.schema, &plan.function.name).push("(");
    match &plan.argument {
        Argument::Direct(arguments) => {
            sql.separated(", ", arguments, |sql, (parameter, value)| {
                named(sql, parameter);
                sql.value(value).push("::").push(parameter.value_type());
            });
        }
        Argument::Json { parameters, .. } => {
            sql.separated(", ", parameters, |sql, parameter| {
                named(sql, parameter);
                sql.qualified("_args", &parameter.name);
            });
        }
        Argument::Whole { type_name, body } => {
            sql.value(Arc::clone(body)).push("::").push(type_name);
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
