-- From 2017.sql to the autumn of 2022: phones, identities, sessions, factors; no single sign-on yet.

alter table auth.users rename column confirmed_at to email_confirmed_at;
alter table auth.users rename column email_change_token to email_change_token_new;
alter table auth.users
  add column phone varchar(15) default null unique,
  add column phone_confirmed_at timestamptz,
  add column phone_change varchar(15) default '',
  add column phone_change_token varchar(255) default '',
  add column phone_change_sent_at timestamptz,
  add column confirmed_at timestamptz generated always as (least(email_confirmed_at, phone_confirmed_at)) stored,
  add column email_change_token_current varchar(255) default '',
  add column email_change_confirm_status smallint default 0 check (email_change_confirm_status between 0 and 2),
  add column banned_until timestamptz,
  add column reauthentication_token varchar(255) default '',
  add column reauthentication_sent_at timestamptz;
drop index auth.users_instance_id_email_idx;
create index users_instance_id_email_idx on auth.users (instance_id, lower(email));
create unique index confirmation_token_idx on auth.users (confirmation_token) where confirmation_token !~ '^[0-9 ]*$';

create table auth.identities (
  id text not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  identity_data jsonb not null,
  provider text not null,
  last_sign_in_at timestamptz,
  created_at timestamptz,
  updated_at timestamptz,
  primary key (provider, id)
);

alter table auth.audit_log_entries add column ip_address varchar(64) not null default '';

create type auth.aal_level as enum ('aal1', 'aal2', 'aal3');
create type auth.factor_type as enum ('totp', 'webauthn');
create type auth.factor_status as enum ('unverified', 'verified');
create table auth.sessions (
  id uuid not null primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  created_at timestamptz,
  updated_at timestamptz,
  factor_id uuid,
  aal auth.aal_level
);
create index user_id_created_at_idx on auth.sessions (user_id, created_at);
drop index auth.refresh_tokens_token_idx;
create index refresh_tokens_token_idx on auth.refresh_tokens (token);
alter table auth.refresh_tokens
  add constraint refresh_tokens_token_unique unique (token),
  add column parent varchar(255) constraint refresh_tokens_parent_fkey references auth.refresh_tokens (token),
  add column session_id uuid constraint refresh_tokens_session_id_fkey references auth.sessions (id) on delete cascade;

create table auth.mfa_factors (
  id uuid not null primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  friendly_name text,
  factor_type auth.factor_type not null,
  status auth.factor_status not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  secret text not null
);
create unique index mfa_factors_user_friendly_name_unique on auth.mfa_factors (friendly_name, user_id)
  where trim(friendly_name) <> '';
create table auth.mfa_challenges (
  id uuid not null primary key,
  factor_id uuid not null constraint mfa_challenges_auth_factor_id_fkey references auth.mfa_factors (id) on delete cascade,
  created_at timestamptz not null,
  verified_at timestamptz,
  ip_address inet not null
);
create table auth.mfa_amr_claims (
  session_id uuid not null references auth.sessions (id) on delete cascade,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  authentication_method text not null,
  constraint mfa_amr_claims_session_id_authentication_method_pkey unique (session_id, authentication_method)
);
insert into auth.schema_migrations (version)
values ('00'), ('20210710035447'), ('20210909172000'), ('20220811173540'), ('20221003041349');

insert into auth.sessions (id, user_id, aal)
values ('33333333-3333-4333-8333-333333333333', '11111111-1111-4111-8111-111111111111', 'aal2');
insert into auth.mfa_amr_claims (session_id, created_at, updated_at, authentication_method)
select id, now(), now(), method from auth.sessions, unnest(array['password', 'totp']) as method;
