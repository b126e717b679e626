//! Loads the schema cache: a handful of catalogue queries, pipelined into one round trip.
//!
//! Each query reads few catalogues and joins little, because on a fresh connection planning costs more than running. Rows
//! are taken apart as they come, because a schema may have ten thousand tables.

mod domains;
mod functions;
mod media;
mod relations;
mod representations;
mod settings;

pub(crate) use settings::database_settings;

use std::{collections::HashMap, pin::pin, sync::Arc};

use futures::{TryStreamExt as _, try_join};
use tokio_postgres::{
    Client, Error, Row,
    types::{ToSql, Type},
};

use self::{domains::Domains, functions::FoundFunction, relations::FoundColumn};
use super::{
    Config, DatabaseSettings, Handlers, MediaDomain, Relation, Representations, RoleSettings, SchemaCache,
    relationships::{Catalogue, Constraints, Relationship},
    views::ViewColumns,
};
use crate::options::Options;

/// Why there is no new cache.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The connection ended, or the database refused a query or the function of `db-pre-config`.
    #[error("the database could not be queried")]
    Database(#[from] Error),
    #[error("{setting} has {schema:?}, and there is no such schema")]
    NoSchema { setting: &'static str, schema: String },
}

const SCHEMAS: &str = "select nspname::text from pg_namespace where nspname = any($1)";

/// Loads everything. What was in force before is assumed to be so still, which saves a round trip.
pub(crate) async fn load(client: &Client, before: Option<&SchemaCache>, options: &Options) -> Result<SchemaCache, LoadError> {
    let assumed = before.map_or(&options.config, |before| &before.config);
    let (found, settings) = try_join!(Found::read(client, assumed), client.query_typed(settings::SETTINGS, &[]))?;
    let (own, mut role_settings) = settings::settings_by_role(&settings)?;
    let (config, settings) = settings::configured(client, own, before, options).await?;
    settings::keep_settable(client, &mut role_settings).await?;
    let sees_the_same = (&assumed.schemas, &assumed.extra_search_path) == (&config.schemas, &config.extra_search_path);
    let found = if sees_the_same {
        found
    } else {
        drop(found);
        Found::read(client, &config).await?
    };
    let defaults = &options.config;
    for (setting, schemas, by_default) in [
        ("db-schemas", &config.schemas, &defaults.schemas),
        ("db-extra-search-path", &config.extra_search_path, &defaults.extra_search_path),
    ] {
        // Who drops a schema that a project has from the beginning does not want to lose the others.
        let is_missed = |schema: &&String| options.project_ref.is_none() || !by_default.contains(schema);
        if let Some(schema) = schemas.iter().filter(is_missed).find(|schema| !found.schemas.contains(schema)) {
            return Err(LoadError::NoSchema { setting, schema: schema.clone() });
        }
    }
    Ok(found.into_cache(config, settings, role_settings))
}

/// Each row as it comes, made into what is kept of it.
async fn each<T>(
    client: &Client,
    sql: &str,
    lists: &[&[String]],
    mut make: impl FnMut(&Row) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let parameters = lists.iter().map(|list| (list as &(dyn ToSql + Sync), Type::TEXT_ARRAY));
    let mut rows = pin!(client.query_typed_raw(sql, parameters).await?);
    let mut made = Vec::new();
    while let Some(row) = rows.try_next().await? {
        made.push(make(&row)?);
    }
    Ok(made)
}

/// Writes down what the database is asked for, of which the log says nothing unless it shows every request.
fn log_queries() {
    for sql in [
        SCHEMAS,
        domains::DOMAINS,
        representations::CASTS,
        relations::RELATIONS,
        relations::COLUMNS,
        relations::DEFAULTS,
        relations::IDENTITIES,
        relations::CONSTRAINTS,
        relations::VIEW_RULES,
        functions::FUNCTIONS,
        media::DOMAINS,
        media::AGGREGATES,
    ] {
        tracing::info!("{sql}");
    }
}

/// What the catalogue says of the exposed schemas.
struct Found {
    /// Those that there are, of the search path as well.
    schemas: Vec<String>,
    domains: Domains,
    representations: Representations,
    relations: HashMap<u32, Relation>,
    columns: Vec<FoundColumn>,
    /// Relation, column and expression.
    defaults: Vec<(u32, i16, String)>,
    constraints: Constraints,
    /// Views and their rules.
    rules: Vec<(u32, String)>,
    functions: Vec<FoundFunction>,
    /// Domains named like media types.
    media: HashMap<u32, MediaDomain>,
    handlers: Handlers,
}

impl Found {
    async fn read(client: &Client, config: &Config) -> Result<Self, Error> {
        let path = [config.schemas.as_slice(), config.extra_search_path.as_slice()];
        let exposed = &path[..1];
        let all = path.concat();
        let searched = [all.as_slice()];
        if config.log_query {
            log_queries();
        }
        let mut constraints = Constraints::default();
        // Expressions of the catalogue are to show every name qualified. Sessions begin so, but not where a pooler may stand in
        // between, which gives each transaction another one.
        let (_, schemas, domains, casts, relations, columns, mut defaults, identities, _, rules, functions, media, aggregates, _) =
            try_join!(
                client.batch_execute("BEGIN READ ONLY; SET LOCAL search_path = ''"),
                each(client, SCHEMAS, &searched, |row| row.try_get(0)),
                each(client, domains::DOMAINS, &[], domains::domain),
                each(client, representations::CASTS, &[], representations::cast),
                each(client, relations::RELATIONS, exposed, relations::relation),
                each(client, relations::COLUMNS, exposed, relations::column),
                each(client, relations::DEFAULTS, exposed, relations::default),
                each(client, relations::IDENTITIES, &[], relations::default),
                each(client, relations::CONSTRAINTS, &[], |row| relations::constraint(row, &mut constraints)),
                each(client, relations::VIEW_RULES, &path, |row| Ok((row.try_get(0)?, row.try_get(1)?))),
                each(client, functions::FUNCTIONS, &path, functions::function),
                each(client, media::DOMAINS, &[], media::domain),
                each(client, media::AGGREGATES, &path, media::aggregate),
                client.batch_execute("COMMIT"),
            )?;
        let media = media.into_iter().collect();
        let handlers = aggregates.into_iter().filter_map(|aggregate| aggregate.into_handler(&media)).collect();
        defaults.extend(identities);
        let domains = Domains::new(domains);
        let representations = casts.into_iter().filter_map(|cast| cast.of_domain(&domains)).collect();
        let relations = relations.into_iter().map(|relation| (relation.id, relation)).collect();
        Ok(Self {
            schemas,
            domains,
            representations,
            relations,
            columns,
            defaults,
            constraints,
            rules,
            functions,
            media,
            handlers,
        })
    }

    fn into_cache(self, config: Config, settings: DatabaseSettings, role_settings: RoleSettings) -> SchemaCache {
        let Self { domains, representations, mut relations, columns, defaults, mut constraints, .. } = self;
        let Self { rules, functions, media, handlers, .. } = self;
        put_columns(&mut relations, columns, defaults, (&domains, &representations));
        // What is the same in a copy of the database decides on the order in which relationships are told.
        constraints.foreign_keys.sort_by_cached_key(|key| {
            let table = relations.get(&key.table).map(|relation| (relation.schema.clone(), relation.name.clone()));
            (table.is_none(), table, key.table, key.constraint.clone())
        });
        let views = ViewColumns::new(&rules);
        drop(rules);
        let catalogue = Catalogue { constraints, views, exposed: &relations };
        let relationships = catalogue.relationships();
        let keys: Vec<(u32, Vec<String>)> = relations.keys().map(|id| (*id, catalogue.primary_key_of(*id))).collect();
        for (id, key) in keys {
            if let Some(relation) = relations.get_mut(&id) {
                relation.primary_key = key;
            }
        }
        let by_row_type: HashMap<u32, u32> = relations.values().map(|relation| (relation.row_type, relation.id)).collect();
        for found in &functions {
            if let Some(relation) = by_row_type.get(&found.argument).and_then(|id| relations.get_mut(id))
                && let Some(field) = found.computed_field(&domains)
            {
                relation.computed_fields.push(field);
            }
        }

        let mut cache = SchemaCache { config: Arc::new(config), settings, handlers, role_settings, ..SchemaCache::default() };
        let names = |relation: &Relation| (relation.schema.clone(), relation.name.clone());
        let by_row_type = relations.values().map(|relation| (relation.row_type, names(relation))).collect();
        for relation in relations.into_values() {
            cache.relations.entry(relation.schema.clone()).or_default().insert(relation.name.clone(), relation);
        }
        for relationship in relationships {
            cache.relationships.entry(relationship.origin.clone()).or_default().push(Arc::new(relationship));
        }
        for found in functions {
            if let Some(relationship) = found.computed_relationship(&by_row_type, &cache) {
                let known = cache.relationships.entry(relationship.origin.clone()).or_default();
                add_computed(known, relationship, &cache.config.extra_search_path);
            }
            let function = found.into_function(&media);
            if function.is_callable() && cache.config.schemas.contains(&function.schema) {
                let named = cache.functions.entry(function.schema.clone()).or_default();
                named.entry(function.name.clone()).or_default().push(Arc::new(function));
            }
        }
        for known in cache.relationships.values_mut() {
            known.shrink_to_fit();
        }
        cache
    }
}

fn put_columns(
    relations: &mut HashMap<u32, Relation>,
    columns: Vec<FoundColumn>,
    defaults: Vec<(u32, i16, String)>,
    (domains, representations): (&Domains, &Representations),
) {
    for FoundColumn { relation, type_id, has_default, mut column } in columns {
        if let Some(relation) = relations.get_mut(&relation) {
            if let Some(base) = domains.base_name(type_id) {
                base.clone_into(&mut column.base_type);
            }
            column.default = domains.default(type_id).filter(|_| !has_default).map(str::to_owned);
            column.representation = representations.of(type_id).cloned();
            relation.columns.push(column);
        }
    }
    for relation in relations.values_mut() {
        relation.columns.sort_unstable_by_key(|column| column.number);
        relation.columns.shrink_to_fit();
    }
    for (relation, number, expression) in defaults {
        if let Some(column) = relations.get_mut(&relation).and_then(|relation| relation.numbered_mut(number)) {
            column.default = Some(expression);
        }
    }
}

/// Adds a relationship that is a function. Of several functions of one name that is meant which the search path finds first.
fn add_computed(known: &mut Vec<Arc<Relationship>>, relationship: Relationship, extra_search_path: &[String]) {
    // The author's word overrides what foreign keys say of the same name.
    known.retain(|other| other.is_computed() || other.target.1 != relationship.constraint);
    let rank = |of: &Relationship| {
        let schema = of.columns.first().map(|(schema, _)| schema);
        if schema == Some(&of.origin.0) {
            None
        } else {
            Some(extra_search_path.iter().position(|extra| Some(extra) == schema).unwrap_or(usize::MAX))
        }
    };
    match known.iter_mut().find(|other| other.is_computed() && other.constraint == relationship.constraint) {
        Some(other) if rank(other) <= rank(&relationship) => {}
        Some(other) => *other = Arc::new(relationship),
        None => known.push(Arc::new(relationship)),
    }
}
