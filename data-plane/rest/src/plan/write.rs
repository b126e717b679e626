//! Plans a write: which columns, from which payload, under which conditions, and what to show of the result.

use super::{
    FieldRef, OrderBy, OutputColumn, PlannedCondition, PlannedOrder, ReadPlan, Source,
    fields::resolve,
    read::{Root, plan_conditions, plan_from},
    relation,
};
use crate::{
    error::{DatabaseError, RestError},
    request::{Action, ApiRequest, Condition, Operation, Payload, Resolution, Return, RowRange, uneven_keys},
    schema::{Column, Relation, RelationKind, SchemaCache},
};

#[derive(Debug)]
pub(crate) struct WritePlan {
    pub(crate) kind: WriteKind,
    pub(crate) schema: String,
    pub(crate) table: String,
    /// Columns to write, from the payload. Empty for a delete.
    pub(crate) columns: Vec<Column>,
    pub(crate) payload: Payload,
    /// Keys missing from an object take the column's default instead of null.
    pub(crate) missing_default: bool,
    pub(crate) conditions: Vec<PlannedCondition>,
    /// Which of the rows that meet the conditions; all of them without.
    pub(crate) limited: Option<Limited>,
    /// The key that a PUT names in its address, which is the row's own or nothing is written.
    pub(crate) addressed: Vec<(FieldRef, String)>,
    /// Columns the write returns for the read.
    pub(crate) returning: Returning,
    /// Primary key, if `Location` is to be built.
    pub(crate) location: Vec<String>,
    /// What to show; `None` if nothing.
    pub(crate) read: Option<ReadPlan>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WriteKind {
    Insert { conflict: Option<Conflict> },
    Update,
    Delete,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conflict {
    pub(crate) columns: Vec<String>,
    /// Update the existing row; otherwise leave it.
    pub(crate) merge: bool,
}

impl WriteKind {
    /// Whether it touches rows that are there already; `max-affected` is about those.
    pub(crate) fn affects(&self) -> bool {
        match self {
            Self::Insert { .. } => false,
            Self::Update | Self::Delete => true,
        }
    }
}

/// The window over the rows of an update or a delete.
#[derive(Debug)]
pub(crate) struct Limited {
    /// Columns that tell rows apart; without any, rows are told apart by where they lie.
    pub(crate) key: Vec<String>,
    pub(crate) order: Vec<PlannedOrder>,
    pub(crate) range: RowRange,
    /// Whether rows are locked as they are chosen, so that another one at the same time chooses others.
    pub(crate) locks: bool,
}

/// What `RETURNING` has to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Returning {
    pub(crate) all: bool,
    /// Names besides, e.g. computed fields.
    pub(crate) names: Vec<String>,
}

impl Returning {
    /// Whether it has to be a row as such: one with more columns is none of the relation any more, so that `*` would show too
    /// much, and no function takes it.
    pub(crate) fn is_row(&self) -> bool {
        self.all && !self.names.is_empty()
    }
}

pub(crate) fn plan_write(cache: &SchemaCache, schema: &str, name: &str, request: &ApiRequest) -> Result<WritePlan, RestError> {
    let relation = relation(cache, schema, name)?;
    let kind = kind(request, relation)?;
    let is_delete = kind == WriteKind::Delete;
    let payload = if is_delete { Payload::default() } else { request.rows()? };
    let addressed = if request.action == Action::Upsert { addressed(request, relation)? } else { Vec::new() };
    let conditions = conditions(cache, request, relation)?;
    let columns = if is_delete { Vec::new() } else { columns(request, relation, &payload)? };
    let has_row = |key: &FieldRef| payload.length == 1 && columns.iter().any(|column| column.name == key.column);
    if !addressed.iter().all(|(key, _)| has_row(key)) {
        return Err(RestError::PutMismatch);
    }
    // Planned whether it is shown or not: what makes no sense is refused before anything is written.
    let root = Root {
        source: Source::Written,
        relation: Some(relation),
        alias: name.to_owned(),
        schema,
        filtered: false,
        windowed: false,
    };
    let read = plan_from(cache, root, &request.query, RowRange::default())?;
    let limited = limited(request, relation, &kind, &read)?;
    let shows = request.preferences.wants_representation();
    let read = shows.then(|| ReadPlan { range: RowRange::default(), ..read });
    let location = if request.preferences.returning == Some(Return::HeadersOnly) && matches!(kind, WriteKind::Insert { .. }) {
        relation.primary_key.clone()
    } else {
        Vec::new()
    };
    let mut returning = Returning { all: false, names: location.clone() };
    if let Some(plan) = &read {
        collect_names(plan, relation, &mut returning);
    }
    Ok(WritePlan {
        kind,
        schema: schema.to_owned(),
        table: name.to_owned(),
        columns,
        payload,
        missing_default: request.preferences.missing_default == Some(true),
        conditions,
        limited,
        addressed,
        returning,
        location,
        read,
    })
}

/// The filters of an update or a delete, of which there has to be one.
fn conditions(cache: &SchemaCache, request: &ApiRequest, relation: &Relation) -> Result<Vec<PlannedCondition>, RestError> {
    let statement = match request.action {
        Action::Update => "UPDATE",
        Action::Delete => "DELETE",
        Action::Describe
        | Action::Read
        | Action::Insert
        | Action::Upsert
        | Action::CallByGet
        | Action::CallByPost
        | Action::Options => return Ok(Vec::new()),
    };
    let conditions = plan_conditions(relation, &request.query)?;
    // A limit keeps a forgotten filter from touching everything, too.
    if conditions.is_empty() && request.range.limit.is_none() && cache.config.safe_update {
        return Err(RestError::Database(DatabaseError {
            sqlstate: "21000".to_owned(),
            message: format!("{statement} requires a WHERE clause"),
            detail: None,
            hint: None,
            authenticated: true,
        }));
    }
    Ok(conditions)
}

fn kind(request: &ApiRequest, relation: &Relation) -> Result<WriteKind, RestError> {
    match request.action {
        Action::Update => Ok(WriteKind::Update),
        Action::Delete => Ok(WriteKind::Delete),
        Action::Upsert => {
            Ok(WriteKind::Insert { conflict: Some(Conflict { columns: relation.primary_key.clone(), merge: true }) })
        }
        Action::Insert => {
            let columns = request.query.on_conflict.clone().unwrap_or_else(|| relation.primary_key.clone());
            let conflict = request
                .preferences
                .resolution
                .map(|resolution| Conflict { columns: columns.clone(), merge: resolution == Resolution::MergeDuplicates });
            // Without a key there is nothing to conflict on: a plain insert.
            Ok(WriteKind::Insert { conflict: conflict.filter(|conflict| !conflict.columns.is_empty()) })
        }
        Action::Describe | Action::Read | Action::CallByGet | Action::CallByPost | Action::Options => {
            Err(RestError::Internal { cause: "a read was planned as a write" })
        }
    }
}

/// The payload's columns: those named by `columns`, or the keys of the objects, which must then be the same in all.
fn columns(request: &ApiRequest, relation: &Relation, payload: &Payload) -> Result<Vec<Column>, RestError> {
    let names = match &request.query.columns {
        Some(names) => names.clone(),
        None if payload.uniform => payload.keys.clone(),
        None => return Err(uneven_keys()),
    };
    let mut columns: Vec<Column> = Vec::with_capacity(names.len());
    for name in names {
        let column =
            relation.column(&name).ok_or_else(|| RestError::NoColumn { column: name.clone(), table: relation.name.clone() })?;
        if !columns.iter().any(|known| known.name == name) {
            columns.push(column.clone());
        }
    }
    Ok(columns)
}

/// What `limit`, `offset` and `order` say of the rows to write. An insert has none to choose from.
fn limited(request: &ApiRequest, relation: &Relation, kind: &WriteKind, read: &ReadPlan) -> Result<Option<Limited>, RestError> {
    if request.range == RowRange::default() || !kind.affects() {
        return Ok(None);
    }
    let is_view = relation.kind == RelationKind::View;
    if is_view && relation.primary_key.is_empty() {
        return Err(RestError::NotImplemented {
            details: format!("A limit on writes needs a primary key, which the view '{}' does not show", relation.name),
        });
    }
    if read.order.iter().any(|order| matches!(order.by, OrderBy::Export { .. })) {
        return Err(RestError::NotImplemented { details: "A limit on writes can't follow a related order".to_owned() });
    }
    Ok(Some(Limited {
        key: relation.primary_key.clone(),
        order: read.order.clone(),
        range: request.range,
        // Locking asks for the right to update, which who deletes may not have; and not every view can be locked.
        locks: *kind == WriteKind::Update && !is_view,
    }))
}

/// A PUT names one row by its whole primary key. Whether the row has that key, PostgreSQL says: the same value may be written
/// in several ways.
fn addressed(request: &ApiRequest, relation: &Relation) -> Result<Vec<(FieldRef, String)>, RestError> {
    if request.range.limit.is_some() || request.range.offset > 0 {
        return Err(RestError::PutRange);
    }
    let mut found: Vec<(FieldRef, String)> = Vec::new();
    for (path, condition) in &request.query.filters {
        let Condition::Filter(filter) = condition else { return Err(RestError::PutFilters) };
        let Operation::Compare { operator, quantifier: None, value } = &filter.operation else {
            return Err(RestError::PutFilters);
        };
        if !path.is_empty() || filter.negated || operator.sql() != "=" || !filter.field.path.is_empty() {
            return Err(RestError::PutFilters);
        }
        found.push((resolve(&filter.field, Some(relation)), value.clone()));
    }
    let mut filtered: Vec<&str> = found.iter().map(|(key, _)| key.column.as_str()).collect();
    let mut key: Vec<&str> = relation.primary_key.iter().map(String::as_str).collect();
    filtered.sort_unstable();
    key.sort_unstable();
    if key.is_empty() || filtered != key { Err(RestError::PutFilters) } else { Ok(found) }
}

/// What the read of the result needs: its columns, what it orders by, and the columns its embeds join on.
fn collect_names(plan: &ReadPlan, relation: &Relation, returning: &mut Returning) {
    let mut add = |name: &str| {
        if !returning.names.iter().any(|known| known == name) {
            returning.names.push(name.to_owned());
        }
    };
    let mut all = false;
    for column in &plan.columns {
        match column {
            OutputColumn::All => all = true,
            OutputColumn::Field { field, .. } => add(&field.column),
            OutputColumn::Aggregate(aggregate) => {
                if let Some((field, _)) = &aggregate.of {
                    add(&field.column);
                }
            }
        }
    }
    for order in &plan.order {
        if let super::OrderBy::Field(field) = &order.by {
            add(&field.column);
        }
    }
    for embed in &plan.embeds {
        for (own, _) in &embed.relationship.columns {
            if relation.column(own).is_some() {
                add(own);
            }
        }
        // A function of the row needs the row.
        all |= matches!(embed.plan.source, Source::Computed { .. });
    }
    returning.all = all;
    if all {
        returning.names.retain(|name| relation.column(name).is_none());
    }
}
