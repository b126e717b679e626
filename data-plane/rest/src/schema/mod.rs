//! The schema cache: what is known of the exposed schemas, without asking the database again.
//!
//! It is a value: [`load`] makes one, [`crate::state`] keeps the current one, the planner reads it.

mod config;
mod dump;
mod functions;
mod fuzzy;
mod load;
mod media;
mod relationships;
mod representations;
mod views;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

pub(crate) use config::{Config, DatabaseSettings, InDatabase, OpenApiMode, SETTINGS, Secret, Setting, TxEnd, Verbosity, truth};
pub(crate) use dump::dump;
pub(crate) use functions::{Function, Parameter, Returns, Volatility, function_name, quoted_function_name};
pub(crate) use fuzzy::closest;
pub(crate) use load::{LoadError, database_settings, load};
pub(crate) use media::{Handler, Handlers, MediaDomain};
pub(crate) use relationships::{Cardinality, ForeignKey, Relationship};
pub(crate) use representations::{Conversion, Direction, DomainRepresentation, Representations};

/// A table, view, materialized view or foreign table.
#[derive(Debug, Clone)]
pub(crate) struct Relation {
    /// Of `pg_class`.
    pub(crate) id: u32,
    /// The type of a row, of `pg_type`.
    pub(crate) row_type: u32,
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) kind: RelationKind,
    /// What a view allows; tables allow everything.
    pub(crate) insertable: bool,
    pub(crate) updatable: bool,
    pub(crate) deletable: bool,
    /// By their numbers.
    pub(crate) columns: Vec<Column>,
    /// Functions of a row that return a value, and whether a text search of that needs `to_tsvector` first.
    pub(crate) computed_fields: Vec<(String, bool)>,
    /// Names of the primary key's columns; a view has those of its base table if it shows all of them.
    pub(crate) primary_key: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RelationKind {
    Table,
    View,
}

#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) number: i16,
    pub(crate) name: String,
    /// As `format_type` writes it.
    pub(crate) type_name: String,
    /// The type below all domains, without its modifier.
    pub(crate) base_type: String,
    pub(crate) not_null: bool,
    /// The default's expression, identity and generated columns aside.
    pub(crate) default: Option<String>,
    /// What its values look like to clients, if its type is a domain that says so.
    pub(crate) representation: Option<Arc<DomainRepresentation>>,
}

impl Column {
    /// Whether JSON arrows apply without `to_jsonb`.
    pub(crate) fn is_json(&self) -> bool {
        matches!(self.base_type.as_str(), "json" | "jsonb")
    }

    /// What makes its value of what a body has.
    pub(crate) fn written_by(&self) -> Option<&Conversion> {
        self.representation.as_ref()?.from_json.as_ref()
    }

    /// Whether a text search needs `to_tsvector` first.
    pub(crate) fn needs_tsvector(&self) -> bool {
        self.base_type != "tsvector"
    }
}

impl Relation {
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether some value looks different from what is stored.
    pub(crate) fn is_represented(&self) -> bool {
        self.columns.iter().any(|column| column.representation.as_ref().is_some_and(|found| found.to_json.is_some()))
    }

    fn column_name(&self, number: i16) -> Option<&str> {
        let index = self.columns.binary_search_by_key(&number, |column| column.number).ok()?;
        self.columns.get(index).map(|column| column.name.as_str())
    }

    fn numbered_mut(&mut self, number: i16) -> Option<&mut Column> {
        let index = self.columns.binary_search_by_key(&number, |column| column.number).ok()?;
        self.columns.get_mut(index)
    }

    /// Whether a text search of the column or computed field needs `to_tsvector` first.
    pub(crate) fn needs_tsvector(&self, name: &str) -> bool {
        let computed = || self.computed_fields.iter().any(|(field, needed)| field == name && *needed);
        self.column(name).map_or_else(computed, Column::needs_tsvector)
    }
}

/// Settings that apply to a role's requests, name and value.
pub(crate) type RoleSettings = BTreeMap<String, Vec<(String, String)>>;

#[derive(Debug, Default)]
pub(crate) struct SchemaCache {
    pub(crate) config: Arc<Config>,
    /// The database's settings that made the configuration.
    pub(crate) settings: DatabaseSettings,
    /// By schema, then name.
    pub(crate) relations: BTreeMap<String, BTreeMap<String, Relation>>,
    /// By the schema and name of the relation they start from.
    pub(crate) relationships: HashMap<(String, String), Vec<Arc<Relationship>>>,
    /// By schema, then name; overloads together.
    pub(crate) functions: BTreeMap<String, BTreeMap<String, Vec<Arc<Function>>>>,
    /// Aggregates that make media types of rows.
    pub(crate) handlers: Handlers,
    pub(crate) role_settings: RoleSettings,
}

impl SchemaCache {
    pub(crate) fn relation(&self, schema: &str, name: &str) -> Option<&Relation> {
        self.relations.get(schema)?.get(name)
    }

    pub(crate) fn relationships_of(&self, schema: &str, name: &str) -> &[Arc<Relationship>] {
        self.relationships.get(&(schema.to_owned(), name.to_owned())).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn functions_named(&self, schema: &str, name: &str) -> &[Arc<Function>] {
        self.functions.get(schema).and_then(|named| named.get(name)).map_or(&[], Vec::as_slice)
    }
}
