//! Plans a read: the tree of embedded resources first, then filters, orders and windows onto its nodes.

use std::sync::Arc;

use super::{
    AggregateColumn, Embed, OrderBy, OutputColumn, PlannedCondition, PlannedOrder, ReadPlan, Source, embed,
    fields::{all, output, resolve},
    null_test, relation,
};
use crate::{
    error::RestError,
    request::{Condition, Field, OrderTerm, QueryString, RowRange, SelectAggregate, SelectEmbed, SelectItem},
    schema::{Cardinality, Relation, SchemaCache},
};

/// What the root of a read is.
#[derive(Debug)]
pub(crate) struct Root<'a> {
    pub(crate) source: Source,
    /// The relation whose relationships and types apply, if the rows are those of one.
    pub(crate) relation: Option<&'a Relation>,
    pub(crate) alias: String,
    pub(crate) schema: &'a str,
    /// Filters on the root are applied here, and not by the write before.
    pub(crate) filtered: bool,
    /// Whether the root's rows are put into an order and cut to a window here.
    pub(crate) windowed: bool,
}

/// Plans a read of a relation by itself.
pub(crate) fn plan_read(
    cache: &SchemaCache,
    schema: &str,
    name: &str,
    query: &QueryString,
    range: RowRange,
) -> Result<ReadPlan, RestError> {
    let relation = relation(cache, schema, name)?;
    let root = Root {
        source: Source::Relation { schema: schema.to_owned(), name: name.to_owned() },
        relation: Some(relation),
        alias: name.to_owned(),
        schema,
        filtered: true,
        windowed: true,
    };
    plan_from(cache, root, query, range)
}

pub(crate) fn plan_from(
    cache: &SchemaCache,
    root: Root<'_>,
    query: &QueryString,
    range: RowRange,
) -> Result<ReadPlan, RestError> {
    let mut planner = Planner { cache, max_rows: cache.config.max_rows, laterals: 0, aggregates: 0 };
    let all = [SelectItem::All];
    let select = query.select.as_deref().unwrap_or(&all);
    let name = root.relation.map(|relation| relation.name.as_str());
    let mut node = planner.node(
        root.schema,
        root.relation,
        name,
        select,
        Place { source: root.source, alias: root.alias, ancestors: &[] },
    )?;
    node.group();
    if root.windowed {
        node.plan.range = range.capped(planner.max_rows);
    }
    for (path, condition) in &query.filters {
        if path.is_empty() && !root.filtered {
            continue;
        }
        node.at(path)?.filter(condition)?;
    }
    for (path, terms) in &query.orders {
        node.at(path)?.order(terms)?;
    }
    for (path, window) in &query.ranges {
        if !path.is_empty() {
            node.at(path)?.plan.range = window.capped(planner.max_rows);
        }
    }
    Ok(node.finish())
}

/// Plans the conditions a write applies by itself.
pub(crate) fn plan_conditions(relation: &Relation, query: &QueryString) -> Result<Vec<PlannedCondition>, RestError> {
    query
        .filters
        .iter()
        .filter(|(path, _)| path.is_empty())
        .map(|(_, condition)| planned(condition, Some(relation), &mut |_, _, _| Ok(None)))
        .collect()
}

struct Planner<'a> {
    cache: &'a SchemaCache,
    max_rows: Option<u64>,
    laterals: usize,
    aggregates: usize,
}

struct Place<'b> {
    source: Source,
    alias: String,
    ancestors: &'b [String],
}

/// A plan in the making, with what is needed to resolve names in it.
struct Node<'a> {
    relation: Option<&'a Relation>,
    plan: ReadPlan,
    children: Vec<Node<'a>>,
    /// Whether it has aggregates, of its own or of what is spread into it.
    aggregates: bool,
    is_aliased: bool,
    /// What is embedded in it goes by its relation's name, too.
    legacy_names: bool,
}

