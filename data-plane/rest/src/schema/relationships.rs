//! Relationships between relations, derived from foreign keys: as they are, through junction tables, and through the
//! views that show the columns of a key.

use std::collections::{HashMap, HashSet};

use super::views::ViewColumns;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cardinality {
    ManyToOne,
    OneToMany,
    /// `true`: the foreign key is on this side.
    OneToOne {
        owning: bool,
    },
    ManyToMany,
    /// A function from the origin's row, as the database's author says.
    Computed {
        to_one: bool,
    },
}

/// A way from an origin, under which it is filed, to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relationship {
    pub(crate) origin: (String, String),
    pub(crate) target: (String, String),
    pub(crate) cardinality: Cardinality,
    /// The constraint's name; for a junction, that of the origin's side; for a computed one, the function's name.
    pub(crate) constraint: String,
    /// Column of the origin, column of the target. Through a junction: of the origin, of the junction.
    pub(crate) columns: Vec<(String, String)>,
    pub(crate) junction: Option<Junction>,
}

/// The second half of a many-to-many relationship.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Junction {
    pub(crate) schema: String,
    pub(crate) name: String,
    /// The constraint that leads to the target.
    pub(crate) constraint: String,
    /// Column of the junction, column of the target.
    pub(crate) columns: Vec<(String, String)>,
}

impl Relationship {
    pub(crate) fn is_self(&self) -> bool {
        self.origin == self.target
    }

    pub(crate) fn is_to_one(&self) -> bool {
        match self.cardinality {
            Cardinality::ManyToOne | Cardinality::OneToOne { .. } | Cardinality::Computed { to_one: true } => true,
            Cardinality::OneToMany | Cardinality::ManyToMany | Cardinality::Computed { to_one: false } => false,
        }
    }

    /// Whether the origin holds the foreign key.
    pub(crate) fn is_owning(&self) -> bool {
        matches!(self.cardinality, Cardinality::ManyToOne | Cardinality::OneToOne { owning: true })
    }
}

/// A foreign key constraint by object ids and column numbers.
#[derive(Debug, Clone)]
pub(crate) struct ForeignKey {
    pub(crate) constraint: String,
    pub(crate) table: u32,
    pub(crate) columns: Vec<i16>,
    pub(crate) target: u32,
    pub(crate) target_columns: Vec<i16>,
}

/// What is needed to derive relationships.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    pub(crate) foreign_keys: Vec<ForeignKey>,
    /// Column sets of primary keys, by table.
    pub(crate) primary_keys: HashMap<u32, Vec<i16>>,
    /// Column sets of unique constraints and primary keys, by table.
    pub(crate) unique: HashMap<u32, Vec<Vec<i16>>>,
    pub(crate) views: ViewColumns,
    /// The exposed relations and their columns by number.
    pub(crate) exposed: HashMap<u32, ExposedRelation>,
}

#[derive(Debug)]
pub(crate) struct ExposedRelation {
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) columns: HashMap<i16, String>,
}

/// An exposed relation that shows a key's columns, under these names.
struct Shown<'a> {
    id: u32,
    relation: &'a ExposedRelation,
    columns: Vec<String>,
}

