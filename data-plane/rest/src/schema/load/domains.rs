//! What is below domains, which may be over others.

use std::collections::HashMap;

use tokio_postgres::{Error, Row};

pub(super) const DOMAINS: &str = "\
select oid, typbasetype, format_type(typbasetype, null), pg_get_expr(typdefaultbin, 0) from pg_type where typtype = 'd'";

#[derive(Debug)]
pub(super) struct Domain {
    id: u32,
    /// The type that it is over, and what that is called.
    over: u32,
    over_name: String,
    /// Its own or that of the domain that it is over.
    default: Option<String>,
}

pub(super) fn domain(row: &Row) -> Result<Domain, Error> {
    Ok(Domain { id: row.try_get(0)?, over: row.try_get(1)?, over_name: row.try_get(2)?, default: row.try_get(3)? })
}

#[derive(Debug)]
pub(super) struct Domains(HashMap<u32, Domain>);

impl Domains {
    pub(super) fn new(domains: Vec<Domain>) -> Self {
        Self(domains.into_iter().map(|domain| (domain.id, domain)).collect())
    }

    pub(super) fn has(&self, id: u32) -> bool {
        self.0.contains_key(&id)
    }

    /// The domain that is directly over what is no domain, if this is one.
    fn last(&self, id: u32) -> Option<&Domain> {
        let mut found = self.0.get(&id)?;
        // PostgreSQL has no domain over itself.
        while let Some(deeper) = self.0.get(&found.over) {
            found = deeper;
        }
        Some(found)
    }

    /// What the type below all domains is called, if this is a domain.
    pub(super) fn base_name(&self, id: u32) -> Option<&str> {
        self.last(id).map(|domain| domain.over_name.as_str())
    }

    /// The type below all domains, or the type itself.
    pub(super) fn base(&self, id: u32) -> u32 {
        self.last(id).map_or(id, |domain| domain.over)
    }

    pub(super) fn default(&self, id: u32) -> Option<&str> {
        self.0.get(&id)?.default.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_may_be_over_domains() {
        let domain = |id, over, name: &str| Domain { id, over, over_name: name.to_owned(), default: None };
        let domains = Domains::new(vec![domain(3, 2, "b"), domain(2, 1, "text")]);
        assert_eq!([1, 2, 3].map(|id| domains.base(id)), [1, 1, 1]);
        assert_eq!([1, 2, 3].map(|id| domains.base_name(id)), [None, Some("text"), Some("text")]);
    }
}
