select md5(string_agg(fact, '|' order by fact)) from (
  select t::text as fact from secret.canary t union all select t::text from api.vault t
  union all select t::text from api.partly t where id = 1 union all select t::text from api.notes t where id = 1
  union all select concat('class', oid, relname, relacl, relowner, xmin) from pg_class
  union all select concat('function', oid, proname, proacl, proowner, xmin) from pg_proc
  union all select concat('schema', oid, nspname, nspacl, xmin) from pg_namespace
  union all select concat('type', oid, typname, xmin) from pg_type
  union all select concat('trigger', oid, tgname, xmin) from pg_trigger
  union all select concat('policy', oid, polname, xmin) from pg_policy
  union all select concat('extension', oid, extname, xmin) from pg_extension
  union all select concat('large object', oid) from pg_largeobject_metadata
  union all select concat('role', rolname, rolsuper, rolcreaterole, rolbypassrls, rolcanlogin) from pg_roles
    where rolname in ('anon', 'authenticated', 'service_role', 'authenticator', 'postgres', 'supabase_admin')
  union all select concat('member', roleid, member) from pg_auth_members where member in ('anon'::regrole, 'authenticated'::regrole)
  union all select concat('setting', setrole, setconfig) from pg_db_role_setting
    where setdatabase = (select oid from pg_database where datname = current_database())
  union all select concat('file', name, setting) from pg_settings where source in ('default', 'configuration file')
) facts
