-- More than a password: factors, what proved a session, and passkeys.

create table if not exists auth.mfa_factors ();
alter table auth.mfa_factors
  add column if not exists id uuid not null,
  add column if not exists user_id uuid not null,
  add column if not exists friendly_name text,
  add column if not exists factor_type auth.factor_type not null,
  add column if not exists status auth.factor_status not null,
  add column if not exists created_at timestamptz not null,
  add column if not exists updated_at timestamptz not null,
  add column if not exists secret text,
  add column if not exists phone text,
  add column if not exists last_challenged_at timestamptz,
  add column if not exists web_authn_credential jsonb,
  add column if not exists web_authn_aaguid uuid,
  add column if not exists last_webauthn_challenge_data jsonb;

create table if not exists auth.mfa_challenges ();
alter table auth.mfa_challenges
  add column if not exists id uuid not null,
  add column if not exists factor_id uuid not null,
  add column if not exists created_at timestamptz not null,
  add column if not exists verified_at timestamptz,
  add column if not exists ip_address inet not null,
  add column if not exists otp_code text,
  add column if not exists web_authn_session_data jsonb;

create table if not exists auth.mfa_amr_claims ();
alter table auth.mfa_amr_claims
  add column if not exists session_id uuid not null,
  add column if not exists created_at timestamptz not null,
  add column if not exists updated_at timestamptz not null,
  add column if not exists authentication_method text not null,
  add column if not exists id uuid;
-- Rows from before there was this column.
update auth.mfa_amr_claims set id = gen_random_uuid() where id is null;
alter table auth.mfa_amr_claims alter column id set not null;

create table if not exists auth.webauthn_credentials ();
alter table auth.webauthn_credentials
  add column if not exists id uuid not null default gen_random_uuid(),
  add column if not exists user_id uuid not null,
  add column if not exists credential_id bytea not null,
  add column if not exists public_key bytea not null,
  add column if not exists attestation_type text not null default '',
  add column if not exists aaguid uuid,
  add column if not exists sign_count bigint not null default 0,
  add column if not exists transports jsonb not null default '[]',
  add column if not exists backup_eligible boolean not null default false,
  add column if not exists backed_up boolean not null default false,
  add column if not exists friendly_name text not null default '',
  add column if not exists created_at timestamptz not null default now(),
  add column if not exists updated_at timestamptz not null default now(),
  add column if not exists last_used_at timestamptz;

create table if not exists auth.webauthn_challenges ();
alter table auth.webauthn_challenges
  add column if not exists id uuid not null default gen_random_uuid(),
  add column if not exists user_id uuid,
  add column if not exists challenge_type text not null,
  add column if not exists session_data jsonb not null,
  add column if not exists created_at timestamptz not null default now(),
  add column if not exists expires_at timestamptz not null;
