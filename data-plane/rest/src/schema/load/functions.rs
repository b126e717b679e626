//! Functions, and the relationships that some of them are.

use std::collections::HashMap;

use tokio_postgres::{Error, Row, types::Type};

use super::domains::Domains;
use crate::schema::{Cardinality, Function, MediaDomain, Parameter, Relationship, Returns, SchemaCache, Volatility};

/// Functions of the exposed schemas, and those of a row in the rest of the search path.
pub(super) const FUNCTIONS: &str = "\
select n.nspname::text, p.proname::text, p.proretset, p.provolatile::text, p.prorows, p.provariadic <> 0, p.pronargdefaults::int4,
       p.proargnames, p.proargmodes::text[],
       array(select format_type(a, null) from unnest(p.proargtypes::oid[]) with ordinality as u(a, i) order by i),
       p.prorettype, coalesce(b.typtype, t.typtype)::text, cn.nspname::text, c.relname::text, c.relkind::text, t.typname::text,
       p.proargtypes[0], p.oid, p.proconfig
from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_type t on t.oid = p.prorettype
  left join pg_type b on b.oid = nullif(t.typbasetype, 0)
  left join pg_class c on c.oid = nullif(coalesce(nullif(t.typrelid, 0), b.typrelid), 0)
  left join pg_namespace cn on cn.oid = c.relnamespace
where (n.nspname = any($1)
       or n.nspname = any($2) and p.pronargs = 1 and exists (select from pg_type a where a.oid = p.proargtypes[0] and a.typrelid <> 0))
  and p.prokind = 'f' and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
order by p.oid";

/// A function, and what makes it a computed field or relationship.
pub(super) struct FoundFunction {
    pub(super) function: Function,
    /// The type of its first argument; 0 if it has none.
    pub(super) argument: u32,
    returns: u32,
}

pub(super) fn function(row: &Row) -> Result<FoundFunction, Error> {
    let names: Option<Vec<String>> = row.try_get(7)?;
    let modes: Option<Vec<String>> = row.try_get(8)?;
    let types: Vec<String> = row.try_get(9)?;
    let with_default = usize::try_from(row.try_get::<_, i32>(6)?).unwrap_or(0);
    let has_variadic: bool = row.try_get(5)?;
    let is_input = |index: usize| {
        modes.as_ref().is_none_or(|modes| modes.get(index).is_some_and(|mode| matches!(mode.as_str(), "i" | "b" | "v")))
    };
    let all = names.as_ref().map_or(types.len(), Vec::len).max(types.len());
    let input_names = (0..all)
        .filter(|index| is_input(*index))
        .map(|index| names.as_ref().and_then(|names| names.get(index)).cloned().unwrap_or_default());
    let count = types.len();
    let parameters: Vec<Parameter> = types
        .into_iter()
        .zip(input_names)
        .enumerate()
        .map(|(index, (type_name, name))| Parameter {
            name,
            type_name,
            required: index + with_default < count,
            variadic: has_variadic && index + 1 == count,
        })
        .collect();
    let has_outputs = modes.as_ref().is_some_and(|modes| modes.iter().any(|mode| matches!(mode.as_str(), "o" | "b" | "t")));
    let relation =
        (row.try_get::<_, Option<String>>(12)?, row.try_get::<_, Option<String>>(13)?, row.try_get::<_, Option<&str>>(14)?);
    let returns = match (relation, row.try_get::<_, Option<&str>>(15)?) {
        (_, Some("void")) => Returns::Void,
        ((Some(schema), Some(name), Some(kind)), _) if kind != "c" => Returns::Relation { schema, name },
        ((Some(_), Some(_), Some(_)), _) => Returns::Composite,
        // OUT parameters and TABLE columns make rows, even a single one whose type is a scalar.
        _ if has_outputs => Returns::Composite,
        _ => Returns::Scalar,
    };
    let volatility = match row.try_get::<_, &str>(3)? {
        "i" => Volatility::Immutable,
        "s" => Volatility::Stable,
        _ => Volatility::Volatile,
    };
    let settings = row.try_get::<_, Option<Vec<String>>>(18)?.unwrap_or_default();
    let function = Function {
        id: row.try_get(17)?,
        schema: row.try_get(0)?,
        name: row.try_get(1)?,
        parameters,
        returns,
        media: None,
        is_set: row.try_get(2)?,
        volatility,
        rows: row.try_get(4)?,
        settings: settings.iter().filter_map(|setting| setting.split_once('=')).map(owned).collect(),
    };
    let argument = row.try_get::<_, Option<u32>>(16)?.unwrap_or_default();
    Ok(FoundFunction { function, argument, returns: row.try_get(10)? })
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

impl FoundFunction {
    /// The function, which is a handler if it returns one value of a media type.
    pub(super) fn into_function(self, media: &HashMap<u32, MediaDomain>) -> Function {
        let media = media.get(&self.returns).filter(|_| !self.function.is_set).cloned();
        Function { media, ..self.function }
    }

    /// A function of one row that returns a value is a field of it: its name, and whether a text search of it needs
    /// `to_tsvector` first.
    pub(super) fn computed_field(&self, domains: &Domains) -> Option<(String, bool)> {
        let function = &self.function;
        let is_field = function.parameters.len() == 1 && function.returns == Returns::Scalar && !function.is_set;
        is_field.then(|| (function.name.clone(), domains.base(self.returns) != Type::TS_VECTOR.oid()))
    }

    /// A function of one row that returns rows of another relation is a relationship.
    pub(super) fn computed_relationship(
        &self,
        by_row_type: &HashMap<u32, (String, String)>,
        cache: &SchemaCache,
    ) -> Option<Relationship> {
        let function = &self.function;
        let Returns::Relation { schema, name } = &function.returns else { return None };
        if function.parameters.len() != 1 {
            return None;
        }
        let origin = by_row_type.get(&self.argument)?;
        cache.relation(schema, name)?;
        Some(Relationship {
            origin: origin.clone(),
            target: (schema.clone(), name.clone()),
            #[expect(clippy::float_cmp, reason = "ROWS 1 is stored exactly")]
            cardinality: Cardinality::Computed { to_one: !function.is_set || function.rows == 1.0 },
            constraint: function.name.clone(),
            columns: vec![(function.schema.clone(), function.name.clone())],
            junction: None,
        })
    }
}
