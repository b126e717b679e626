//! Columns, conditions and orders as SQL.

use super::{
    Sql,
    read::{DELIVERED, export_name},
};
use crate::{
    plan::{Embed, FieldRef, OrderBy, PlannedCondition, PlannedOrder, array_literal},
    request::{IsValue, JsonKey, Operation, Operator, Quantifier},
    schema::Conversion,
};

/// `"t"."c"`, with its JSON path.
pub(crate) fn field(sql: &mut Sql, qualifier: &str, field: &FieldRef) {
    if field.path.is_empty() {
        sql.qualified(qualifier, &field.column);
        return;
    }
    if field.is_json {
        sql.qualified(qualifier, &field.column);
    } else {
        sql.push("to_jsonb(").qualified(qualifier, &field.column).push(")");
    }
    for step in &field.path {
        sql.push(if step.as_text { "->>" } else { "->" });
        match &step.key {
            JsonKey::Name(name) => sql.literal(name),
            JsonKey::Index(index) => sql.push(&index.to_string()),
        };
    }
}

/// The value by way of the function, if there is one.
pub(crate) fn converted(sql: &mut Sql, by: Option<&Conversion>, value: impl FnOnce(&mut Sql)) {
    match by {
        None => value(sql),
        Some(function) => {
            sql.qualified(&function.schema, &function.name).push("(");
            value(sql);
            sql.push(")");
        }
    }
}

/// ` WHERE a AND b`, or nothing.
pub(crate) fn where_all(sql: &mut Sql, qualifier: &str, conditions: &[PlannedCondition], embeds: &[Embed], joins: &[Sql]) {
    if conditions.is_empty() && joins.is_empty() {
        return;
    }
    sql.push(" WHERE ");
    sql.separated(" AND ", joins, |sql, join| {
        sql.push(&join.text);
    });
    if !joins.is_empty() && !conditions.is_empty() {
        sql.push(" AND ");
    }
    sql.separated(" AND ", conditions, |sql, member| condition(sql, qualifier, member, embeds));
}

fn condition(sql: &mut Sql, qualifier: &str, planned: &PlannedCondition, embeds: &[Embed]) {
    match planned {
        PlannedCondition::Group { negated, any, members } => {
            sql.push(if *negated { "NOT (" } else { "(" });
            sql.separated(if *any { " OR " } else { " AND " }, members, |sql, member| condition(sql, qualifier, member, embeds));
            sql.push(")");
        }
        PlannedCondition::EmbedIs { embed, null } => {
            if let Some(embed) = embeds.get(*embed) {
                sql.qualified(&embed.lateral, DELIVERED).push(if *null { " IS NULL" } else { " IS NOT NULL" });
            }
        }
        PlannedCondition::Filter { field, negated, operation } => {
            if *negated {
                sql.push("NOT ");
            }
            filter(sql, qualifier, field, operation);
        }
    }
}

fn filter(sql: &mut Sql, qualifier: &str, subject: &FieldRef, operation: &Operation) {
    match operation {
        Operation::Compare { operator, quantifier, value } => {
            field(sql, qualifier, subject);
            sql.push(" ").push(operator.sql()).push(" ");
            let value = if operator.is_pattern() { value.replace('*', "%") } else { value.clone() };
            let conversion = subject.compared_by().filter(|_| !is_about_text(*operator));
            match quantifier {
                None => compared(sql, conversion, value),
                Some(quantifier) => {
                    sql.push(match quantifier {
                        Quantifier::Any => "ANY (",
                        Quantifier::All => "ALL (",
                    });
                    each_compared(sql, conversion, value);
                    sql.push(")");
                }
            }
        }
        Operation::In(values) => {
            field(sql, qualifier, subject);
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            sql.push(" = ANY (");
            each_compared(sql, subject.compared_by(), array_literal(&values));
            sql.push(")");
        }
        Operation::Is(value) => {
            field(sql, qualifier, subject);
            sql.push(match value {
                IsValue::Null => " IS NULL",
                IsValue::NotNull => " IS NOT NULL",
                IsValue::True => " IS TRUE",
                IsValue::False => " IS FALSE",
                IsValue::Unknown => " IS UNKNOWN",
            });
        }
        Operation::IsDistinct(value) => {
            field(sql, qualifier, subject);
            sql.push(" IS DISTINCT FROM ");
            compared(sql, subject.compared_by(), value.clone());
        }
        Operation::Search { function, language, value } => {
            if subject.needs_tsvector {
                sql.push("to_tsvector(");
                if let Some(language) = language {
                    sql.value(language).push("::regconfig, ");
                }
                field(sql, qualifier, subject);
                sql.push(")");
            } else {
                field(sql, qualifier, subject);
            }
            sql.push(" @@ ").push(function).push("(");
            if let Some(language) = language {
                sql.value(language).push("::regconfig, ");
            }
            sql.value(value).push(")");
        }
    }
}

/// Whether what it compares with is a pattern, and no value of the column.
fn is_about_text(operator: Operator) -> bool {
    match operator {
        Operator::Like | Operator::Ilike | Operator::Match | Operator::Imatch => true,
        Operator::Eq
        | Operator::Neq
        | Operator::Gt
        | Operator::Gte
        | Operator::Lt
        | Operator::Lte
        | Operator::Contains
        | Operator::Contained
        | Operator::Overlaps
        | Operator::StrictlyLeft
        | Operator::StrictlyRight
        | Operator::NotRight
        | Operator::NotLeft
        | Operator::Adjacent => false,
    }
}

/// What a column is compared with.
pub(crate) fn compared(sql: &mut Sql, conversion: Option<&Conversion>, value: String) {
    converted(sql, conversion, |sql| {
        sql.value(value);
        if conversion.is_some() {
            // Of several functions of that name it is the one of a text.
            sql.push("::text");
        }
    });
}

/// The members of an array literal as an array. They are converted once and before the rows are looked for, so that an index
/// applies.
fn each_compared(sql: &mut Sql, conversion: Option<&Conversion>, literal: String) {
    if conversion.is_none() {
        sql.value(literal);
        return;
    }
    sql.push("ARRAY(SELECT ");
    converted(sql, conversion, |sql| {
        sql.push("_v");
    });
    sql.push(" FROM unnest(").value(literal).push("::text[]) _v)");
}

/// ` ORDER BY ...`, or nothing.
pub(crate) fn order_by(sql: &mut Sql, qualifier: &str, order: &[PlannedOrder], embeds: &[Embed]) {
    if order.is_empty() {
        return;
    }
    sql.push(" ORDER BY ");
    sql.separated(", ", order, |sql, term| {
        match &term.by {
            OrderBy::Field(by) => field(sql, qualifier, by),
            OrderBy::Export { embed, export } => {
                if let Some(embed) = embeds.get(*embed) {
                    sql.qualified(&embed.lateral, &export_name(*export));
                }
            }
            OrderBy::Spread { embed, key, is_json } => {
                if let Some(embed) = embeds.get(*embed) {
                    // As the rows are grouped by it.
                    sql.push(if *is_json { "CAST(" } else { "" }).qualified(&embed.lateral, key);
                    sql.push(if *is_json { " AS jsonb)" } else { "" });
                }
            }
        }
        sql.push(match term.descending {
            None => "",
            Some(false) => " ASC",
            Some(true) => " DESC",
        });
        sql.push(match term.nulls_first {
            None => "",
            Some(true) => " NULLS FIRST",
            Some(false) => " NULLS LAST",
        });
    });
}
