//! Casts that make a domain look different to clients.

use tokio_postgres::{Error, Row, types::Type};

use super::domains::Domains;
use crate::schema::{Conversion, Direction};

/// Implicit casts to and from JSON, and from text, by functions that this role may call with nothing but the value. What
/// comes with PostgreSQL has none of domains.
pub(super) const CASTS: &str = "\
select c.castsource, c.casttarget, n.nspname::text, p.proname::text
from pg_cast c join pg_proc p on p.oid = c.castfunc join pg_namespace n on n.oid = p.pronamespace
where c.castcontext = 'i' and c.castmethod = 'f' and c.oid >= 16384 and p.pronargs - p.pronargdefaults <= 1
  and ('json'::regtype in (c.castsource, c.casttarget) or c.castsource = 'text'::regtype) and has_function_privilege(p.oid, 'execute')";

/// A cast that counts if it is one of a domain.
pub(super) struct FoundCast {
    source: u32,
    target: u32,
    function: Conversion,
}

pub(super) fn cast(row: &Row) -> Result<FoundCast, Error> {
    let function = Conversion { schema: row.try_get(2)?, name: row.try_get(3)? };
    Ok(FoundCast { source: row.try_get(0)?, target: row.try_get(1)?, function })
}

impl FoundCast {
    /// The domain, and what the cast does for it.
    pub(super) fn of_domain(self, domains: &Domains) -> Option<(u32, Direction, Conversion)> {
        let (json, text) = (Type::JSON.oid(), Type::TEXT.oid());
        let (domain, direction) = match (self.source, self.target) {
            (domain, target) if target == json => (domain, Direction::ToJson),
            (source, domain) if source == json => (domain, Direction::FromJson),
            (source, domain) if source == text => (domain, Direction::FromText),
            _ => return None,
        };
        domains.has(domain).then_some((domain, direction, self.function))
    }
}
