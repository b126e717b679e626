-- Others who sign in here: clients of the OAuth 2.1 server, and what their users allowed them.

create table if not exists auth.oauth_clients ();
alter table auth.oauth_clients
  add column if not exists id uuid not null,
  add column if not exists client_secret_hash text,
  add column if not exists registration_type auth.oauth_registration_type not null,
  add column if not exists redirect_uris text not null,
  add column if not exists grant_types text not null,
  add column if not exists client_name text,
  add column if not exists client_uri text,
  add column if not exists logo_uri text,
  add column if not exists created_at timestamptz not null default now(),
  add column if not exists updated_at timestamptz not null default now(),
  add column if not exists deleted_at timestamptz,
  add column if not exists client_type auth.oauth_client_type not null default 'confidential',
  add column if not exists token_endpoint_auth_method text;
-- Rows from before there was this column.
update auth.oauth_clients
set token_endpoint_auth_method = case client_type when 'public' then 'none' else 'client_secret_basic' end
where token_endpoint_auth_method is null;
alter table auth.oauth_clients alter column token_endpoint_auth_method set not null;

create table if not exists auth.oauth_authorizations ();
alter table auth.oauth_authorizations
  add column if not exists id uuid not null,
  add column if not exists authorization_id text not null,
  add column if not exists client_id uuid not null,
  add column if not exists user_id uuid,
  add column if not exists redirect_uri text not null,
  add column if not exists scope text not null,
  add column if not exists state text,
  add column if not exists resource text,
  add column if not exists code_challenge text,
  add column if not exists code_challenge_method auth.code_challenge_method,
  add column if not exists response_type auth.oauth_response_type not null default 'code',
  add column if not exists status auth.oauth_authorization_status not null default 'pending',
  add column if not exists authorization_code text,
  add column if not exists created_at timestamptz not null default now(),
  add column if not exists expires_at timestamptz not null default now() + interval '3 minutes',
  add column if not exists approved_at timestamptz,
  add column if not exists nonce text;

create table if not exists auth.oauth_consents ();
alter table auth.oauth_consents
  add column if not exists id uuid not null,
  add column if not exists user_id uuid not null,
  add column if not exists client_id uuid not null,
  add column if not exists scopes text not null,
  add column if not exists granted_at timestamptz not null default now(),
  add column if not exists revoked_at timestamptz;

create table if not exists auth.oauth_client_states ();
alter table auth.oauth_client_states
  add column if not exists id uuid not null,
  add column if not exists provider_type text not null,
  add column if not exists code_verifier text,
  add column if not exists created_at timestamptz not null;