impl<'a> Planner<'a> {
    fn node(
        &mut self,
        schema: &str,
        relation: Option<&'a Relation>,
        name: Option<&str>,
        select: &[SelectItem],
        place: Place<'_>,
    ) -> Result<Node<'a>, RestError> {
        let mut ancestors = place.ancestors.to_vec();
        ancestors.push(place.alias.clone());
        let mut node = Node {
            relation,
            plan: ReadPlan {
                source: place.source,
                alias: place.alias,
                columns: Vec::new(),
                groups: false,
                conditions: Vec::new(),
                order: Vec::new(),
                range: RowRange::default().capped(self.max_rows),
                embeds: Vec::new(),
                renamed: Vec::new(),
            },
            children: Vec::new(),
            aggregates: false,
            is_aliased: false,
            legacy_names: self.cache.config.legacy_target_names,
        };
        for item in select {
            match item {
                SelectItem::All => node.plan.columns.extend(all(relation)),
                SelectItem::Column(column) => node.plan.columns.push(output(column, relation)),
                SelectItem::Aggregate(aggregate) => {
                    let column = self.aggregate(aggregate, relation)?;
                    node.plan.columns.push(OutputColumn::Aggregate(column));
                    node.aggregates = true;
                }
                SelectItem::Embed(embed) => {
                    let Some(name) = name else {
                        return Err(RestError::NoRelationship {
                            origin: node.plan.alias.clone(),
                            target: embed.target.clone(),
                            hint: embed.hint.clone(),
                            schema: schema.to_owned(),
                            suggestion: None,
                        });
                    };
                    let (planned, child) = self.embed(schema, name, embed, &ancestors)?;
                    node.aggregates |= planned.spread && child.aggregates;
                    node.plan.embeds.push(planned);
                    node.children.push(child);
                }
            }
        }
        Ok(node)
    }

    fn embed(
        &mut self,
        schema: &str,
        origin: &str,
        embed: &SelectEmbed,
        ancestors: &[String],
    ) -> Result<(Embed, Node<'a>), RestError> {
        let relationship = Arc::clone(embed::find(self.cache, (schema, origin), embed)?);
        self.laterals += 1;
        let number = self.laterals;
        let (target_schema, target) = relationship.target.clone();
        let alias = unused(&format!("{target}_{}", ancestors.len()), ancestors);
        let source = match relationship.cardinality {
            Cardinality::Computed { .. } => Source::Computed {
                schema: relationship.columns.first().map_or_else(String::new, |(schema, _)| schema.clone()),
                function: relationship.constraint.clone(),
                origin: ancestors.last().cloned().unwrap_or_default(),
            },
            Cardinality::ManyToOne | Cardinality::OneToMany | Cardinality::OneToOne { .. } | Cardinality::ManyToMany => {
                Source::Relation { schema: target_schema.clone(), name: target.clone() }
            }
        };
        let relation = self.cache.relation(&target_schema, &target);
        let mut child = self.node(&target_schema, relation, Some(&target), &embed.select, Place { source, alias, ancestors })?;
        child.is_aliased = embed.alias.is_some();
        if !embed.spread {
            child.group();
        } else if child.aggregates && !relationship.is_to_one() {
            return Err(RestError::NotImplemented {
                details: "Aggregates are not implemented for one-to-many or many-to-many spreads.".to_owned(),
            });
        } else {
            child.plan.name_all_columns(child.relation);
        }
        let planned = Embed {
            key: embed.name().to_owned(),
            inner: embed.inner,
            spread: embed.spread,
            shown: shows_something(&embed.select),
            tested: false,
            exports: Vec::new(),
            junction_alias: unused(&format!("_j{number}"), ancestors),
            lateral: unused(&format!("_e{number}"), ancestors),
            relationship,
            // Replaced by the child's own when the tree is finished.
            plan: ReadPlan {
                source: Source::Written,
                alias: String::new(),
                columns: Vec::new(),
                groups: false,
                conditions: Vec::new(),
                order: Vec::new(),
                range: RowRange::default(),
                embeds: Vec::new(),
                renamed: Vec::new(),
            },
        };
        Ok((planned, child))
    }

    fn aggregate(&mut self, aggregate: &SelectAggregate, relation: Option<&Relation>) -> Result<AggregateColumn, RestError> {
        if !self.cache.config.aggregates_enabled {
            return Err(RestError::Aggregates);
        }
        self.aggregates += 1;
        Ok(AggregateColumn {
            function: aggregate.function,
            of: aggregate.of.as_ref().map(|(field, cast)| (resolve(field, relation), cast.clone())),
            key: aggregate.alias.as_deref().unwrap_or(aggregate.function.name()).to_owned(),
            cast: aggregate.cast.clone(),
            input: format!("pgrst_a{}", self.aggregates),
        })
    }
}

/// Whether anything is left of a selection when embedded resources that select nothing are left out.
fn shows_something(items: &[SelectItem]) -> bool {
    items.iter().any(|item| if let SelectItem::Embed(embed) = item { shows_something(&embed.select) } else { true })
}

/// The name, made different from all that are visible where it is used.
fn unused(name: &str, taken: &[String]) -> String {
    let mut name = name.to_owned();
    while taken.contains(&name) {
        name.push('_');
    }
    name
}

