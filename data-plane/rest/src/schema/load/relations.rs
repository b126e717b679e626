//! Relations, their columns, and the constraints and view rules from which relationships follow.

use std::collections::HashMap;

use tokio_postgres::{Error, Row};

use crate::schema::{
    Column, ForeignKey, Relation, RelationKind,
    relationships::{Catalogue, ExposedRelation},
};

pub(super) const RELATIONS: &str = "\
select c.oid, n.nspname::text, c.relname::text, c.relkind::text,
       case when c.relkind = 'v' then pg_relation_is_updatable(c.oid, true) when c.relkind = 'm' then 0 else 28 end,
       c.reltype
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any($1) and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition";

pub(super) const COLUMNS: &str = "\
select a.attrelid, a.attnum, a.attname::text, format_type(a.atttypid, a.atttypmod),
       case when t.typtype = 'd' then format_type(t.typbasetype, null) else format_type(a.atttypid, null) end,
       a.attnotnull,
       case when a.atthasdef and a.attgenerated = ''
            then (select pg_get_expr(d.adbin, d.adrelid) from pg_attrdef d where d.adrelid = a.attrelid and d.adnum = a.attnum)
            when a.attidentity = 'd'
            -- Not pg_get_serial_sequence, which asks for rights on the schema that only other roles have.
            then (select format('nextval(%L::regclass)', format('%I.%I', sn.nspname, s.relname))
                  from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S' join pg_namespace sn on sn.oid = s.relnamespace
                  where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
                    and d.refobjid = a.attrelid and d.refobjsubid = a.attnum and d.deptype = 'i')
            when t.typtype = 'd' and not a.atthasdef then pg_get_expr(t.typdefaultbin, 0) end
from pg_class c join pg_attribute a on a.attrelid = c.oid join pg_type t on t.oid = a.atttypid
where c.relnamespace in (select oid from pg_namespace where nspname = any($1))
  and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition and a.attnum > 0 and not a.attisdropped
order by a.attrelid, a.attnum";

/// Constraints of every schema: a view may show the columns of a table that is not exposed.
pub(super) const CONSTRAINTS: &str = "\
select conname::text, contype::text, conrelid, conkey, confrelid, confkey
from pg_constraint where contype in ('p', 'u', 'f') and conparentid = 0 and conrelid >= 16384 order by oid";

pub(super) const VIEW_RULES: &str = "\
select c.oid, r.ev_action::text from pg_class c join pg_rewrite r on r.ev_class = c.oid
where c.relkind in ('v', 'm') and r.ev_type = '1' and c.oid >= 16384 and c.relnamespace in
  (select oid from pg_namespace where nspname not in ('pg_catalog', 'information_schema', 'extensions'))";

pub(super) fn relations_by_id(relations: &[Row], columns: &[Row]) -> Result<HashMap<u32, Relation>, Error> {
    let mut by_id = HashMap::with_capacity(relations.len());
    for row in relations {
        let events: i32 = row.try_get(4)?;
        let kind: &str = row.try_get(3)?;
        let relation = Relation {
            id: row.try_get(0)?,
            row_type: row.try_get(5)?,
            schema: row.try_get(1)?,
            name: row.try_get(2)?,
            kind: if matches!(kind, "v" | "m") { RelationKind::View } else { RelationKind::Table },
            insertable: events & 8 != 0,
            updatable: events & 4 != 0,
            deletable: events & 16 != 0,
            columns: Vec::new(),
            primary_key: Vec::new(),
        };
        by_id.insert(relation.id, relation);
    }
    for row in columns {
        if let Some(relation) = by_id.get_mut(&row.try_get(0)?) {
            relation.columns.push(Column {
                number: row.try_get(1)?,
                name: row.try_get(2)?,
                type_name: row.try_get(3)?,
                base_type: row.try_get(4)?,
                not_null: row.try_get(5)?,
                default: row.try_get(6)?,
            });
        }
    }
    Ok(by_id)
}

pub(super) fn exposed_relation(relation: &Relation) -> ExposedRelation {
    ExposedRelation {
        schema: relation.schema.clone(),
        name: relation.name.clone(),
        columns: relation.columns.iter().map(|column| (column.number, column.name.clone())).collect(),
    }
}

pub(super) fn constraint_catalogue(rows: &[Row]) -> Result<Catalogue, Error> {
    let mut catalogue = Catalogue::default();
    for row in rows {
        let table: u32 = row.try_get(2)?;
        let columns: Vec<i16> = row.try_get(3)?;
        match row.try_get::<_, &str>(1)? {
            "f" => catalogue.foreign_keys.push(ForeignKey {
                constraint: row.try_get(0)?,
                table,
                columns,
                target: row.try_get(4)?,
                target_columns: row.try_get(5)?,
            }),
            kind => {
                if kind == "p" {
                    catalogue.primary_keys.insert(table, columns.clone());
                }
                catalogue.unique.entry(table).or_default().push(columns);
            }
        }
    }
    Ok(catalogue)
}
