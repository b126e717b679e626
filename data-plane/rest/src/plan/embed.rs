//! Finds the relationship an embedded resource means.
//!
//! Source: PostgREST's documentation, "Resource Embedding": the target may be a table, a foreign key's column or its
//! constraint; the hint a column, a constraint or a junction table.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    error::RestError,
    request::SelectEmbed,
    schema::{Cardinality, RelationKind, Relationship, SchemaCache, closest},
};

pub(crate) fn find<'a>(
    cache: &'a SchemaCache,
    (schema, origin): (&str, &str),
    embed: &SelectEmbed,
) -> Result<&'a Arc<Relationship>, RestError> {
    let known = cache.relationships_of(schema, origin);
    let matching: Vec<&Arc<Relationship>> = known
        .iter()
        .filter(|candidate| candidate.target.0 == schema || is_computed(candidate))
        .filter(|c| matches(cache, c, embed))
        .collect();
    match matching.as_slice() {
        [only] => Ok(only),
        [] => Err(RestError::NoRelationship {
            origin: origin.to_owned(),
            target: embed.target.clone(),
            hint: embed.hint.clone(),
            schema: schema.to_owned(),
            suggestion: suggestion(cache, (schema, origin), known, embed),
        }),
        several => {
            // A computed relationship overrides.
            if let Some(computed) = several.iter().find(|candidate| is_computed(candidate)) {
                return Ok(computed);
            }
            let mut several = matching.clone();
            several.sort_by_key(|candidate| rank(candidate));
            Err(RestError::AmbiguousRelationship {
                origin: origin.to_owned(),
                target: embed.target.clone(),
                candidates: several.iter().map(|candidate| description(candidate)).collect(),
                suggestions: several
                    .iter()
                    .map(|candidate| format!("{}!{}", candidate.target.1, distinction(candidate)))
                    .collect(),
            })
        }
    }
}

/// The order in which relationships are told: by target, kind and names.
fn rank(candidate: &Relationship) -> impl Ord + use<> {
    let kind = match candidate.cardinality {
        Cardinality::OneToMany => 0,
        Cardinality::ManyToOne => 1,
        Cardinality::OneToOne { .. } => 2,
        Cardinality::ManyToMany => 3,
        Cardinality::Computed { .. } => 4,
    };
    let junction = candidate.junction.as_ref().map(|junction| (junction.schema.clone(), junction.name.clone()));
    (candidate.target.clone(), kind, junction, candidate.constraint.clone(), candidate.columns.clone())
}

/// What may have been meant: another origin if nothing is related to this one, otherwise another target.
fn suggestion(
    cache: &SchemaCache,
    (schema, origin): (&str, &str),
    known: &[Arc<Relationship>],
    embed: &SelectEmbed,
) -> Option<String> {
    let (given, meant) = if known.is_empty() {
        let related = cache.relationships.iter().filter(|((of, _), known)| of == schema && !known.is_empty());
        (origin, closest(origin, related.map(|((_, name), _)| name.as_str())))
    } else {
        let target = embed.target.as_str();
        (target, closest(target, known.iter().map(|candidate| candidate.target.1.as_str())))
    };
    // If that is what was asked for already, the name is not what is wrong.
    let meant = meant.filter(|meant| meant.to_lowercase() != given.to_lowercase())?;
    Some(format!("Perhaps you meant '{meant}' instead of '{given}'."))
}

fn is_computed(candidate: &Relationship) -> bool {
    matches!(candidate.cardinality, Cardinality::Computed { .. })
}

fn matches(cache: &SchemaCache, candidate: &Relationship, embed: &SelectEmbed) -> bool {
    let target = embed.target.as_str();
    if is_computed(candidate) {
        return target == candidate.constraint;
    }
    if candidate.is_self() && candidate.junction.is_some() {
        // Nothing tells the two directions from each other: it takes a computed relationship.
        return false;
    }
    match &embed.hint {
        Some(hint) => target == candidate.target.1 && !is_owning_self(candidate) && hinted(candidate, hint),
        None => {
            let by_key = (candidate.is_owning() && is_single_column(candidate, target))
                || (target == candidate.constraint
                    && candidate.junction.is_none()
                    && (candidate.is_owning() || !candidate.is_self()));
            // A column or a constraint means a table: each view of it would make it ambiguous.
            (target == candidate.target.1 && !is_owning_self(candidate)) || (by_key && !leads_to_a_view(cache, candidate))
        }
    }
}

/// A table that refers to itself is, by its own name, the "many" side; the other goes by the column's name.
fn is_owning_self(candidate: &Relationship) -> bool {
    candidate.is_self() && candidate.is_owning()
}

fn leads_to_a_view(cache: &SchemaCache, candidate: &Relationship) -> bool {
    let (schema, name) = &candidate.target;
    cache.relation(schema, name).is_some_and(|relation| relation.kind == RelationKind::View)
}

fn is_single_column(candidate: &Relationship, name: &str) -> bool {
    matches!(candidate.columns.as_slice(), [(own, _)] if own == name)
}

fn hinted(candidate: &Relationship, hint: &str) -> bool {
    match &candidate.junction {
        Some(junction) => hint == junction.name || hint == junction.constraint || hint == candidate.constraint,
        None => {
            hint == candidate.constraint
                || match candidate.columns.as_slice() {
                    // The foreign key's column, on whichever side it is, and the column it refers to.
                    [(own, other)] => hint == own || hint == other,
                    _ => false,
                }
        }
    }
}

/// What tells this relationship from the others, as a hint.
fn distinction(candidate: &Relationship) -> &str {
    candidate.junction.as_ref().map_or(candidate.constraint.as_str(), |junction| junction.name.as_str())
}

fn description(candidate: &Relationship) -> Value {
    let (own, other): (Vec<&str>, Vec<&str>) = candidate.columns.iter().map(|(a, b)| (a.as_str(), b.as_str())).unzip();
    let (origin, target) = (&candidate.origin.1, &candidate.target.1);
    let direct = |cardinality: &str| {
        (
            cardinality.to_owned(),
            format!("{} using {origin}({}) and {target}({})", candidate.constraint, own.join(", "), other.join(", ")),
        )
    };
    let (cardinality, relationship) = match (candidate.cardinality, &candidate.junction) {
        (Cardinality::ManyToMany, Some(junction)) => {
            let (second, _): (Vec<&str>, Vec<&str>) = junction.columns.iter().map(|(a, b)| (a.as_str(), b.as_str())).unzip();
            let text = format!(
                "{} using {}({}) and {}({})",
                junction.name,
                candidate.constraint,
                other.join(", "),
                junction.constraint,
                second.join(", ")
            );
            ("many-to-many".to_owned(), text)
        }
        (Cardinality::OneToMany, _) => direct("one-to-many"),
        (Cardinality::OneToOne { .. }, _) => direct("one-to-one"),
        (Cardinality::ManyToOne | Cardinality::ManyToMany | Cardinality::Computed { .. }, _) => direct("many-to-one"),
    };
    json!({"cardinality": cardinality, "embedding": format!("{origin} with {target}"), "relationship": relationship})
}
