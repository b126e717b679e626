//! Columns, conditions and orders as SQL.

use super::{
    Sql,
    read::{DELIVERED, export_name},
};
use crate::{
    plan::{Embed, FieldRef, OrderBy, PlannedCondition, PlannedOrder, array_literal},
    request::{IsValue, JsonKey, Operation, Quantifier},
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
            match quantifier {
                None => {
                    sql.value(value);
                }
                Some(quantifier) => {
                    sql.push(match quantifier {
                        Quantifier::Any => "ANY (",
                        Quantifier::All => "ALL (",
                    });
                    sql.value(value).push(")");
                }
            }
        }
        Operation::In(values) => {
            field(sql, qualifier, subject);
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            sql.push(" = ANY (").value(array_literal(&values)).push(")");
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
            sql.push(" IS DISTINCT FROM ").value(value);
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
            OrderBy::Spread { embed, key } => {
                if let Some(embed) = embeds.get(*embed) {
                    sql.qualified(&embed.lateral, key);
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
