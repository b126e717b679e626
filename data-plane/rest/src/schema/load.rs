//! Loads the schema cache: a handful of catalogue queries, pipelined into one round trip.
//!
//! Each query reads few catalogues and joins little, because on a fresh connection planning costs more than running.

use std::collections::{BTreeMap, HashMap};

use futures::try_join;
use tokio_postgres::{Client, Error, Row, types::Type};

use super::{
    Cardinality, Column, Config, ForeignKey, Function, Parameter, Relation, RelationKind, Relationship, Returns, RoleSettings,
    SchemaCache, Volatility, names,
    relationships::{Catalogue, ExposedRelation},
    views::ViewColumns,
};
use crate::options::Options;

const RELATIONS: &str = "\
select c.oid, n.nspname::text, c.relname::text, c.relkind::text,
       case when c.relkind = 'v' then pg_relation_is_updatable(c.oid, true) when c.relkind = 'm' then 0 else 28 end
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any($1) and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition";

const COLUMNS: &str = "\
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
const CONSTRAINTS: &str = "\
select conname::text, contype::text, conrelid, conkey, confrelid, confkey
from pg_constraint where contype in ('p', 'u', 'f') and conparentid = 0 and conrelid >= 16384 order by oid";

const VIEW_RULES: &str = "\
select c.oid, r.ev_action::text from pg_class c join pg_rewrite r on r.ev_class = c.oid
where c.relkind in ('v', 'm') and r.ev_type = '1' and c.oid >= 16384 and c.relnamespace in
  (select oid from pg_namespace where nspname not in ('pg_catalog', 'information_schema', 'extensions'))";

const FUNCTIONS: &str = "\
select n.nspname::text, p.proname::text, p.proretset, p.provolatile::text, p.prorows, p.provariadic <> 0, p.pronargdefaults::int4,
       p.proargnames, p.proargmodes::text[],
       array(select format_type(a, null) from unnest(p.proargtypes::oid[]) with ordinality as u(a, i) order by i),
       p.prorettype, coalesce(b.typtype, t.typtype)::text, cn.nspname::text, c.relname::text, c.relkind::text, t.typname::text
from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_type t on t.oid = p.prorettype
  left join pg_type b on b.oid = nullif(t.typbasetype, 0)
  left join pg_class c on c.oid = nullif(coalesce(nullif(t.typrelid, 0), b.typrelid), 0)
  left join pg_namespace cn on cn.oid = c.relnamespace
where n.nspname = any($1) and p.prokind = 'f' and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
order by p.oid";

const SETTINGS: &str = "\
select r.rolname::text, u.setting, r.rolname = session_user
from pg_db_role_setting s join pg_roles r on r.oid = s.setrole, unnest(s.setconfig) as u(setting)
where s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
order by s.setdatabase";

/// Loads everything. `config` is what was in force before; if the database says otherwise, its word counts.
pub(crate) async fn load(client: &Client, config: Config, options: &Options) -> Result<SchemaCache, Error> {
    let (loaded_for, cache) = load_with(client, config, options).await?;
    if loaded_for.schemas == cache.config.schemas { Ok(cache) } else { Ok(load_with(client, cache.config, options).await?.1) }
}

