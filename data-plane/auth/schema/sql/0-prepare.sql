-- Before every migration, as the role that is connected: the two schemas, and who acts from here on.

set local search_path = pg_catalog, pg_temp;
set local statement_timeout = 0;
-- Most that is said is that something is there already.
set local client_min_messages = warning;

do $$
declare
  command text;
begin
  if to_regrole('supabase_auth_admin') is null then
    -- As a superuser in a database that is not Supabase's, whose schema belongs to whoever has made it.
    if not (select rolsuper from pg_roles where rolname = current_user) then
      raise undefined_object using
        message = 'role "supabase_auth_admin" does not exist',
        hint = 'create role supabase_auth_admin login noinherit createrole';
    end if;
    create role supabase_auth_admin noinherit createrole;
  end if;
  -- Not `if not exists`, which asks for the right to create schemas even when there is nothing to create.
  if to_regnamespace('auth') is null then
    create schema auth authorization supabase_auth_admin;
  end if;
  -- Where nobody lets us, what is ours is in `auth` (`Place`); the text of the statements is another then.
  if to_regnamespace('_auth') is null
    and to_regclass('auth._schema_migrations') is null and has_database_privilege(current_database(), 'create') then
    create schema _auth authorization supabase_auth_admin;
  end if;
  -- One that was made by somebody else, as by the script of a compose file.
  if not has_schema_privilege('supabase_auth_admin', 'auth', 'create')
    or not has_schema_privilege('supabase_auth_admin', 'auth', 'usage') then
    grant all on schema auth to supabase_auth_admin with grant option;
  end if;
  -- A dump that was restored without owners belongs to whoever restored it. Tables of a user's own in `auth` stay theirs.
  for command in
    select format('alter table %s owner to supabase_auth_admin', oid::regclass) from pg_class
    where relnamespace = 'auth'::regnamespace and relkind = 'r' and relowner <> 'supabase_auth_admin'::regrole
      and relname in (
        'audit_log_entries', 'custom_oauth_providers', 'flow_state', 'identities', 'instances', 'mfa_amr_claims',
        'mfa_challenges', 'mfa_factors', 'oauth_authorizations', 'oauth_client_states', 'oauth_clients', 'oauth_consents',
        'one_time_tokens', 'refresh_tokens', 'saml_providers', 'saml_relay_states', 'schema_migrations', 'sessions',
        'sso_domains', 'sso_providers', 'users', 'webauthn_challenges', 'webauthn_credentials'
      )
    union all
    select format('alter type %s owner to supabase_auth_admin', oid::regtype) from pg_type
    where typnamespace = 'auth'::regnamespace and typtype = 'e' and typowner <> 'supabase_auth_admin'::regrole
      and typname in (
        'aal_level', 'code_challenge_method', 'factor_status', 'factor_type', 'oauth_authorization_status',
        'oauth_client_type', 'oauth_registration_type', 'oauth_response_type', 'one_time_token_type'
      )
    union all
    select format('alter function %s owner to supabase_auth_admin', oid::regprocedure) from pg_proc
    where pronamespace = 'auth'::regnamespace and proname in ('uid', 'role', 'email', 'jwt') and pronargs = 0
      and proowner <> 'supabase_auth_admin'::regrole
  loop
    execute command;
  end loop;
end
$$;

set local role supabase_auth_admin;

create table if not exists _auth.schema_migrations (
  version int primary key,
  applied_at timestamptz not null default now()
);
