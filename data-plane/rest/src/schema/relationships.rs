//! Relationships between relations, derived from foreign keys: as they are, through junction tables, and through the
//! views that show the columns of a key.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{Relation, views::ViewColumns};

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

    pub(crate) fn is_computed(&self) -> bool {
        matches!(self.cardinality, Cardinality::Computed { .. })
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

/// Keys of tables, by object ids and column numbers.
#[derive(Debug, Default)]
pub(crate) struct Constraints {
    /// Those of a table together. Their order is that of the relationships.
    pub(crate) foreign_keys: Vec<ForeignKey>,
    /// Column sets of primary keys, by table.
    pub(crate) primary_keys: HashMap<u32, Vec<i16>>,
    /// Column sets of unique constraints and primary keys, by table.
    pub(crate) unique: HashMap<u32, Vec<Vec<i16>>>,
}

/// What is needed to derive relationships.
#[derive(Debug)]
pub(crate) struct Catalogue<'a> {
    pub(crate) constraints: Constraints,
    pub(crate) views: ViewColumns,
    /// The exposed relations.
    pub(crate) exposed: &'a HashMap<u32, Relation>,
}

/// Ways in which one view shows the columns of one key, at most: each column of the key may be shown several times.
const MAX_WAYS: usize = 16;

/// An exposed relation that shows a key's columns, under these names.
struct Shown<'a> {
    id: u32,
    relation: &'a Relation,
    columns: Vec<&'a str>,
}

