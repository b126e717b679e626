//! The schema cache as JSON, for a person who wants to know what the service knows. The names are PostgREST's where it has the
//! same; its documentation promises nobody a structure.

use serde_json::{Value, json};

use super::{
    Cardinality, Column, Config, Conversion, DomainRepresentation, Function, Handler, Parameter, Relation, RelationKind,
    Relationship, Returns, SchemaCache, Volatility,
};

/// Everything but settings, which may be secret.
pub(crate) fn dump(cache: &SchemaCache) -> Value {
    let relations = cache.relations.values().flat_map(|named| named.values());
    let mut relationships: Vec<&Relationship> = cache.relationships.values().flatten().map(AsRef::as_ref).collect();
    relationships.sort_by_key(|relationship| (&relationship.origin, &relationship.target, &relationship.constraint));
    let functions = cache.functions.values().flat_map(|named| named.values().flatten());
    json!({
        "dbTables": relations.map(relation).collect::<Vec<_>>(),
        "dbRelationships": relationships.into_iter().map(relationship).collect::<Vec<_>>(),
        "dbRoutines": functions.map(|function| routine(function, &cache.config)).collect::<Vec<_>>(),
        "dbMediaHandlers": cache.handlers.iter().map(handler).collect::<Vec<_>>(),
    })
}

fn relation(relation: &Relation) -> Value {
    json!({
        "tableSchema": relation.schema,
        "tableName": relation.name,
        "tableIsView": relation.kind == RelationKind::View,
        "tableInsertable": relation.insertable,
        "tableUpdatable": relation.updatable,
        "tableDeletable": relation.deletable,
        "tablePKCols": relation.primary_key,
        "tableColumns": relation.columns.iter().map(column).collect::<Vec<_>>(),
        "tableComputedFields": relation.computed_fields.iter().map(|(name, _)| name).collect::<Vec<_>>(),
    })
}

fn column(column: &Column) -> Value {
    json!({
        "colName": column.name,
        "colType": column.base_type,
        "colNominalType": column.type_name,
        "colNullable": !column.not_null,
        "colDefault": column.default,
        "colRepresentation": column.representation.as_deref().map(representation),
    })
}

fn representation(representation: &DomainRepresentation) -> Value {
    let function = |conversion: &Option<Conversion>| conversion.as_ref().map(|function| named(&function.schema, &function.name));
    json!({
        "toJson": function(&representation.to_json),
        "fromText": function(&representation.from_text),
        "fromJson": function(&representation.from_json),
    })
}

fn relationship(relationship: &Relationship) -> Value {
    let cardinality = match relationship.cardinality {
        Cardinality::ManyToOne => "M2O",
        Cardinality::OneToMany => "O2M",
        Cardinality::OneToOne { .. } => "O2O",
        Cardinality::ManyToMany => "M2M",
        Cardinality::Computed { .. } => "Computed",
    };
    let junction = relationship.junction.as_ref().map(|junction| {
        json!({
            "junTable": named(&junction.schema, &junction.name),
            "junConstraint2": junction.constraint,
            "junColsTarget": junction.columns,
        })
    });
    json!({
        "relTable": named(&relationship.origin.0, &relationship.origin.1),
        "relForeignTable": named(&relationship.target.0, &relationship.target.1),
        "relIsSelf": relationship.is_self(),
        "relToOne": relationship.is_to_one(),
        "relCardinality": {
            "tag": cardinality,
            "relCons": relationship.constraint,
            "relColumns": relationship.columns,
            "relJunction": junction,
        },
    })
}

fn routine(function: &Function, config: &Config) -> Value {
    // Others may be secret, and are of no use here.
    let is_hoisted = |name: &str| config.hoisted_tx_settings.iter().any(|hoisted| hoisted.eq_ignore_ascii_case(name));
    let settings: Vec<_> = function.settings.iter().filter(|(name, _)| is_hoisted(name)).collect();
    let volatility = match function.volatility {
        Volatility::Immutable => "Immutable",
        Volatility::Stable => "Stable",
        Volatility::Volatile => "Volatile",
    };
    let returns = match &function.returns {
        Returns::Void => json!({ "tag": "Void" }),
        Returns::Scalar => json!({ "tag": "Scalar" }),
        Returns::Relation { schema, name } => json!({ "tag": "Relation", "contents": named(schema, name) }),
        Returns::Composite => json!({ "tag": "Composite" }),
    };
    json!({
        "pdSchema": function.schema,
        "pdName": function.name,
        "pdParams": function.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "pdReturnType": returns,
        "pdReturnsSet": function.is_set,
        "pdMediaType": function.media.as_ref().map(|media| &media.name),
        "pdVolatility": volatility,
        "pdHasVariadic": function.parameters.iter().any(|parameter| parameter.variadic),
        "pdFuncSettings": settings,
    })
}

fn parameter(parameter: &Parameter) -> Value {
    json!({
        "ppName": parameter.name,
        "ppType": parameter.type_name,
        "ppReq": parameter.required,
        "ppVar": parameter.variadic,
    })
}

fn handler(handler: &Handler) -> Value {
    json!({
        "mediaType": handler.media.name,
        "aggregate": named(&handler.schema, &handler.name),
        "table": handler.of.as_ref().map(|(schema, name)| named(schema, name)),
    })
}

fn named(schema: &str, name: &str) -> Value {
    json!({ "qiSchema": schema, "qiName": name })
}
