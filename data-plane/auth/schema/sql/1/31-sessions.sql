-- What a sign-in leads to, and what waits for one: sessions, their tokens, codes and one-time tokens.

create table if not exists auth.sessions ();
alter table auth.sessions
  add column if not exists id uuid not null,
  add column if not exists user_id uuid not null,
  add column if not exists created_at timestamptz,
  add column if not exists updated_at timestamptz,
  add column if not exists factor_id uuid,
  add column if not exists aal auth.aal_level,
  add column if not exists not_after timestamptz,
  add column if not exists refreshed_at timestamp,
  add column if not exists user_agent text,
  add column if not exists ip inet,
  add column if not exists tag text,
  add column if not exists oauth_client_id uuid,
  add column if not exists refresh_token_hmac_key text,
  add column if not exists refresh_token_counter bigint,
  add column if not exists scopes text;

create table if not exists auth.refresh_tokens ();
alter table auth.refresh_tokens
  add column if not exists instance_id uuid,
  add column if not exists id bigserial,
  add column if not exists token varchar(255),
  add column if not exists user_id varchar(255),
  add column if not exists revoked boolean,
  add column if not exists created_at timestamptz,
  add column if not exists updated_at timestamptz,
  add column if not exists parent varchar(255),
  add column if not exists session_id uuid;

create table if not exists auth.flow_state ();
alter table auth.flow_state
  add column if not exists id uuid not null,
  add column if not exists user_id uuid,
  add column if not exists auth_code text,
  add column if not exists code_challenge_method auth.code_challenge_method,
  add column if not exists code_challenge text,
  add column if not exists provider_type text not null,
  add column if not exists provider_access_token text,
  add column if not exists provider_refresh_token text,
  add column if not exists created_at timestamptz,
  add column if not exists updated_at timestamptz,
  add column if not exists authentication_method text not null,
  add column if not exists auth_code_issued_at timestamptz,
  add column if not exists invite_token text,
  add column if not exists referrer text,
  add column if not exists oauth_client_state_id uuid,
  add column if not exists linking_target_id uuid,
  add column if not exists email_optional boolean not null default false;

create table if not exists auth.one_time_tokens ();
alter table auth.one_time_tokens
  add column if not exists id uuid not null,
  add column if not exists user_id uuid not null,
  add column if not exists token_type auth.one_time_token_type not null,
  add column if not exists token_hash text not null,
  add column if not exists relates_to text not null,
  add column if not exists created_at timestamp not null default now(),
  add column if not exists updated_at timestamp not null default now();
