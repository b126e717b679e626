//! The plan stage: a request and the schema cache in, what to ask the database out. Pure.
//!
//! Names in a plan come from the schema cache or are quoted by the query stage; values stay values.

mod call;
mod embed;
mod fields;
mod read;
mod write;

pub(crate) use call::{Argument, CallPlan, array_literal, no_function, plan_call};
pub(crate) use read::plan_read;
pub(crate) use write::{Conflict, Limited, WriteKind, WritePlan, plan_write};

use std::sync::Arc;

use crate::{
    error::RestError,
    request::{Aggregate, ApiRequest, IsValue, JsonStep, Operation, RowRange},
    schema::{Config, Conversion, DomainRepresentation, Relation, Relationship, SchemaCache, closest},
};

/// A read of one relation with everything embedded in it.
#[derive(Debug)]
pub(crate) struct ReadPlan {
    pub(crate) source: Source,
    /// What the statement calls this relation.
    pub(crate) alias: String,
    pub(crate) columns: Vec<OutputColumn>,
    /// Rows that show the same become one. In a spread resource the aggregates are its parent's to compute.
    pub(crate) groups: bool,
    pub(crate) conditions: Vec<PlannedCondition>,
    pub(crate) order: Vec<PlannedOrder>,
    pub(crate) range: RowRange,
    pub(crate) embeds: Vec<Embed>,
    /// Resources that have an alias and were called by the name of their relation nevertheless: that name, and the alias.
    pub(crate) renamed: Vec<(String, String)>,
}

/// Where rows come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Relation {
        schema: String,
        name: String,
    },
    /// What the write just returned.
    Written,
    /// The function the request calls.
    Call,
    /// A computed relationship: a function of the origin's row.
    Computed {
        schema: String,
        function: String,
        origin: String,
    },
}

#[derive(Debug)]
pub(crate) enum OutputColumn {
    All,
    Field { field: FieldRef, key: String, cast: Option<String> },
    Aggregate(AggregateColumn),
}

/// A function of all rows of a group.
#[derive(Debug)]
pub(crate) struct AggregateColumn {
    pub(crate) function: Aggregate,
    /// What is aggregated, and what that is cast to before; `None` counts rows.
    pub(crate) of: Option<(FieldRef, Option<String>)>,
    pub(crate) key: String,
    /// What the result is cast to.
    pub(crate) cast: Option<String>,
    /// What a spread resource calls the values that its parent aggregates.
    pub(crate) input: String,
}

/// A column with a JSON path, and what its type means for SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldRef {
    pub(crate) column: String,
    pub(crate) path: Vec<JsonStep>,
    /// Arrows apply as it is; otherwise through `to_jsonb`.
    pub(crate) is_json: bool,
    /// A text search goes through `to_tsvector`.
    pub(crate) needs_tsvector: bool,
    /// What its values look like to clients. What is inside of a value looks as it is.
    pub(crate) representation: Option<Arc<DomainRepresentation>>,
}

impl FieldRef {
    /// What makes the JSON that is shown of a value.
    pub(crate) fn shown_by(&self) -> Option<&Conversion> {
        self.representation.as_ref()?.to_json.as_ref()
    }

    /// What makes a value of the text that it is compared with.
    pub(crate) fn compared_by(&self) -> Option<&Conversion> {
        self.representation.as_ref()?.from_text.as_ref()
    }
}

#[derive(Debug)]
pub(crate) enum PlannedCondition {
    Filter {
        field: FieldRef,
        negated: bool,
        operation: Operation,
    },
    /// Whether the embedded resource of that index has rows.
    EmbedIs {
        embed: usize,
        null: bool,
    },
    Group {
        negated: bool,
        any: bool,
        members: Vec<PlannedCondition>,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct PlannedOrder {
    pub(crate) by: OrderBy,
    pub(crate) descending: Option<bool>,
    pub(crate) nulls_first: Option<bool>,
}

#[derive(Debug, Clone)]
pub(crate) enum OrderBy {
    Field(FieldRef),
    /// An export of a to-one embed: its index and the export's.
    Export {
        embed: usize,
        export: usize,
    },
    /// A column that a spread resource gives to its parent, by which the parent groups.
    Spread {
        embed: usize,
        key: String,
        is_json: bool,
    },
}

/// A related resource inside each row.
#[derive(Debug)]
pub(crate) struct Embed {
    /// The name in the output, and in the parameters that are about it.
    pub(crate) key: String,
    pub(crate) relationship: Arc<Relationship>,
    pub(crate) inner: bool,
    pub(crate) spread: bool,
    /// `false` for `relation()`: it only joins.
    pub(crate) shown: bool,
    /// Whether a condition of the parent asks about it.
    pub(crate) tested: bool,
    /// Columns the parent orders by.
    pub(crate) exports: Vec<FieldRef>,
    /// What the statement calls the junction, if there is one.
    pub(crate) junction_alias: String,
    /// What the statement calls the joined subquery.
    pub(crate) lateral: String,
    pub(crate) plan: ReadPlan,
}

/// The schema a request is about: its profile, or the first exposed one.
pub(crate) fn schema_of(request: &ApiRequest, config: &Config) -> Result<String, RestError> {
    match &request.profile {
        None => Ok(config.schemas.first().cloned().unwrap_or_else(|| "public".to_owned())),
        Some(profile) if config.schemas.contains(profile) => Ok(profile.clone()),
        Some(profile) => Err(RestError::Schema { schema: profile.clone(), exposed: config.schemas.clone() }),
    }
}

/// Relations of a schema from which on nobody looks for one that may have been meant.
const TOO_MANY_TO_COMPARE: usize = 500;

/// The relation, or the error that says it is not there.
pub(crate) fn relation<'a>(cache: &'a SchemaCache, schema: &str, name: &str) -> Result<&'a Relation, RestError> {
    cache.relation(schema, name).ok_or_else(|| {
        let compared = cache.relations.get(schema).filter(|named| named.len() < TOO_MANY_TO_COMPARE);
        let names = compared.into_iter().flat_map(|named| named.keys().map(String::as_str));
        RestError::NoTable {
            schema: schema.to_owned(),
            table: name.to_owned(),
            suggestion: closest(name, names).map(str::to_owned),
        }
    })
}

/// Whether an operation asks if something is (not) null, which is all that may be asked of an embedded resource.
fn null_test(operation: &Operation, negated: bool) -> Option<bool> {
    match operation {
        Operation::Is(IsValue::Null) => Some(!negated),
        Operation::Is(IsValue::NotNull) => Some(negated),
        Operation::Is(IsValue::True | IsValue::False | IsValue::Unknown)
        | Operation::Compare { .. }
        | Operation::In(_)
        | Operation::IsDistinct(_)
        | Operation::Search { .. } => None,
    }
}
