//! Relations, their columns, and the constraints and view rules from which relationships follow.

use tokio_postgres::{Error, Row};

use crate::schema::{Column, ForeignKey, Relation, RelationKind, relationships::Constraints};

pub(super) const RELATIONS: &str = "\
select c.oid, n.nspname::text, c.relname::text, c.relkind::text,
       case when c.relkind = 'v' then pg_relation_is_updatable(c.oid, true) when c.relkind = 'm' then 0 else 28 end,
       c.reltype
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any($1) and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition";

pub(super) const COLUMNS: &str = "\
select a.attrelid, a.attnum, a.attname::text, format_type(a.atttypid, a.atttypmod), format_type(a.atttypid, null), a.attnotnull,
       a.atttypid, a.atthasdef
from pg_class c join pg_attribute a on a.attrelid = c.oid
where c.relnamespace in (select oid from pg_namespace where nspname = any($1))
  and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition and a.attnum > 0 and not a.attisdropped";

/// Defaults, generated columns aside. They name no columns, so that PostgreSQL need not look at their tables.
pub(super) const DEFAULTS: &str = "\
select d.adrelid, d.adnum, pg_get_expr(d.adbin, 0)
from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum join pg_class c on c.oid = d.adrelid
where c.relnamespace in (select oid from pg_namespace where nspname = any($1)) and not c.relispartition and a.attgenerated = ''";

/// Defaults of identity columns. Not by `pg_get_serial_sequence`, which asks for rights on the schema that only other roles
/// have.
pub(super) const IDENTITIES: &str = "\
select a.attrelid, a.attnum, format('nextval(%L::regclass)', format('%I.%I', n.nspname, s.relname))
from pg_attribute a join pg_depend d on d.refobjid = a.attrelid and d.refobjsubid = a.attnum
  join pg_class s on s.oid = d.objid join pg_namespace n on n.oid = s.relnamespace
where a.attidentity = 'd' and d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype = 'i'
  and s.relkind = 'S'";

/// Constraints of every schema: a view may show the columns of a table that is not exposed.
pub(super) const CONSTRAINTS: &str = "\
select conname::text, contype::text, conrelid, conkey, confrelid, confkey
from pg_constraint where contype in ('p', 'u', 'f') and conparentid = 0 and conrelid >= 16384";

/// Views of the search path: what a view shows is followed through these only.
pub(super) const VIEW_RULES: &str = "\
select c.oid, r.ev_action::text
from pg_class c join pg_rewrite r on r.ev_class = c.oid join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('v', 'm') and r.ev_type = '1' and c.oid >= 16384 and (n.nspname = any($1) or n.nspname = any($2))
order by n.nspname, c.relname";

/// A relation, whose columns are still to come.
pub(super) fn relation(row: &Row) -> Result<Relation, Error> {
    let events: i32 = row.try_get(4)?;
    let kind: &str = row.try_get(3)?;
    Ok(Relation {
        id: row.try_get(0)?,
        row_type: row.try_get(5)?,
        schema: row.try_get(1)?,
        name: row.try_get(2)?,
        kind: if matches!(kind, "v" | "m") { RelationKind::View } else { RelationKind::Table },
        insertable: events & 8 != 0,
        updatable: events & 4 != 0,
        deletable: events & 16 != 0,
        columns: Vec::new(),
        computed_fields: Vec::new(),
        primary_key: Vec::new(),
    })
}

/// A column of the relation with that id. Its base type is known once domains are, its default once defaults are.
pub(super) struct FoundColumn {
    pub(super) relation: u32,
    pub(super) type_id: u32,
    /// Whether it has one of its own, be it generated.
    pub(super) has_default: bool,
    pub(super) column: Column,
}

pub(super) fn column(row: &Row) -> Result<FoundColumn, Error> {
    let column = Column {
        number: row.try_get(1)?,
        name: row.try_get(2)?,
        type_name: row.try_get(3)?,
        base_type: row.try_get(4)?,
        not_null: row.try_get(5)?,
        default: None,
        representation: None,
    };
    Ok(FoundColumn { relation: row.try_get(0)?, type_id: row.try_get(6)?, has_default: row.try_get(7)?, column })
}

/// Relation, column and expression.
pub(super) fn default(row: &Row) -> Result<(u32, i16, String), Error> {
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
}

pub(super) fn constraint(row: &Row, constraints: &mut Constraints) -> Result<(), Error> {
    let table: u32 = row.try_get(2)?;
    let columns: Vec<i16> = row.try_get(3)?;
    match row.try_get::<_, &str>(1)? {
        "f" => constraints.foreign_keys.push(ForeignKey {
            constraint: row.try_get(0)?,
            table,
            columns,
            target: row.try_get(4)?,
            target_columns: row.try_get(5)?,
        }),
        kind => {
            if kind == "p" {
                constraints.primary_keys.insert(table, columns.clone());
            }
            constraints.unique.entry(table).or_default().push(columns);
        }
    }
    Ok(())
}
