-- GraphQL: without the extension pg_graphql, a function that says so; with it, one that resolves.

create function extensions.grant_pg_graphql_access() returns event_trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $func$
begin
  if exists (
    select from pg_catalog.pg_event_trigger_ddl_commands() as ev
    join pg_catalog.pg_extension as ext on ev.objid = ext.oid
    where ev.classid = 'pg_catalog.pg_extension'::pg_catalog.regclass and ext.extname = 'pg_graphql'
  ) then
    drop function if exists graphql_public.graphql(text, text, jsonb, jsonb);
    create function graphql_public.graphql(
      "operationName" text default null, query text default null, variables jsonb default null, extensions jsonb default null
    ) returns jsonb language sql as $$
      select graphql.resolve(
        query := query, variables := coalesce(variables, '{}'), "operationName" := "operationName", extensions := extensions
      );
    $$;
    grant usage on schema graphql to postgres, anon, authenticated, service_role;
    grant all on function graphql.resolve to postgres, anon, authenticated, service_role;
    alter default privileges in schema graphql grant all on tables to postgres, anon, authenticated, service_role;
    alter default privileges in schema graphql grant all on functions to postgres, anon, authenticated, service_role;
    alter default privileges in schema graphql grant all on sequences to postgres, anon, authenticated, service_role;
  end if;
end
$func$;
create event trigger issue_pg_graphql_access on ddl_command_end when tag in ('CREATE EXTENSION')
  execute function extensions.grant_pg_graphql_access();
comment on function extensions.grant_pg_graphql_access() is 'Grants access to pg_graphql';

create function graphql_public.graphql(
  "operationName" text default null, query text default null, variables jsonb default null, extensions jsonb default null
) returns jsonb language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  return pg_catalog.jsonb_build_object(
    'errors', pg_catalog.jsonb_build_array(
      pg_catalog.jsonb_build_object('message', 'pg_graphql extension is not enabled.')
    )
  );
end
$$;

create function extensions.set_graphql_placeholder() returns event_trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $func$
begin
  if exists (
    select from pg_catalog.pg_event_trigger_dropped_objects() as ev
    where ev.object_type = 'extension' and ev.object_name = 'pg_graphql'
  ) then
    create or replace function graphql_public.graphql(
      "operationName" text default null, query text default null, variables jsonb default null, extensions jsonb default null
    ) returns jsonb language plpgsql set search_path = pg_catalog, pg_temp as $$
    begin
      return pg_catalog.jsonb_build_object(
        'errors', pg_catalog.jsonb_build_array(
          pg_catalog.jsonb_build_object('message', 'pg_graphql extension is not enabled.')
        )
      );
    end
    $$;
  end if;
end
$func$;
create event trigger issue_graphql_placeholder on sql_drop when tag in ('DROP EXTENSION')
  execute function extensions.set_graphql_placeholder();
comment on function extensions.set_graphql_placeholder() is 'Reintroduces placeholder function for graphql_public.graphql';
