-- Who may what: nothing for the API roles but the functions, everything for `postgres` and `dashboard_user`. The owner is
-- not held by row-level security; it is what keeps out a role that was granted a table by mistake.

do $$
declare
  grantee text;
  relation text;
begin
  -- Not every database has all of Supabase's roles.
  for grantee in select rolname from pg_roles where rolname in ('postgres', 'dashboard_user') loop
    execute format('grant all on schema auth to %I', grantee);
    execute format('grant execute on function auth.uid(), auth.role(), auth.email(), auth.jwt() to %I', grantee);
    execute format('grant all on sequence auth.refresh_tokens_id_seq to %I', grantee);
    foreach relation in array array[
      'audit_log_entries', 'custom_oauth_providers', 'flow_state', 'identities', 'instances', 'mfa_amr_claims',
      'mfa_challenges', 'mfa_factors', 'oauth_authorizations', 'oauth_client_states', 'oauth_clients', 'oauth_consents',
      'one_time_tokens', 'refresh_tokens', 'saml_providers', 'saml_relay_states', 'schema_migrations', 'sessions',
      'sso_domains', 'sso_providers', 'users', 'webauthn_challenges', 'webauthn_credentials'
    ] loop
      execute format('grant all on auth.%I to %I', relation, grantee);
    end loop;
  end loop;
  for grantee in select rolname from pg_roles where rolname in ('anon', 'authenticated', 'service_role') loop
    execute format('grant usage on schema auth to %I', grantee);
  end loop;

  -- The older tables: closed to everybody, and `postgres` may let others read them, in a view's or a policy's name.
  foreach relation in array array[
    'audit_log_entries', 'flow_state', 'identities', 'instances', 'mfa_amr_claims', 'mfa_challenges', 'mfa_factors',
    'one_time_tokens', 'refresh_tokens', 'saml_providers', 'saml_relay_states', 'schema_migrations', 'sessions',
    'sso_domains', 'sso_providers', 'users'
  ] loop
    execute format('alter table auth.%I enable row level security', relation);
    if to_regrole('postgres') is not null then
      execute format('grant select on auth.%I to postgres with grant option', relation);
    end if;
  end loop;
end
$$;
