//! The schema is that of the catalogue. `catalogue.json` is the project's reference, `spec/catalog/auth.json`: read off a
//! PostgreSQL 15 that GoTrue 2.196 had migrated, by queries like the one here.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{database, rows};

const QUERY: &str = "
with relation as (select oid, relrowsecurity from pg_class where relnamespace = 'auth'::regnamespace and relkind = 'r')
select jsonb_build_object(
  'schemas', 'auth',
  'enums', (
    select jsonb_object_agg(type, labels) from (
      select enumtypid::regtype::text as type, jsonb_agg(enumlabel order by enumsortorder) as labels
      from pg_enum join pg_type on pg_type.oid = enumtypid where typnamespace = 'auth'::regnamespace group by 1
    ) as enum
  ),
  'functions', (
    select jsonb_agg(format(
      'auth.%s(%s) returns %s%s', proname, pg_get_function_arguments(oid), pg_get_function_result(oid),
      case provolatile when 's' then ' stable' when 'i' then ' immutable' else '' end
    )) from pg_proc where pronamespace = 'auth'::regnamespace
  ),
  'tables', (select jsonb_object_agg(oid::regclass::text, jsonb_strip_nulls(jsonb_build_object(
    'row_level_security', nullif(relrowsecurity, false),
    'columns', (
      select jsonb_agg(jsonb_build_object(
        'name', attname, 'type', format_type(atttypid, atttypmod), 'not_null', nullif(attnotnull, false),
        'default', pg_get_expr(adbin, adrelid), 'generated', nullif(attgenerated, '')
      ) order by attnum)
      from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
      where attrelid = relation.oid and attnum > 0 and not attisdropped
    ),
    'constraints', (
      select jsonb_agg(pg_get_constraintdef(oid)) from pg_constraint
      where conrelid = relation.oid and contype in ('c', 'f', 'p', 'u')
    ),
    'indexes', (
      select jsonb_agg(pg_get_indexdef(indexrelid)) from pg_index
      where indrelid = relation.oid and not exists (select from pg_constraint where conindid = indexrelid and contype <> 'f')
    )
  ))) from relation)
)::text";

/// Ours; the README says what for.
const MORE_INDEXES: &[&str] = &[
    "CREATE INDEX audit_log_entries_created_at_id_idx ON auth.audit_log_entries USING btree (created_at, id)",
    "CREATE INDEX identities_provider_user_id_idx ON auth.identities USING btree (provider, user_id)",
    "CREATE INDEX oauth_authorizations_client_id_idx ON auth.oauth_authorizations USING btree (client_id)",
    "CREATE INDEX oauth_authorizations_user_id_idx ON auth.oauth_authorizations USING btree (user_id) WHERE (user_id IS NOT NULL)",
    "CREATE INDEX users_anonymous_idx ON auth.users USING btree (created_at, id) WHERE is_anonymous",
    "CREATE INDEX users_banned_idx ON auth.users USING btree (created_at, id) WHERE (banned_until IS NOT NULL)",
    "CREATE INDEX users_created_at_id_idx ON auth.users USING btree (created_at, id)",
    "CREATE INDEX users_email_change_idx ON auth.users USING btree (lower((email_change)::text)) WHERE ((email_change)::text <> ''::text)",
    "CREATE INDEX users_email_id_idx ON auth.users USING btree (lower((email)::text) COLLATE \"C\", id)",
    "CREATE INDEX users_last_sign_in_at_id_idx ON auth.users USING btree (last_sign_in_at, id)",
    "CREATE INDEX users_name_prefix_idx ON auth.users USING btree (lower(COALESCE((raw_user_meta_data ->> 'full_name'::text), \
     (raw_user_meta_data ->> 'name'::text), (raw_user_meta_data ->> 'display_name'::text))) COLLATE \"C\") WHERE \
     (COALESCE((raw_user_meta_data ->> 'full_name'::text), (raw_user_meta_data ->> 'name'::text), \
     (raw_user_meta_data ->> 'display_name'::text)) IS NOT NULL)",
    "CREATE INDEX users_phone_change_idx ON auth.users USING btree (phone_change) WHERE (phone_change <> ''::text)",
    "CREATE INDEX users_phone_prefix_idx ON auth.users USING btree (phone text_pattern_ops)",
    "CREATE INDEX users_sso_idx ON auth.users USING btree (created_at, id) WHERE is_sso_user",
    "CREATE INDEX users_waiting_idx ON auth.users USING btree (created_at, id) WHERE ((confirmed_at IS NULL) AND (NOT is_anonymous))",
];

#[tokio::test]
async fn the_schema_is_the_catalogues() {
    let database = database().await;
    let text = rows(&database.connect("postgres").await, QUERY).await;
    let (found, more) = lines(&serde_json::from_str(&text[0]).unwrap());
    let (wanted, none) = lines(&serde_json::from_str(include_str!("catalogue.json")).unwrap());
    assert_eq!(none, BTreeSet::new());
    let (missing, extra): (Vec<_>, Vec<_>) = (wanted.difference(&found).collect(), found.difference(&wanted).collect());
    assert!(missing.is_empty() && extra.is_empty(), "missing: {missing:#?}\nextra: {extra:#?}");
    assert_eq!(more, MORE_INDEXES.iter().map(ToString::to_string).collect());
}

/// What the document says, apart from the order where it has no meaning: of tables, constraints and indexes, but not of
/// columns and labels. Our own indexes are told apart.
fn lines(catalogue: &Value) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut lines = BTreeSet::new();
    let mut more = BTreeSet::new();
    for (kind, value) in catalogue.as_object().unwrap() {
        if kind != "tables" {
            let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            lines.extend(values.iter().map(|value| format!("{kind}: {value}")));
            continue;
        }
        for (table, facts) in value.as_object().unwrap() {
            for (fact, value) in facts.as_object().unwrap() {
                for (position, value) in value.as_array().unwrap_or(&vec![value.clone()]).iter().enumerate() {
                    match (fact.as_str(), value.as_str()) {
                        ("columns", _) => lines.insert(format!("{table} column {position}: {value}")),
                        ("indexes", Some(index)) if MORE_INDEXES.contains(&index) => more.insert(index.to_owned()),
                        _ => lines.insert(format!("{table} {fact}: {value}")),
                    };
                }
            }
        }
    }
    (lines, more)
}
