-- Roles, their attributes, memberships and settings. Passwords are not here: each clone gets its own.
-- Runs as supabase_admin, the superuser that initdb made.

-- PostgreSQL 15 lets a role with CREATEROLE grant membership in any role that is not a superuser, and so `postgres`
-- could give itself the roles that read files and run programs on the server. Marked as superusers, only a superuser
-- can grant them. Nobody is a member and they can't log in, so the mark gives nothing to anybody. PostgreSQL 16 and
-- later need the ADMIN option for a grant, which `postgres` does not have.
do $$
begin
  if current_setting('server_version_num')::int < 160000 then
    update pg_catalog.pg_authid set rolsuper = true
    where rolname in ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files');
  end if;
end
$$;

create role anon nologin;
create role authenticated nologin;
create role service_role nologin bypassrls;
create role authenticator login noinherit;
create role postgres login createdb createrole replication bypassrls;
create role supabase_auth_admin login noinherit createrole;
create role supabase_storage_admin login noinherit createrole;
create role supabase_replication_admin login replication;
create role supabase_read_only_user login bypassrls;
create role dashboard_user nologin createdb createrole replication;
create role pgbouncer login;

grant anon, authenticated, service_role to authenticator;
grant authenticator to supabase_storage_admin;
grant pg_read_all_data to supabase_read_only_user;

-- `postgres` may act as the API roles (to try policies), and owns what the services own: that is how it makes triggers
-- and policies on auth.users and storage.objects, where upstream has a C library (supautils) for it.
grant anon, authenticated, service_role, authenticator to postgres;
grant supabase_auth_admin, supabase_storage_admin to postgres;
grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres;

-- From 16 on, CREATEROLE reaches only roles held with the ADMIN option; `alter role anon set ...` is to go on working.
do $$
begin
  if current_setting('server_version_num')::int >= 160000 then
    execute 'grant anon, authenticated, service_role, authenticator to postgres with admin option';
    execute 'grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres with admin option';
  end if;
end
$$;

alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
alter role postgres set search_path = "$user", public, extensions;
alter role supabase_auth_admin set search_path = auth;
alter role supabase_auth_admin set idle_in_transaction_session_timeout = '60s';
alter role supabase_auth_admin set log_statement = 'none';
alter role supabase_storage_admin set search_path = storage;
alter role supabase_storage_admin set log_statement = 'none';
alter role supabase_admin set log_statement = 'none';
-- Unlike upstream's, which has public in it: a superuser must not find what a tenant has made by an unqualified name.
alter role supabase_admin set search_path = pg_catalog, pg_temp;

-- Settings that only a superuser may change by default, and that migrations and dumps change (`supabase db dump` writes
-- session_replication_role; PostgREST reads its own from its role's settings). None reaches outside the database.
do $$
declare
  setting text;
begin
  foreach setting in array array[
    'deadlock_timeout', 'log_lock_waits', 'log_min_duration_statement', 'log_temp_files', 'session_replication_role',
    'track_functions', 'track_io_timing',
    'pg_stat_statements.track', 'pg_stat_statements.track_planning', 'pg_stat_statements.track_utility',
    'pgrst.client_error_verbosity', 'pgrst.db_aggregates_enabled', 'pgrst.db_anon_role', 'pgrst.db_extra_search_path',
    'pgrst.db_hoisted_tx_settings', 'pgrst.db_max_rows', 'pgrst.db_plan_enabled', 'pgrst.db_pre_config',
    'pgrst.db_pre_request', 'pgrst.db_root_spec', 'pgrst.db_schemas', 'pgrst.db_tx_end', 'pgrst.jwt_aud',
    'pgrst.jwt_role_claim_key', 'pgrst.openapi_mode', 'pgrst.openapi_security_active',
    'pgrst.openapi_server_proxy_uri', 'pgrst.server_timing_enabled', 'pgrst.server_trace_header',
    'pgrst.url_use_legacy_target_names'
  ] loop
    execute format('grant set on parameter %s to postgres', setting);
  end loop;
end
$$;