async fn load_with(client: &Client, assumed: Config, options: &Options) -> Result<(Config, SchemaCache), Error> {
    let schemas = &assumed.schemas;
    let none: &[(&(dyn tokio_postgres::types::ToSql + Sync), Type)] = &[];
    let exposed: &[(&(dyn tokio_postgres::types::ToSql + Sync), Type)] = &[(schemas, Type::TEXT_ARRAY)];
    let (relations, columns, constraints, rules, functions, settings) = try_join!(
        client.query_typed(RELATIONS, exposed),
        client.query_typed(COLUMNS, exposed),
        client.query_typed(CONSTRAINTS, none),
        client.query_typed(VIEW_RULES, none),
        client.query_typed(FUNCTIONS, exposed),
        client.query_typed(SETTINGS, none),
    )?;
    let (own, mut role_settings) = settings_by_role(&settings)?;
    let config = if options.in_database_config { configured(&options.config, &own) } else { options.config.clone() };
    keep_settable(client, &mut role_settings).await?;

    let mut by_id = relations_by_id(&relations, &columns)?;
    let mut catalogue = constraint_catalogue(&constraints)?;
    let rules: Vec<(u32, String)> =
        rules.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, Error>>()?;
    catalogue.views = ViewColumns::new(&rules);
    catalogue.exposed = by_id.iter().map(|(id, relation)| (*id, exposed_relation(relation))).collect();
    for (id, relation) in &mut by_id {
        relation.primary_key = catalogue.primary_key_of(*id);
    }
    let functions = functions.iter().map(function).collect::<Result<Vec<_>, Error>>()?;

    let mut cache = SchemaCache { config, role_settings, ..SchemaCache::default() };
    for relation in by_id.into_values() {
        cache.relations.entry(relation.schema.clone()).or_default().insert(relation.name.clone(), relation);
    }
    for relationship in catalogue.relationships() {
        cache.relationships.entry(relationship.origin.clone()).or_default().push(relationship);
    }
    for (function, argument) in &functions {
        if let Some(relationship) = computed(function, argument.as_deref(), &cache) {
            let known = cache.relationships.entry(relationship.origin.clone()).or_default();
            // The author's word overrides what foreign keys say of the same name.
            known.retain(|other| other.target.1 != relationship.constraint);
            known.push(relationship);
        }
    }
    for (function, _) in functions {
        cache.functions.entry(function.schema.clone()).or_default().entry(function.name.clone()).or_default().push(function);
    }
    Ok((assumed, cache))
}