impl Node<'_> {
    /// Makes it the one whose rows its aggregates are computed of.
    fn group(&mut self) {
        self.plan.groups = self.aggregates;
        if self.aggregates {
            self.plan.name_all_columns(self.relation);
        }
    }

    fn at(&mut self, path: &[String]) -> Result<&mut Self, RestError> {
        let Some((first, rest)) = path.split_first() else { return Ok(self) };
        let index = self.called(first).ok_or_else(|| RestError::NotEmbedded { name: first.clone() })?;
        self.children[index].at(rest)
    }

    fn keyed(&self, name: &str) -> Option<usize> {
        self.plan.embeds.iter().position(|embed| embed.key == name)
    }

    /// What is embedded under that name or, although it has an alias, is of the relation of that name.
    fn called(&mut self, name: &str) -> Option<usize> {
        if let Some(index) = self.keyed(name) {
            return Some(index);
        }
        if !self.legacy_names {
            return None;
        }
        let mut embeds = self.plan.embeds.iter().zip(&self.children);
        let index = embeds.position(|(embed, child)| child.is_aliased && embed.relationship.target.1 == name)?;
        let renamed = (name.to_owned(), self.plan.embeds[index].key.clone());
        if !self.plan.renamed.contains(&renamed) {
            self.plan.renamed.push(renamed);
        }
        Some(index)
    }

    fn filter(&mut self, condition: &Condition) -> Result<(), RestError> {
        let relation = self.relation;
        let planned = planned(condition, relation, &mut |field, operation, negated| {
            // A column has the name first.
            let is_column = relation.is_some_and(|relation| relation.column(&field.name).is_some());
            let index = if is_column { self.keyed(&field.name) } else { self.called(&field.name) };
            let Some(index) = index.filter(|_| field.path.is_empty()) else { return Ok(None) };
            let null = null_test(operation, negated).ok_or_else(|| RestError::EmbedOperator { name: field.name.clone() })?;
            self.plan.embeds[index].tested = true;
            Ok(Some(PlannedCondition::EmbedIs { embed: index, null }))
        })?;
        self.plan.conditions.push(planned);
        Ok(())
    }

    fn order(&mut self, terms: &[OrderTerm]) -> Result<(), RestError> {
        for term in terms {
            let by = match &term.relation {
                None => OrderBy::Field(resolve(&term.field, self.relation)),
                Some(name) => {
                    let index = self.called(name).ok_or_else(|| RestError::NotEmbedded { name: name.clone() })?;
                    let embed = &mut self.plan.embeds[index];
                    if !embed.relationship.is_to_one() {
                        let origin = self.relation.map_or_else(String::new, |relation| relation.name.clone());
                        return Err(RestError::RelatedOrder { origin, name: name.clone() });
                    }
                    let child = &self.children[index];
                    let field = resolve(&term.field, child.relation);
                    // A group has no columns but those it is made by.
                    let shown = if self.plan.groups && embed.spread { child.plan.shown_as(&field) } else { None };
                    if let Some(key) = shown {
                        OrderBy::Spread { embed: index, key, is_json: field.shown_by().is_some() }
                    } else {
                        embed.exports.push(field);
                        OrderBy::Export { embed: index, export: embed.exports.len() - 1 }
                    }
                }
            };
            self.plan.order.push(PlannedOrder { by, descending: term.descending, nulls_first: term.nulls_first });
        }
        Ok(())
    }

    fn finish(self) -> ReadPlan {
        let mut plan = self.plan;
        for (embed, child) in plan.embeds.iter_mut().zip(self.children) {
            embed.plan = child.finish();
            plan.renamed.append(&mut embed.plan.renamed);
        }
        plan
    }
}

type EmbedTest<'a> = dyn FnMut(&Field, &crate::request::Operation, bool) -> Result<Option<PlannedCondition>, RestError> + 'a;

fn planned(condition: &Condition, relation: Option<&Relation>, embed: &mut EmbedTest<'_>) -> Result<PlannedCondition, RestError> {
    match condition {
        Condition::Group { negated, any, members } => Ok(PlannedCondition::Group {
            negated: *negated,
            any: *any,
            members: members.iter().map(|member| planned(member, relation, embed)).collect::<Result<_, _>>()?,
        }),
        Condition::Filter(filter) => match embed(&filter.field, &filter.operation, filter.negated)? {
            Some(test) => Ok(test),
            None => Ok(PlannedCondition::Filter {
                field: resolve(&filter.field, relation),
                negated: filter.negated,
                operation: filter.operation.clone(),
            }),
        },
    }
}
