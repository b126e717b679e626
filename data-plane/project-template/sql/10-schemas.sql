-- Schemas, who may use them, what new objects in them are open to, and the extensions every project has.

alter database postgres owner to postgres;
grant all on database postgres to dashboard_user;

create schema extensions;
create schema auth authorization supabase_auth_admin;
create schema storage authorization supabase_storage_admin;
create schema realtime;
create schema graphql_public;

-- Only the superuser makes things in `extensions`: scripts of extensions run there with its rights, and must not meet a
-- function or operator that a tenant has put in their way.
grant usage on schema extensions to postgres, dashboard_user with grant option;
grant usage on schema extensions to anon, authenticated, service_role, supabase_auth_admin, supabase_storage_admin;

create extension "uuid-ossp" with schema extensions;
create extension pgcrypto with schema extensions;
create extension pg_stat_statements with schema extensions;
grant execute on all functions in schema extensions to postgres, dashboard_user with grant option;
grant select on all tables in schema extensions to postgres, dashboard_user with grant option;
-- Rows of an extension's tables (spatial_ref_sys), but no triggers: the script of an update writes there as superuser.
-- And no functions: everybody may call those that their extension has not closed (as dblink_connect_u is).
alter default privileges in schema extensions
  grant select, insert, update, delete on tables to postgres with grant option;

-- public: open to the API roles by default, row-level security is what closes it.
grant usage on schema public to postgres, anon, authenticated, service_role;
grant create on schema public to postgres;
do $$
declare
  creator text;
  api constant text := 'postgres, anon, authenticated, service_role';
begin
  foreach creator in array array['postgres', 'supabase_admin'] loop
    execute format('alter default privileges for role %I in schema public grant all on tables to %s', creator, api);
    execute format('alter default privileges for role %I in schema public grant all on functions to %s', creator, api);
    execute format('alter default privileges for role %I in schema public grant all on sequences to %s', creator, api);
  end loop;
end
$$;

-- auth: the API roles may call auth.uid() and the like, and see no table.
grant usage on schema auth to anon, authenticated, service_role;
grant all on schema auth to postgres, dashboard_user;
alter default privileges for role supabase_auth_admin in schema auth grant all on tables to postgres, dashboard_user;
alter default privileges for role supabase_auth_admin in schema auth grant all on sequences to postgres, dashboard_user;
alter default privileges for role supabase_auth_admin in schema auth grant all on functions to postgres, dashboard_user;

-- storage: row-level security on its tables decides.
grant usage on schema storage to anon, authenticated, service_role;
grant all on schema storage to postgres, dashboard_user;
do $$
declare
  creator text;
  api constant text := 'postgres, anon, authenticated, service_role';
begin
  foreach creator in array array['postgres', 'supabase_storage_admin'] loop
    execute format('alter default privileges for role %I in schema storage grant all on tables to %s', creator, api);
    execute format('alter default privileges for role %I in schema storage grant all on functions to %s', creator, api);
    execute format('alter default privileges for role %I in schema storage grant all on sequences to %s', creator, api);
  end loop;
end
$$;

-- realtime: its service makes the tables.
grant usage on schema realtime to postgres, anon, authenticated, service_role;
alter default privileges in schema realtime grant all on tables to postgres, dashboard_user;
alter default privileges in schema realtime grant all on functions to postgres, dashboard_user;
alter default privileges in schema realtime grant all on sequences to postgres, dashboard_user;

grant usage on schema graphql_public to postgres, anon, authenticated, service_role;
alter default privileges in schema graphql_public grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges in schema graphql_public grant all on functions to postgres, anon, authenticated, service_role;
alter default privileges in schema graphql_public grant all on sequences to postgres, anon, authenticated, service_role;
