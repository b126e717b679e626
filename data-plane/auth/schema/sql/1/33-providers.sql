-- Sign-in elsewhere: single sign-on by SAML, and providers that a project defines itself.

create table if not exists auth.sso_providers ();
alter table auth.sso_providers
  add column if not exists id uuid not null,
  add column if not exists resource_id text,
  add column if not exists created_at timestamptz,
  add column if not exists updated_at timestamptz,
  add column if not exists disabled boolean;

create table if not exists auth.sso_domains ();
alter table auth.sso_domains
  add column if not exists id uuid not null,
  add column if not exists sso_provider_id uuid not null,
  add column if not exists domain text not null,
  add column if not exists created_at timestamptz,
  add column if not exists updated_at timestamptz;

create table if not exists auth.saml_providers ();
alter table auth.saml_providers
  add column if not exists id uuid not null,
  add column if not exists sso_provider_id uuid not null,
  add column if not exists entity_id text not null,
  add column if not exists metadata_xml text not null,
  add column if not exists metadata_url text,
  add column if not exists attribute_mapping jsonb,
  add column if not exists created_at timestamptz,
  add column if not exists updated_at timestamptz,
  add column if not exists name_id_format text;

create table if not exists auth.saml_relay_states ();
alter table auth.saml_relay_states
  add column if not exists id uuid not null,
  add column if not exists sso_provider_id uuid not null,
  add column if not exists request_id text not null,
  add column if not exists for_email text,
  add column if not exists redirect_to text,
  add column if not exists created_at timestamptz,
  add column if not exists updated_at timestamptz,
  add column if not exists flow_state_id uuid;

create table if not exists auth.custom_oauth_providers ();
alter table auth.custom_oauth_providers
  add column if not exists id uuid not null default gen_random_uuid(),
  add column if not exists provider_type text not null,
  add column if not exists identifier text not null,
  add column if not exists name text not null,
  add column if not exists client_id text not null,
  add column if not exists client_secret text not null,
  add column if not exists acceptable_client_ids text[] not null default '{}',
  add column if not exists scopes text[] not null default '{}',
  add column if not exists pkce_enabled boolean not null default true,
  add column if not exists attribute_mapping jsonb not null default '{}',
  add column if not exists authorization_params jsonb not null default '{}',
  add column if not exists enabled boolean not null default true,
  add column if not exists email_optional boolean not null default false,
  add column if not exists issuer text,
  add column if not exists discovery_url text,
  add column if not exists skip_nonce_check boolean not null default false,
  add column if not exists cached_discovery jsonb,
  add column if not exists discovery_cached_at timestamptz,
  add column if not exists authorization_url text,
  add column if not exists token_url text,
  add column if not exists userinfo_url text,
  add column if not exists jwks_uri text,
  add column if not exists created_at timestamptz not null default now(),
  add column if not exists updated_at timestamptz not null default now(),
  add column if not exists custom_claims_allowlist text[] not null default '{}';