fn relations_by_id(relations: &[Row], columns: &[Row]) -> Result<HashMap<u32, Relation>, Error> {
    let mut by_id = HashMap::with_capacity(relations.len());
    for row in relations {
        let events: i32 = row.try_get(4)?;
        let kind: &str = row.try_get(3)?;
        by_id.insert(
            row.try_get(0)?,
            Relation {
                schema: row.try_get(1)?,
                name: row.try_get(2)?,
                kind: if matches!(kind, "v" | "m") { RelationKind::View } else { RelationKind::Table },
                insertable: events & 8 != 0,
                updatable: events & 4 != 0,
                deletable: events & 16 != 0,
                columns: Vec::new(),
                primary_key: Vec::new(),
            },
        );
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

fn exposed_relation(relation: &Relation) -> ExposedRelation {
    ExposedRelation {
        schema: relation.schema.clone(),
        name: relation.name.clone(),
        columns: relation.columns.iter().map(|column| (column.number, column.name.clone())).collect(),
    }
}

fn constraint_catalogue(rows: &[Row]) -> Result<Catalogue, Error> {
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

/// The function, and its first argument's type as text, for computed relationships.
fn function(row: &Row) -> Result<(Function, Option<String>), Error> {
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
    let first_argument = types.first().cloned();
    let parameters: Vec<Parameter> = types
        .into_iter()
        .zip(input_names)
        .enumerate()
        .map(|(index, (type_name, name))| Parameter {
            name,
            type_name,
            required: index + with_default < count && !(has_variadic && index + 1 == count),
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
    let function = Function {
        schema: row.try_get(0)?,
        name: row.try_get(1)?,
        parameters,
        returns,
        is_set: row.try_get(2)?,
        volatility,
        rows: row.try_get(4)?,
    };
    Ok((function, first_argument))
}

/// A function of one unnamed or named row argument that returns rows of another relation is a relationship.
fn computed(function: &Function, argument: Option<&str>, cache: &SchemaCache) -> Option<Relationship> {
    let Returns::Relation { schema, name } = &function.returns else { return None };
    if function.parameters.len() != 1 {
        return None;
    }
    let argument = argument?;
    let origin = cache.relations.values().flat_map(BTreeMap::values).find(|relation| {
        let qualified = format!("{}.{}", relation.schema, relation.name);
        argument == relation.name
            || argument == qualified
            || argument.replace('"', "") == qualified
            || argument.replace('"', "") == relation.name
    })?;
    cache.relation(schema, name)?;
    Some(Relationship {
        origin: (origin.schema.clone(), origin.name.clone()),
        target: (schema.clone(), name.clone()),
        #[expect(clippy::float_cmp, reason = "ROWS 1 is stored exactly")]
        cardinality: Cardinality::Computed { to_one: !function.is_set || function.rows == 1.0 },
        constraint: function.name.clone(),
        columns: vec![(function.schema.clone(), function.name.clone())],
        junction: None,
    })
}

/// The settings of the role that connects, and those of the roles it becomes.
fn settings_by_role(rows: &[Row]) -> Result<(Vec<(String, String)>, RoleSettings), Error> {
    let (mut own, mut found) = (Vec::new(), RoleSettings::new());
    for row in rows {
        let role: String = row.try_get(0)?;
        let setting: &str = row.try_get(1)?;
        if let Some((name, value)) = setting.split_once('=') {
            let settings = if row.try_get(2)? { &mut own } else { found.entry(role).or_default() };
            // Later rows are of this database and override the role's general ones.
            settings.retain(|(known, _)| known != name);
            settings.push((name.to_owned(), value.to_owned()));
        }
    }
    Ok((own, found))
}

/// Settings every role may change for itself; others are looked up.
const ALWAYS_SETTABLE: [&str; 6] = [
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "default_transaction_isolation",
    "work_mem",
    "timezone",
];

/// Keeps the settings that `authenticator` may apply: the others would fail every request of the role.
async fn keep_settable(client: &Client, settings: &mut RoleSettings) -> Result<(), Error> {
    for values in settings.values_mut() {
        // The search path is the request's, and preloading happens at login only.
        values.retain(|(name, _)| {
            !matches!(name.to_ascii_lowercase().as_str(), "search_path" | "role" | "session_preload_libraries")
        });
    }
    let unknown: Vec<String> = settings
        .values()
        .flatten()
        .map(|(name, _)| name.to_ascii_lowercase())
        .filter(|name| !ALWAYS_SETTABLE.contains(&name.as_str()))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    // One with a dot that nobody has defined can be set by everybody; an extension's may be for a superuser alone.
    let sql = "select given.name from unnest($1::text[]) as given (name) left join pg_settings s on lower(s.name) = given.name
        where case when s.name is null then strpos(given.name, '.') > 0
              else s.context = 'user' or has_parameter_privilege(current_user, s.name, 'set') end";
    let rows = client.query_typed(sql, &[(&unknown, Type::TEXT_ARRAY)]).await?;
    let settable = rows.iter().map(|row| row.try_get::<_, String>(0)).collect::<Result<Vec<_>, _>>()?;
    for values in settings.values_mut() {
        values.retain(|(name, _)| {
            let name = name.to_ascii_lowercase();
            ALWAYS_SETTABLE.contains(&name.as_str()) || settable.contains(&name)
        });
    }
    Ok(())
}

/// What the settings of the role that connects make of the service's.
fn configured(config: &Config, settings: &[(String, String)]) -> Config {
    let mut config = config.clone();
    for (name, value) in settings {
        match name.as_str() {
            "pgrst.db_schemas" if !names(value).is_empty() => config.schemas = names(value),
            "pgrst.db_extra_search_path" => config.extra_search_path = names(value),
            "pgrst.db_max_rows" => config.max_rows = value.parse().ok(),
            "pgrst.db_pre_request" => config.pre_request = (!value.is_empty()).then(|| value.clone()),
            _ => {}
        }
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_authenticator_configure_the_service() {
        let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let config = configured(
            &Config::default(),
            &[set("pgrst.db_schemas", "api, \"My Schema\""), set("pgrst.db_max_rows", "7"), set("statement_timeout", "8s")],
        );
        assert_eq!(config.schemas, ["api", "My Schema"]);
        assert_eq!(config.max_rows, Some(7));
        assert_eq!(configured(&Config::default(), &[]), Config::default());
    }
}