impl<'a> Catalogue<'a> {
    /// The names of a key's columns in every exposed relation that shows all of them: the table, and views over it. A view
    /// that shows a column several times is there as often.
    fn shown(&self, table: u32, columns: &[i16]) -> Vec<Shown<'a>> {
        let mut shown = Vec::new();
        if let Some(relation) = self.exposed.get(&table)
            && let Some(columns) = columns.iter().map(|number| relation.column_name(*number)).collect()
        {
            shown.push(Shown { id: table, relation, columns });
        }
        for view in self.views.over(table) {
            let Some(relation) = self.exposed.get(&view) else { continue };
            let names = |number: &i16| {
                self.views.columns_showing(view, table, *number).filter_map(|number| relation.column_name(number)).collect()
            };
            let ways = one_of_each(&columns.iter().map(names).collect::<Vec<Vec<&str>>>());
            shown.extend(ways.into_iter().map(|columns| Shown { id: view, relation, columns }));
        }
        shown
    }

    /// The primary key of an exposed relation by the names it shows. A view has those of all tables whose keys it shows.
    pub(crate) fn primary_key_of(&self, id: u32) -> Vec<String> {
        let known = &self.constraints.primary_keys;
        let own = known.get(&id).map(|columns| (id, columns));
        let bases: BTreeSet<u32> = self.views.bases(id).collect();
        let candidates = own.into_iter().chain(bases.into_iter().filter_map(|base| Some((base, known.get(&base)?))));
        let mut key: Vec<String> = Vec::new();
        for (table, columns) in candidates {
            let shown = self.shown(table, columns).into_iter().find(|shown| shown.id == id);
            for column in shown.map(|shown| shown.columns).unwrap_or_default() {
                if !key.iter().any(|known| known == column) {
                    key.push(column.to_owned());
                }
            }
        }
        key
    }

    fn is_unique(&self, table: u32, columns: &[i16]) -> bool {
        let wanted: HashSet<i16> = columns.iter().copied().collect();
        self.constraints
            .unique
            .get(&table)
            .is_some_and(|sets| sets.iter().any(|set| set.iter().copied().collect::<HashSet<_>>() == wanted))
    }

    pub(crate) fn relationships(&self) -> Vec<Relationship> {
        let mut found = Vec::new();
        for key in &self.constraints.foreign_keys {
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
                let columns = pairs(&source.columns, &target.columns);
                let mirrored = pairs(&target.columns, &source.columns);
                let (forward, backward) = if unique {
                    (Cardinality::OneToOne { owning: true }, Cardinality::OneToOne { owning: false })
                } else {
                    (Cardinality::ManyToOne, Cardinality::OneToMany)
                };
                let names = (names(source.relation), names(target.relation));
                found.push(relationship(names.clone(), forward, &key.constraint, columns));
                found.push(relationship((names.1, names.0), backward, &key.constraint, mirrored));
            }
        }
    }

    /// Pairs of foreign keys of one table whose columns are all part of its primary key, and not unique by themselves. A view
    /// stands for the table if it shows the whole primary key.
    fn many_to_many(&self, found: &mut Vec<Relationship>) {
        for of_table in self.constraints.foreign_keys.chunk_by(|a, b| a.table == b.table) {
            let Some(primary) = of_table.first().and_then(|key| self.constraints.primary_keys.get(&key.table)) else { continue };
            let inside = |key: &&ForeignKey| {
                key.columns.iter().all(|column| primary.contains(column)) && !self.is_unique(key.table, &key.columns)
            };
            for first in of_table.iter().filter(inside) {
                for second in of_table.iter().filter(inside).filter(|second| second.constraint != first.constraint) {
                    self.through(first, second, found);
                }
            }
        }
    }

    fn through(&self, first: &ForeignKey, second: &ForeignKey, found: &mut Vec<Relationship>) {
        let primary = self.constraints.primary_keys.get(&first.table).map_or(&[][..], Vec::as_slice);
        let whole: HashSet<u32> = self.shown(first.table, primary).into_iter().map(|shown| shown.id).collect();
        let (junctions, others) = (self.shown(first.table, &first.columns), self.shown(second.table, &second.columns));
        let (origins, targets) =
            (self.shown(first.target, &first.target_columns), self.shown(second.target, &second.target_columns));
        for junction in junctions.iter().filter(|junction| whole.contains(&junction.id)) {
            for other in others.iter().filter(|other| other.id == junction.id) {
                for origin in &origins {
                    for target in &targets {
                        let (schema, name) = names(junction.relation);
                        let columns = pairs(&other.columns, &target.columns);
                        let direct = relationship(
                            (names(origin.relation), names(target.relation)),
                            Cardinality::ManyToMany,
                            &first.constraint,
                            pairs(&origin.columns, &junction.columns),
                        );
                        let junction = Junction { schema, name, constraint: second.constraint.clone(), columns };
                        found.push(Relationship { junction: Some(junction), ..direct });
                    }
                }
            }
        }
    }
}

fn names(relation: &Relation) -> (String, String) {
    (relation.schema.clone(), relation.name.clone())
}

fn pairs(a: &[&str], b: &[&str]) -> Vec<(String, String)> {
    a.iter().zip(b).map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

/// Every way to take one of each, at most [`MAX_WAYS`].
fn one_of_each<'a>(choices: &[Vec<&'a str>]) -> Vec<Vec<&'a str>> {
    choices.iter().fold(vec![Vec::new()], |taken, choice| {
        let longer = taken.iter().flat_map(|taken| choice.iter().map(move |next| [taken.as_slice(), &[*next]].concat()));
        longer.take(MAX_WAYS).collect()
    })
}

fn relationship(
    (origin, target): ((String, String), (String, String)),
    cardinality: Cardinality,
    constraint: &str,
    columns: Vec<(String, String)>,
) -> Relationship {
    Relationship { origin, target, cardinality, constraint: constraint.to_owned(), columns, junction: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_are_shown_several_times_are_combined() {
        assert_eq!(one_of_each(&[vec!["a", "b"], vec!["c"]]), [["a", "c"], ["b", "c"]]);
        assert_eq!(one_of_each(&[vec!["a"], vec![]]), Vec::<Vec<&str>>::new());
        assert_eq!(one_of_each(&[vec!["a"; 10], vec!["b"; 10]]).len(), MAX_WAYS);
    }
}
