-- Event triggers: the API's schema cache is reloaded after DDL, and extensions get the grants they have on Supabase.
-- Each function runs with the rights of whoever runs the DDL, superuser included (the script of a trusted extension is one),
-- so names resolve in pg_catalog only: pg_temp stands last, because left out it would come first for types and tables.
-- Those that grant are SECURITY DEFINER: `postgres` creates the extension, but its objects belong to the superuser.

create function extensions.pgrst_ddl_watch() returns event_trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  cmd record;
begin
  for cmd in select * from pg_catalog.pg_event_trigger_ddl_commands() loop
    if cmd.command_tag in (
      'CREATE SCHEMA', 'ALTER SCHEMA',
      'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE',
      'CREATE FOREIGN TABLE', 'ALTER FOREIGN TABLE',
      'CREATE VIEW', 'ALTER VIEW',
      'CREATE MATERIALIZED VIEW', 'ALTER MATERIALIZED VIEW',
      'CREATE FUNCTION', 'ALTER FUNCTION', 'CREATE PROCEDURE', 'ALTER PROCEDURE',
      'CREATE TRIGGER',
      'CREATE TYPE', 'ALTER TYPE', 'CREATE DOMAIN', 'ALTER DOMAIN',
      'CREATE RULE',
      'COMMENT', 'GRANT', 'REVOKE'
    )
    -- Temporary objects are nobody else's business.
    and cmd.schema_name is distinct from 'pg_temp'
    then
      notify pgrst, 'reload schema';
    end if;
  end loop;
end
$$;
create event trigger pgrst_ddl_watch on ddl_command_end execute function extensions.pgrst_ddl_watch();

create function extensions.pgrst_drop_watch() returns event_trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  obj record;
begin
  for obj in select * from pg_catalog.pg_event_trigger_dropped_objects() loop
    if obj.object_type in (
      'schema', 'table', 'foreign table', 'view', 'materialized view', 'function', 'procedure', 'trigger', 'type', 'rule'
    )
    and not obj.is_temporary
    then
      notify pgrst, 'reload schema';
    end if;
  end loop;
end
$$;
create event trigger pgrst_drop_watch on sql_drop execute function extensions.pgrst_drop_watch();

create function extensions.grant_pg_cron_access() returns event_trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if exists (
    select from pg_catalog.pg_event_trigger_ddl_commands() as ev
    join pg_catalog.pg_extension as ext on ev.objid = ext.oid
    where ev.classid = 'pg_catalog.pg_extension'::pg_catalog.regclass and ext.extname = 'pg_cron'
  ) then
    grant usage on schema cron to postgres with grant option;
    grant all on all functions in schema cron to postgres with grant option;
    alter default privileges in schema cron grant all on sequences to postgres with grant option;
    alter default privileges in schema cron grant all on functions to postgres with grant option;
    -- Jobs are made by cron.schedule, which checks the role; a row written by hand could name another one.
    revoke all on table cron.job from postgres;
    grant select on table cron.job to postgres with grant option;
    grant select, delete on table cron.job_run_details to postgres with grant option;
  end if;
end
$$;
create event trigger issue_pg_cron_access on ddl_command_end when tag in ('CREATE EXTENSION')
  execute function extensions.grant_pg_cron_access();
comment on function extensions.grant_pg_cron_access() is 'Grants access to pg_cron';

create function extensions.grant_pg_net_access() returns event_trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if exists (
    select from pg_catalog.pg_event_trigger_ddl_commands() as ev
    join pg_catalog.pg_extension as ext on ev.objid = ext.oid
    where ev.classid = 'pg_catalog.pg_extension'::pg_catalog.regclass and ext.extname = 'pg_net'
  ) then
    grant usage on schema net to postgres, anon, authenticated, service_role;
    grant execute on all functions in schema net to postgres, anon, authenticated, service_role;
  end if;
end
$$;
create event trigger issue_pg_net_access on ddl_command_end when tag in ('CREATE EXTENSION')
  execute function extensions.grant_pg_net_access();
comment on function extensions.grant_pg_net_access() is 'Grants access to pg_net';

create function extensions.grant_postgres_fdw_access() returns event_trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if exists (
    select from pg_catalog.pg_event_trigger_ddl_commands() as ev
    join pg_catalog.pg_extension as ext on ev.objid = ext.oid
    where ev.classid = 'pg_catalog.pg_extension'::pg_catalog.regclass and ext.extname = 'postgres_fdw'
  ) then
    grant usage on foreign data wrapper postgres_fdw to postgres with grant option;
  end if;
end
$$;
create event trigger issue_postgres_fdw_access on ddl_command_end when tag in ('CREATE EXTENSION')
  execute function extensions.grant_postgres_fdw_access();
comment on function extensions.grant_postgres_fdw_access() is 'Grants access to postgres_fdw';
