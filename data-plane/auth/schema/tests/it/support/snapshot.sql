with relation as (
  select oid, relname, relowner, relacl, relkind, relrowsecurity, relpersistence from pg_class
  where relnamespace in ('auth'::regnamespace, '_auth'::regnamespace)
), function as (
  select * from pg_proc where pronamespace in ('auth'::regnamespace, '_auth'::regnamespace)
), line as (
  select 'schema ' || nspname || ' of ' || nspowner::regrole as line from pg_namespace where nspname in ('auth', '_auth')
  union all
  select 'relation ' || oid::regclass || ' ' || relkind::text || relpersistence::text || ' of ' || relowner::regrole || ' ' || relrowsecurity
  from relation
  union all
  select 'right on ' || relation.oid::regclass || ' for ' || grantee::regrole || ': ' || privilege_type || ' ' || is_grantable
  from relation, aclexplode(relacl) where relname <> 'schema_migrations' or grantee <> relowner
  union all
  select 'column ' || relation.oid::regclass || ' '
    || row_number() over (partition by relation.oid order by attnum) || ' ' || attname || ' '
    || format_type(atttypid, atttypmod) || ' ' || attnotnull || ' ' || attgenerated::text || ' '
    || coalesce(pg_get_expr(adbin, adrelid), '') || ' -- ' || coalesce(col_description(attrelid, attnum), '')
  from relation join pg_attribute on attrelid = relation.oid and attnum > 0 and not attisdropped and relkind = 'r'
  left join pg_attrdef on adrelid = attrelid and adnum = attnum
  union all
  select 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(pg_constraint.oid)
  from relation join pg_constraint on conrelid = relation.oid where contype in ('c', 'f', 'p', 'u')
  union all
  select 'index ' || pg_get_indexdef(oid) || ' -- ' || coalesce(obj_description(oid), '') from relation where relkind = 'i'
  union all
  select 'trigger ' || pg_get_triggerdef(pg_trigger.oid) || ' ' || tgenabled::text
  from relation join pg_trigger on tgrelid = relation.oid where not tgisinternal
  union all
  select 'type ' || pg_type.oid::regtype || ' of ' || typowner::regrole || ' ' || string_agg(enumlabel, ' ' order by enumsortorder)
  from pg_type join pg_enum on enumtypid = pg_type.oid where typnamespace = 'auth'::regnamespace group by pg_type.oid
  union all
  select 'function ' || pg_get_functiondef(oid) || ' of ' || proowner::regrole || ' -- ' || coalesce(obj_description(oid), '')
  from function
  union all
  select 'comment ' || oid::regclass || ' ' || obj_description(oid) from relation where relkind = 'r'
  union all
  select 'version ' || version from auth.schema_migrations
  union all
  select 'own version ' || version from _auth.schema_migrations
)
select line from line where line is not null order by line collate "C"
