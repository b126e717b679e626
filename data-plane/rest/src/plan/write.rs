//! Plans a write: which columns, from which payload, under which conditions, and what to show of the result.

use super::{
    OutputColumn, PlannedCondition, ReadPlan, Source,
    read::{Root, plan_conditions, plan_from},
    relation,
};
use crate::{
    error::{DatabaseError, RestError},
    request::{Action, ApiRequest, Condition, Operation, Payload, Resolution, Return, RowRange},
    schema::{Column, Relation, SchemaCache},
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

/// What `RETURNING` has to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Returning {
    pub(crate) all: bool,
    /// Names besides, e.g. computed fields.
    pub(crate) names: Vec<String>,
}

pub(crate) fn plan_write(cache: &SchemaCache, schema: &str, name: &str, request: &ApiRequest) -> Result<WritePlan, RestError> {
    let relation = relation(cache, schema, name)?;
    let kind = kind(request, relation)?;
    let is_delete = kind == WriteKind::Delete;
    let payload = if is_delete { Payload::default() } else { request.payload()?.into_rows() };
    if request.action == Action::Upsert {
        check_put(request, relation, &payload)?;
    }
    // An insert has no rows to choose from.
    if request.range != RowRange::default() && !matches!(kind, WriteKind::Insert { .. }) {
        return Err(RestError::NotImplemented { details: "limit and offset on writes are not supported yet".to_owned() });
    }
    let conditions = conditions(cache, request, relation)?;
    let columns = if is_delete { Vec::new() } else { columns(request, relation, &payload)? };
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
    if conditions.is_empty() && cache.config.safe_update {
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
        None => return Err(RestError::InvalidBody { message: "All object keys must match".to_owned() }),
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

/// A PUT names one row by its whole primary key, in the URL and in the body alike.
fn check_put(request: &ApiRequest, relation: &Relation, payload: &Payload) -> Result<(), RestError> {
    if request.range.limit.is_some() || request.range.offset > 0 {
        return Err(RestError::PutRange);
    }
    let mut filtered: Vec<&str> = Vec::new();
    let body: serde_json::Value = serde_json::from_str(&payload.json)
        .map_err(|_| RestError::InvalidBody { message: "Empty or invalid json".to_owned() })?;
    let row = match &body {
        serde_json::Value::Array(rows) if rows.len() == 1 => rows.first(),
        serde_json::Value::Array(_) => None,
        other => Some(other),
    };
    for (path, condition) in &request.query.filters {
        let Condition::Filter(filter) = condition else { return Err(RestError::PutFilters) };
        let Operation::Compare { operator, quantifier: None, value } = &filter.operation else {
            return Err(RestError::PutFilters);
        };
        if !path.is_empty() || filter.negated || operator.sql() != "=" || !filter.field.path.is_empty() {
            return Err(RestError::PutFilters);
        }
        filtered.push(&filter.field.name);
        let in_body = row.and_then(|row| row.get(&filter.field.name)).map(|found| match found {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        if in_body.as_deref() != Some(value) {
            return Err(RestError::PutMismatch);
        }
    }
    let mut key: Vec<&str> = relation.primary_key.iter().map(String::as_str).collect();
    filtered.sort_unstable();
    key.sort_unstable();
    if key.is_empty() || filtered != key { Err(RestError::PutFilters) } else { Ok(()) }
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
