-- From 2023.sql to the summer of 2025: one-time tokens in a table, phone factors, and the first OAuth clients.

alter table auth.identities drop constraint identities_pkey;
alter table auth.identities rename column id to provider_id;
alter table auth.identities
  add column id uuid not null default gen_random_uuid() primary key,
  add constraint identities_provider_id_provider_unique unique (provider_id, provider);
alter table auth.users add column is_anonymous boolean not null default false;
alter table auth.sessions
  add column refreshed_at timestamp, add column user_agent text, add column ip inet, add column tag text;
alter table auth.flow_state add column auth_code_issued_at timestamptz;
alter table auth.saml_relay_states
  drop column from_ip_address,
  add column flow_state_id uuid references auth.flow_state (id) on delete cascade;
drop table auth.sso_sessions;

create type auth.one_time_token_type as enum (
  'confirmation_token', 'reauthentication_token', 'recovery_token', 'email_change_token_new', 'email_change_token_current',
  'phone_change_token'
);
create table auth.one_time_tokens (
  id uuid primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  token_type auth.one_time_token_type not null,
  token_hash text not null check (char_length(token_hash) > 0),
  relates_to text not null,
  created_at timestamp not null default now(),
  updated_at timestamp not null default now()
);
alter type auth.factor_type add value 'phone';
alter table auth.mfa_factors
  alter column secret drop not null,
  add column phone text unique,
  add column last_challenged_at timestamptz unique,
  add column web_authn_credential jsonb,
  add column web_authn_aaguid uuid;
alter table auth.mfa_challenges add column otp_code text, add column web_authn_session_data jsonb;
alter table auth.users enable row level security;
grant select on auth.users to postgres with grant option;

create type auth.oauth_registration_type as enum ('dynamic', 'manual');
create table auth.oauth_clients (
  id uuid not null primary key,
  client_id text not null unique,
  client_secret_hash text not null,
  registration_type auth.oauth_registration_type not null,
  redirect_uris text not null,
  grant_types text not null,
  client_name text,
  client_uri text,
  logo_uri text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  constraint oauth_clients_client_name_length check (char_length(client_name) <= 1024)
);
insert into auth.schema_migrations (version)
values ('20231117164230'), ('20240427152123'), ('20240729123726'), ('20250731150234');

insert into auth.oauth_clients (id, client_id, client_secret_hash, registration_type, redirect_uris, grant_types)
values ('44444444-4444-4444-8444-444444444444', 'client', 'hash', 'manual', 'https://a.example', 'authorization_code');
