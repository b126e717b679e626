//! What a read shows of each row, or of each group of rows: its select list, and the groups that this implies.

use super::{
    Sql,
    conditions::{converted, field},
    read::DELIVERED,
};
use crate::{
    plan::{AggregateColumn, Embed, FieldRef, OutputColumn, ReadPlan},
    schema::Conversion,
};

/// An item of a select list.
struct Output<'a> {
    value: Value<'a>,
    /// Computed here if the plan groups, and by the parent otherwise, to which the value is then delivered.
    aggregate: Option<&'a AggregateColumn>,
    /// Of a column; an aggregate says itself what it is called.
    key: &'a str,
}

enum Value<'a> {
    /// `*`, which has no name of its own.
    All,
    Field {
        field: &'a FieldRef,
        cast: Option<&'a str>,
    },
    /// The row as such, to be counted.
    Row,
    /// What an embedded resource delivers as a whole.
    Embedded(&'a Embed),
    /// A column that a spread resource delivers.
    Spread {
        embed: &'a Embed,
        column: &'a str,
        is_json: bool,
    },
}

impl<'a> Output<'a> {
    fn name(&self, plan: &ReadPlan) -> &'a str {
        match self.aggregate {
            None => self.key,
            Some(aggregate) if plan.groups => &aggregate.key,
            Some(aggregate) => &aggregate.input,
        }
    }

    /// What makes the JSON that is shown of the value. An aggregate is one of values as they are stored, and who asks for a
    /// type gets the value in that.
    fn conversion(&self) -> Option<&'a Conversion> {
        match self.value {
            Value::Field { field, cast: None } if self.aggregate.is_none() => field.shown_by(),
            Value::All | Value::Field { .. } | Value::Row | Value::Embedded(_) | Value::Spread { .. } => None,
        }
    }

    /// Whether what is shown is a JSON document that was made by the statement.
    fn is_json(&self) -> bool {
        match self.value {
            Value::All | Value::Row => false,
            Value::Field { .. } => self.conversion().is_some(),
            Value::Embedded(_) => true,
            Value::Spread { is_json, .. } => is_json,
        }
    }
}

/// The select list.
pub(super) fn outputs(sql: &mut Sql, plan: &ReadPlan) {
    sql.separated(", ", shown(plan), |sql, output| {
        match output.aggregate {
            Some(aggregate) if plan.groups => cast(sql, aggregate.cast.as_deref(), |sql| {
                sql.push(aggregate.function.name()).push("(");
                if matches!(output.value, Value::Row) {
                    sql.push("*");
                } else {
                    value(sql, plan, &output);
                }
                sql.push(")");
            }),
            Some(_) => value(sql, plan, &output),
            None => converted(sql, output.conversion(), |sql| value(sql, plan, &output)),
        }
        if !matches!(output.value, Value::All) {
            sql.push(" AS ").name(output.name(plan));
        }
    });
}

/// The names that a spread resource gives to its parent.
pub(super) fn names(plan: &ReadPlan) -> impl Iterator<Item = &str> {
    named(plan).map(|output| output.name(plan))
}

/// ` GROUP BY` all that is not aggregated, or nothing for a plan that does not group.
pub(super) fn group_by(sql: &mut Sql, plan: &ReadPlan) {
    if !plan.groups {
        return;
    }
    let grouping: Vec<Output<'_>> = named(plan).filter(|output| output.aggregate.is_none()).collect();
    sql.push(" GROUP BY ");
    if grouping.is_empty() {
        // All rows are one group, even if there are none.
        sql.push("()");
    }
    sql.separated(", ", grouping, |sql, output| value(sql, plan, &output));
}

fn shown(plan: &ReadPlan) -> Vec<Output<'_>> {
    let mut outputs: Vec<Output<'_>> = plan.columns.iter().map(column).collect();
    for embed in plan.embeds.iter().filter(|embed| embed.shown) {
        if !embed.spread {
            outputs.push(Output { value: Value::Embedded(embed), aggregate: None, key: &embed.key });
            continue;
        }
        let to_many = !embed.relationship.is_to_one();
        outputs.extend(named(&embed.plan).map(|inner| {
            let column = inner.name(&embed.plan);
            let is_json = to_many || inner.is_json();
            Output { value: Value::Spread { embed, column, is_json }, aggregate: inner.aggregate, key: column }
        }));
    }
    outputs
}

/// Without `*`, which the planner replaced by the columns where they are known.
fn named(plan: &ReadPlan) -> impl Iterator<Item = Output<'_>> {
    shown(plan).into_iter().filter(|output| !matches!(output.value, Value::All))
}

fn column(column: &OutputColumn) -> Output<'_> {
    match column {
        OutputColumn::All => Output { value: Value::All, aggregate: None, key: "" },
        OutputColumn::Field { field, key, cast } => {
            Output { value: Value::Field { field, cast: cast.as_deref() }, aggregate: None, key }
        }
        OutputColumn::Aggregate(aggregate) => {
            let value = match &aggregate.of {
                Some((field, cast)) => Value::Field { field, cast: cast.as_deref() },
                None => Value::Row,
            };
            Output { value, aggregate: Some(aggregate), key: &aggregate.key }
        }
    }
}

/// The value as it is stored or delivered.
fn value(sql: &mut Sql, plan: &ReadPlan, output: &Output<'_>) {
    // Only `jsonb` can be compared, and so be grouped by. What is embedded is that already.
    let comparable = match output.value {
        Value::Spread { is_json: true, .. } if plan.groups => Some("jsonb"),
        Value::All | Value::Field { .. } | Value::Row | Value::Embedded(_) | Value::Spread { .. } => None,
    };
    cast(sql, comparable, |sql| match &output.value {
        Value::All => {
            sql.name(&plan.alias).push(".*");
        }
        Value::Field { field: shown, cast: to } => cast(sql, *to, |sql| field(sql, &plan.alias, shown)),
        Value::Row => {
            sql.push("true");
        }
        Value::Embedded(embed) => delivered(sql, embed, DELIVERED),
        Value::Spread { embed, column, .. } => delivered(sql, embed, column),
    });
}

/// What an embedded resource delivers by that name; of a to-many one an array, even if there are no rows.
fn delivered(sql: &mut Sql, embed: &Embed, name: &str) {
    if embed.relationship.is_to_one() {
        sql.qualified(&embed.lateral, name);
    } else {
        sql.push("coalesce(").qualified(&embed.lateral, name).push(", '[]')");
    }
}

fn cast(sql: &mut Sql, to: Option<&str>, what: impl FnOnce(&mut Sql)) {
    match to {
        None => what(sql),
        Some(to) => {
            sql.push("CAST(");
            what(sql);
            sql.push(" AS ").push(to).push(")");
        }
    }
}
