//! Loads the schema cache: a handful of catalogue queries, pipelined into one round trip.
//!
//! Each query reads few catalogues and joins little, because on a fresh connection planning costs more than running.

mod functions;
mod media;
mod relations;
mod settings;

use std::sync::Arc;

use futures::try_join;
use tokio_postgres::{
    Client, Error,
    types::{ToSql, Type},
};

use super::{Config, Relation, SchemaCache, views::ViewColumns};
use crate::options::Options;

/// Loads everything. `config` is what was in force before; if the database says otherwise, its word counts.
pub(crate) async fn load(client: &Client, config: Arc<Config>, options: &Options) -> Result<SchemaCache, Error> {
    let (loaded_for, cache) = load_with(client, config, options).await?;
    let same = |config: &Config| config.schemas == loaded_for.schemas && config.extra_search_path == loaded_for.extra_search_path;
    if same(&cache.config) { Ok(cache) } else { Ok(load_with(client, cache.config, options).await?.1) }
}

async fn load_with(client: &Client, assumed: Arc<Config>, options: &Options) -> Result<(Arc<Config>, SchemaCache), Error> {
    let schemas = &assumed.schemas;
    let none: &[(&(dyn ToSql + Sync), Type)] = &[];
    let exposed: &[(&(dyn ToSql + Sync), Type)] = &[(schemas, Type::TEXT_ARRAY)];
    let handling: Vec<String> = schemas.iter().chain(&assumed.extra_search_path).cloned().collect();
    let handling: &[(&(dyn ToSql + Sync), Type)] = &[(&handling, Type::TEXT_ARRAY)];
    let (relations, columns, constraints, rules, functions, domains, aggregates, settings) = try_join!(
        client.query_typed(relations::RELATIONS, exposed),
        client.query_typed(relations::COLUMNS, exposed),
        client.query_typed(relations::CONSTRAINTS, none),
        client.query_typed(relations::VIEW_RULES, none),
        client.query_typed(functions::FUNCTIONS, exposed),
        client.query_typed(media::DOMAINS, none),
        client.query_typed(media::AGGREGATES, handling),
        client.query_typed(settings::SETTINGS, none),
    )?;
    let (own, mut role_settings) = settings::settings_by_role(&settings)?;
    let fixed = &options.config;
    let config = if options.in_database_config { Arc::new(fixed.with_settings(&own)) } else { Arc::clone(fixed) };
    settings::keep_settable(client, &mut role_settings).await?;

    let mut by_id = relations::relations_by_id(&relations, &columns)?;
    let mut catalogue = relations::constraint_catalogue(&constraints)?;
    let rules: Vec<(u32, String)> =
        rules.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, Error>>()?;
    catalogue.views = ViewColumns::new(&rules);
    catalogue.exposed = by_id.iter().map(|(id, relation)| (*id, relations::exposed_relation(relation))).collect();
    for (id, relation) in &mut by_id {
        relation.primary_key = catalogue.primary_key_of(*id);
    }
    let domains = media::domains(&domains)?;
    let handlers = media::handlers(&aggregates, &domains)?;
    let functions = functions.iter().map(|row| functions::function(row, &domains)).collect::<Result<Vec<_>, Error>>()?;

    let names = |relation: &Relation| (relation.schema.clone(), relation.name.clone());
    let by_row_type = by_id.values().map(|relation| (relation.row_type, names(relation))).collect();
    let mut cache = SchemaCache { config, handlers, role_settings, ..SchemaCache::default() };
    for relation in by_id.into_values() {
        cache.relations.entry(relation.schema.clone()).or_default().insert(relation.name.clone(), relation);
    }
    for relationship in catalogue.relationships() {
        cache.relationships.entry(relationship.origin.clone()).or_default().push(Arc::new(relationship));
    }
    for (function, argument) in &functions {
        if let Some(relationship) = functions::computed(function, *argument, &by_row_type, &cache) {
            let known = cache.relationships.entry(relationship.origin.clone()).or_default();
            // The author's word overrides what foreign keys say of the same name.
            known.retain(|other| other.target.1 != relationship.constraint);
            known.push(Arc::new(relationship));
        }
    }
    for (function, _) in functions {
        let named = cache.functions.entry(function.schema.clone()).or_default();
        named.entry(function.name.clone()).or_default().push(Arc::new(function));
    }
    Ok((assumed, cache))
}
