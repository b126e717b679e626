//! Domain representations: what values of a domain look like to clients, which implicit casts say. PostgreSQL itself ignores
//! casts of domains.

use std::{collections::HashMap, sync::Arc};

/// The functions of a domain's casts. Where there is none, the value looks as it is stored.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct DomainRepresentation {
    /// Makes what is shown of a value.
    pub(crate) to_json: Option<Conversion>,
    /// Makes a value of what a filter compares with.
    pub(crate) from_text: Option<Conversion>,
    /// Makes a value of what a body has.
    pub(crate) from_json: Option<Conversion>,
}

/// A function of one argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conversion {
    pub(crate) schema: String,
    pub(crate) name: String,
}

/// The direction of a cast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    ToJson,
    FromText,
    FromJson,
}

/// Those of all domains, by the domain's id.
#[derive(Debug, Default)]
pub(crate) struct Representations(HashMap<u32, Arc<DomainRepresentation>>);

impl Representations {
    pub(crate) fn of(&self, domain: u32) -> Option<&Arc<DomainRepresentation>> {
        self.0.get(&domain)
    }
}

impl FromIterator<(u32, Direction, Conversion)> for Representations {
    fn from_iter<I: IntoIterator<Item = (u32, Direction, Conversion)>>(casts: I) -> Self {
        let mut found: HashMap<u32, DomainRepresentation> = HashMap::new();
        for (domain, direction, conversion) in casts {
            let representation = found.entry(domain).or_default();
            let place = match direction {
                Direction::ToJson => &mut representation.to_json,
                Direction::FromText => &mut representation.from_text,
                Direction::FromJson => &mut representation.from_json,
            };
            *place = Some(conversion);
        }
        Self(found.into_iter().map(|(domain, representation)| (domain, Arc::new(representation))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_has_the_casts_that_there_are() {
        let named = |name: &str| Conversion { schema: "api".to_owned(), name: name.to_owned() };
        let all: Representations = [
            (1, Direction::ToJson, named("shown")),
            (2, Direction::FromText, named("read")),
            (1, Direction::FromJson, named("parsed")),
        ]
        .into_iter()
        .collect();
        let first = DomainRepresentation { to_json: Some(named("shown")), from_text: None, from_json: Some(named("parsed")) };
        assert_eq!(all.of(1).map(Arc::as_ref), Some(&first));
        assert_eq!(all.of(2).and_then(|second| second.from_text.clone()), Some(named("read")));
        assert_eq!(all.of(3), None);
    }
}