impl Catalogue {
    /// The names of a key's columns in every exposed relation that shows all of them: the table, and views over it.
    fn shown(&self, table: u32, columns: &[i16]) -> Vec<Shown<'_>> {
        let mut shown = Vec::new();
        if let Some(relation) = self.exposed.get(&table)
            && let Some(names) = columns.iter().map(|number| relation.columns.get(number).cloned()).collect()
        {
            shown.push(Shown { id: table, relation, columns: names });
        }
        for view in self.views.over(table) {
            if let Some(relation) = self.exposed.get(&view)
                && let Some(names) = columns
                    .iter()
                    .map(|number| self.views.column_showing(view, table, *number).and_then(|n| relation.columns.get(&n).cloned()))
                    .collect()
            {
                shown.push(Shown { id: view, relation, columns: names });
            }
        }
        shown
    }

    /// The primary key of an exposed relation by the names it shows.
    pub(crate) fn primary_key_of(&self, id: u32) -> Vec<String> {
        let own = self.primary_keys.get(&id).map(|columns| (id, columns));
        let candidates =
            own.into_iter().chain(self.views.bases(id).filter_map(|base| Some((base, self.primary_keys.get(&base)?))));
        for (table, columns) in candidates {
            if let Some(found) = self.shown(table, columns).into_iter().find(|shown| shown.id == id) {
                return found.columns;
            }
        }
        Vec::new()
    }

    fn is_unique(&self, table: u32, columns: &[i16]) -> bool {
        let wanted: HashSet<i16> = columns.iter().copied().collect();
        self.unique.get(&table).is_some_and(|sets| sets.iter().any(|set| set.iter().copied().collect::<HashSet<_>>() == wanted))
    }

    pub(crate) fn relationships(&self) -> Vec<Relationship> {
        let mut found = Vec::new();
        for key in &self.foreign_keys {
            self.direct(key, &mut found);
        }
        self.many_to_many(&mut found);
        found
    }

    fn direct(&self, key: &ForeignKey, found: &mut Vec<Relationship>) {
        let unique = self.is_unique(key.table, &key.columns);
        let targets = self.shown(key.target, &key.target_columns);
        for source in self.shown(key.table, &key.columns) {
            for target in &targets {
                let columns: Vec<(String, String)> = source.columns.iter().cloned().zip(target.columns.iter().cloned()).collect();
                let mirrored = columns.iter().map(|(a, b)| (b.clone(), a.clone())).collect();
                let (forward, backward) = if unique {
                    (Cardinality::OneToOne { owning: true }, Cardinality::OneToOne { owning: false })
                } else {
                    (Cardinality::ManyToOne, Cardinality::OneToMany)
                };
                let names = (source.relation.names(), target.relation.names());
                found.push(relationship(names.clone(), forward, &key.constraint, columns));
                found.push(relationship((names.1, names.0), backward, &key.constraint, mirrored));
            }
        }
    }

    /// Pairs of foreign keys of one table whose columns are all part of its primary key.
    fn many_to_many(&self, found: &mut Vec<Relationship>) {
        let mut by_table: HashMap<u32, Vec<&ForeignKey>> = HashMap::new();
        for key in &self.foreign_keys {
            let in_primary_key = self
                .primary_keys
                .get(&key.table)
                .is_some_and(|primary| key.columns.iter().all(|column| primary.contains(column)));
            if in_primary_key {
                by_table.entry(key.table).or_default().push(key);
            }
        }
        for keys in by_table.values() {
            for first in keys {
                for second in keys.iter().filter(|second| second.constraint != first.constraint) {
                    self.through(first, second, found);
                }
            }
        }
    }

    fn through(&self, first: &ForeignKey, second: &ForeignKey, found: &mut Vec<Relationship>) {
        let second_shown = self.shown(second.table, &second.columns);
        for junction in self.shown(first.table, &first.columns) {
            let Some(other) = second_shown.iter().find(|shown| shown.id == junction.id) else { continue };
            for origin in self.shown(first.target, &first.target_columns) {
                for target in self.shown(second.target, &second.target_columns) {
                    let (schema, name) = junction.relation.names();
                    let columns = origin.columns.iter().cloned().zip(junction.columns.iter().cloned()).collect();
                    found.push(Relationship {
                        junction: Some(Junction {
                            schema,
                            name,
                            constraint: second.constraint.clone(),
                            columns: other.columns.iter().cloned().zip(target.columns.iter().cloned()).collect(),
                        }),
                        ..relationship(
                            (origin.relation.names(), target.relation.names()),
                            Cardinality::ManyToMany,
                            &first.constraint,
                            columns,
                        )
                    });
                }
            }
        }
    }
}

impl ExposedRelation {
    fn names(&self) -> (String, String) {
        (self.schema.clone(), self.name.clone())
    }
}

fn relationship(
    (origin, target): ((String, String), (String, String)),
    cardinality: Cardinality,
    constraint: &str,
    columns: Vec<(String, String)>,
) -> Relationship {
    Relationship { origin, target, cardinality, constraint: constraint.to_owned(), columns, junction: None }
}
