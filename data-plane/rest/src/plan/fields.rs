//! Columns that a request names or means, and what their types say of them.

use super::{FieldRef, OutputColumn, ReadPlan};
use crate::{
    request::{Field, SelectColumn},
    schema::{Column, Relation},
};

/// A name that is no column may be a computed field; whether it is there, PostgreSQL says.
pub(super) fn resolve(field: &Field, relation: Option<&Relation>) -> FieldRef {
    let column = relation.and_then(|relation| relation.column(&field.name));
    FieldRef {
        column: field.name.clone(),
        path: field.path.clone(),
        is_json: column.is_some_and(Column::is_json),
        needs_tsvector: relation.is_some_and(|relation| relation.needs_tsvector(&field.name)) || field.path.last().is_some(),
        representation: column.filter(|_| field.path.is_empty()).and_then(|column| column.representation.clone()),
    }
}

pub(super) fn output(column: &SelectColumn, relation: Option<&Relation>) -> OutputColumn {
    let key = column.alias.as_deref().or(column.field.default_alias()).unwrap_or(&column.field.name);
    OutputColumn::Field { key: key.to_owned(), field: resolve(&column.field, relation), cast: column.cast.clone() }
}

/// What `*` shows. It is spelt out if it shows something else than what is stored.
pub(super) fn all(relation: Option<&Relation>) -> Vec<OutputColumn> {
    match relation {
        Some(relation) if relation.is_represented() => named(relation).collect(),
        Some(_) | None => vec![OutputColumn::All],
    }
}

fn named(relation: &Relation) -> impl Iterator<Item = OutputColumn> {
    relation.columns.iter().map(|column| {
        let field = Field { name: column.name.clone(), path: Vec::new() };
        OutputColumn::Field { key: column.name.clone(), field: resolve(&field, Some(relation)), cast: None }
    })
}

impl ReadPlan {
    /// A spread resource's columns become the parent's one by one, and rows are grouped by columns one by one, so `*` has to be
    /// spelt out.
    pub(super) fn name_all_columns(&mut self, relation: Option<&Relation>) {
        let Some(relation) = relation else { return };
        let columns = std::mem::take(&mut self.columns).into_iter().flat_map(|column| match column {
            OutputColumn::All => named(relation).collect(),
            named @ (OutputColumn::Field { .. } | OutputColumn::Aggregate(_)) => vec![named],
        });
        self.columns = columns.collect();
    }

    /// Shows its own columns as they are stored, whatever represents them to clients.
    pub(crate) fn show_as_stored(&mut self) {
        for column in &mut self.columns {
            if let OutputColumn::Field { field, .. } = column {
                field.representation = None;
            }
        }
    }

    /// The key under which a column is shown without a cast.
    pub(super) fn shown_as(&self, wanted: &FieldRef) -> Option<String> {
        self.columns.iter().find_map(|column| match column {
            OutputColumn::Field { field, key, cast: None } if field == wanted => Some(key.clone()),
            OutputColumn::All | OutputColumn::Field { .. } | OutputColumn::Aggregate(_) => None,
        })
    }
}
