//! Function calls as SQL.

use super::{
    GUCS, Shape, Sql, body,
    read::{read_from, rows},
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
        None => {
            sql.push("SELECT null::int8, count(*), ");
            body(&mut sql, if plan.function.returns == Returns::Void { Shape::None } else { shape });
            sql.push(", ").push(GUCS).push(", null::text, null::text FROM (SELECT _s.pgrst_scalar FROM ");
            item(&mut sql, plan);
            sql.push(" AS _s(pgrst_scalar)) _r");
        }
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

/// The `FROM` item, to be followed by its alias.
fn item(sql: &mut Sql, plan: &CallPlan) {
    let function = &plan.function;
    let open = |sql: &mut Sql| {
        sql.qualified(&function.schema, &function.name).push("(");
    };
    match &plan.argument {
        Argument::Direct(arguments) => {
            open(sql);
            sql.separated(", ", arguments, |sql, (parameter, value)| {
                named(sql, parameter);
                sql.value(value).push("::").push(&parameter.type_name);
            });
            sql.push(")");
        }
        Argument::Json { parameters, .. } if parameters.is_empty() => {
            open(sql);
            sql.push(")");
        }
        Argument::Json { parameters, json } => {
            sql.push("json_to_record(").value(json).push("::json) AS _args(");
            sql.separated(", ", parameters, |sql, parameter| {
                sql.name(&parameter.name).push(" ").push(&parameter.type_name);
            });
            sql.push("), LATERAL ");
            open(sql);
            sql.separated(", ", parameters, |sql, parameter| {
                named(sql, parameter);
                sql.qualified("_args", &parameter.name);
            });
            sql.push(")");
        }
        Argument::Whole { type_name, body } => {
            open(sql);
            sql.value(body).push("::").push(type_name).push(")");
        }
    }
}

fn named(sql: &mut Sql, parameter: &Parameter) {
    if parameter.variadic {
        sql.push("VARIADIC ");
    }
    sql.name(&parameter.name).push(" := ");
}
