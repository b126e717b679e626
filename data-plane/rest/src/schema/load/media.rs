//! Domains named like media types, and the aggregates that return them.

use std::collections::HashMap;

use tokio_postgres::{Error, Row};

use crate::schema::{Handler, MediaDomain};

/// Of every schema, as any may be on the search path of who wrote the function. The names are those of RFC 6838, 4.2. A
/// domain has the output function of the type at the bottom.
pub(super) const DOMAINS: &str = r"
select oid, lower(typname::text), typoutput = 'pg_catalog.byteaout'::regproc
from pg_type where typtype = 'd' and (typname = '*/*' or typname ~ '^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*$')";

/// Aggregates of one argument, which is a row of a relation or anything. Their type is that of the final function, or else
/// of the transition function.
pub(super) const AGGREGATES: &str = "\
select n.nspname::text, p.proname::text, p.prorettype, tn.nspname::text, t.typname::text, t.typrelid <> 0
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  join pg_type t on t.oid = p.proargtypes[0] join pg_namespace tn on tn.oid = t.typnamespace
where (n.nspname = any($1) or n.nspname = any($2)) and p.prokind = 'a' and p.pronargs = 1 and (t.typrelid <> 0 or t.oid = 'anyelement'::regtype)
order by p.oid";

/// With its id.
pub(super) fn domain(row: &Row) -> Result<(u32, MediaDomain), Error> {
    Ok((row.try_get(0)?, MediaDomain { name: row.try_get(1)?, is_bytes: row.try_get(2)? }))
}

/// An aggregate that is a handler if its type is a media type.
pub(super) struct FoundAggregate {
    schema: String,
    name: String,
    returns: u32,
    of: Option<(String, String)>,
}

pub(super) fn aggregate(row: &Row) -> Result<FoundAggregate, Error> {
    let of = if row.try_get(5)? { Some((row.try_get(3)?, row.try_get(4)?)) } else { None };
    Ok(FoundAggregate { schema: row.try_get(0)?, name: row.try_get(1)?, returns: row.try_get(2)?, of })
}

impl FoundAggregate {
    pub(super) fn into_handler(self, domains: &HashMap<u32, MediaDomain>) -> Option<Handler> {
        let Self { schema, name, returns, of } = self;
        domains.get(&returns).map(|media| Handler { schema, name, of, media: media.clone() })
    }
}
