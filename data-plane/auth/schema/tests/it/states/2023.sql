-- From 2022.sql to the summer of 2023: single sign-on and PKCE; identities without a key of their own.

create table auth.sso_providers (
  id uuid not null primary key,
  resource_id text,
  created_at timestamptz,
  updated_at timestamptz,
  constraint "resource_id not empty" check (resource_id = null or char_length(resource_id) > 0)
);
create table auth.sso_domains (
  id uuid not null primary key,
  sso_provider_id uuid not null references auth.sso_providers (id) on delete cascade,
  domain text not null,
  created_at timestamptz,
  updated_at timestamptz,
  constraint "domain not empty" check (char_length(domain) > 0)
);
create table auth.saml_relay_states (
  id uuid not null primary key,
  sso_provider_id uuid not null references auth.sso_providers (id) on delete cascade,
  request_id text not null,
  for_email text,
  redirect_to text,
  from_ip_address inet,
  created_at timestamptz,
  updated_at timestamptz,
  constraint "request_id not empty" check (char_length(request_id) > 0)
);
create table auth.sso_sessions (id uuid not null primary key, session_id uuid not null references auth.sessions (id));

alter table auth.users add column is_sso_user boolean not null default false, add column deleted_at timestamptz;
alter table auth.users alter column phone type text, alter column phone_change type text;
alter table auth.users drop constraint users_email_key;
create unique index users_email_partial_key on auth.users (email) where is_sso_user = false;
alter table auth.identities add column email text generated always as (lower(identity_data ->> 'email')) stored;
alter table auth.sessions add column not_after timestamptz;
alter table auth.refresh_tokens drop constraint refresh_tokens_parent_fkey;
delete from auth.mfa_amr_claims;
alter table auth.mfa_amr_claims add column id uuid not null constraint amr_id_pk primary key;

create type auth.code_challenge_method as enum ('s256', 'plain');
create table auth.flow_state (
  id uuid primary key,
  user_id uuid,
  auth_code text not null,
  code_challenge_method auth.code_challenge_method not null,
  code_challenge text not null,
  provider_type text not null,
  provider_access_token text,
  provider_refresh_token text,
  created_at timestamptz,
  updated_at timestamptz,
  authentication_method text not null
);
insert into auth.schema_migrations (version)
values ('20221021082433'), ('20221215195500'), ('20230131181311'), ('20230322519590'), ('20230402418590');

insert into auth.identities (id, user_id, identity_data, provider)
select id, id, jsonb_build_object('sub', id, 'email', email), 'email' from auth.users;
insert into auth.mfa_amr_claims (id, session_id, created_at, updated_at, authentication_method)
select gen_random_uuid(), id, now(), now(), 'password' from auth.sessions;
