-- What databases of older GoTrue versions have otherwise: renamed, retyped and dropped things, before the rest is added.

do $$
declare
  was record;
  command text;
begin
  for was in
    select old.* from (values
      -- Before there were phones, the address was all that could be confirmed.
      ('users', 'confirmed_at', 'email_confirmed_at'),
      ('users', 'email_change_token', 'email_change_token_new'),
      ('identities', 'id', 'provider_id')
    ) as old (relation, name, renamed)
    where exists (
      select from pg_attribute where attrelid = to_regclass('auth.' || relation) and attname = name and not attisdropped
    ) and not exists (
      select from pg_attribute where attrelid = to_regclass('auth.' || relation) and attname = renamed and not attisdropped
    )
  loop
    execute format('alter table auth.%I rename column %I to %I', was.relation, was.name, was.renamed);
  end loop;

  for was in
    select new.* from (values
      ('users', 'phone', 'text'),
      ('users', 'phone_change', 'text'),
      ('schema_migrations', 'version', 'character varying(255)')
    ) as new (relation, name, type)
    join pg_attribute on attrelid = to_regclass('auth.' || relation) and attname = name
    where format_type(atttypid, atttypmod) <> type
  loop
    execute format('alter table auth.%I alter column %I type %s', was.relation, was.name, was.type);
  end loop;

  for was in
    select old.* from (values
      ('flow_state', 'auth_code'),
      ('flow_state', 'code_challenge_method'),
      ('flow_state', 'code_challenge'),
      ('mfa_factors', 'secret'),
      ('oauth_authorizations', 'user_id'),
      ('oauth_clients', 'client_secret_hash')
    ) as old (relation, name)
    join pg_attribute on attrelid = to_regclass('auth.' || relation) and attname = name
    where attnotnull
  loop
    execute format('alter table auth.%I alter column %I drop not null', was.relation, was.name);
  end loop;

  for command in
    select format('alter table auth.%I drop constraint %I', relation, name) from (values
      ('identities', 'identities_pkey', 'PRIMARY KEY (id)'),
      ('mfa_factors', 'mfa_factors_phone_key', ''),
      ('refresh_tokens', 'refresh_tokens_parent_fkey', '')
    ) as old (relation, name, now)
    join pg_constraint on conrelid = to_regclass('auth.' || relation) and conname = name
    where pg_get_constraintdef(pg_constraint.oid) <> now
    union all
    select format('drop index %s', indexrelid::regclass) from (values
      ('refresh_tokens_token_idx', null),
      ('refresh_token_session_id', null),
      ('schema_migrations_version_idx', null),
      ('users_instance_id_email_idx', 'lower(')
    ) as old (name, now)
    join pg_index on indexrelid = to_regclass('auth.' || name)
    where now is null or position(now in pg_get_indexdef(indexrelid)) = 0
    union all
    select format('alter table auth.%I drop column %I', relation, name) from (values
      ('oauth_clients', 'client_id'),
      ('saml_relay_states', 'from_ip_address')
    ) as old (relation, name)
    join pg_attribute on attrelid = to_regclass('auth.' || relation) and attname = name and not attisdropped
  loop
    execute command;
  end loop;

  -- Addresses are unique among those who do not come from single sign-on: users_email_partial_key.
  if to_regclass('auth.users') is not null then
    begin
      alter table auth.users drop constraint if exists users_email_key;
    exception when dependent_objects_still_exist then
      raise notice 'users_email_key stays, a foreign key needs it: single sign-on can not share an address';
    end;
  end if;
end
$$;

drop table if exists auth.sso_sessions;
