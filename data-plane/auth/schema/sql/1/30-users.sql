-- Who there is: users, their identities, and what was done.
--
-- Every table is made without columns and gets them one by one, so that one text serves a new database and an older one.
-- The columns are in the order of GoTrue's history, also when all are added at once. Constraints, indexes and rights
-- follow in files of their own.

create table if not exists auth.users ();
alter table auth.users
  add column if not exists instance_id uuid,
  add column if not exists id uuid not null,
  add column if not exists aud varchar(255),
  add column if not exists role varchar(255),
  add column if not exists email varchar(255),
  add column if not exists encrypted_password varchar(255),
  add column if not exists email_confirmed_at timestamptz,
  add column if not exists invited_at timestamptz,
  add column if not exists confirmation_token varchar(255),
  add column if not exists confirmation_sent_at timestamptz,
  add column if not exists recovery_token varchar(255),
  add column if not exists recovery_sent_at timestamptz,
  add column if not exists email_change_token_new varchar(255),
  add column if not exists email_change varchar(255),
  add column if not exists email_change_sent_at timestamptz,
  add column if not exists last_sign_in_at timestamptz,
  add column if not exists raw_app_meta_data jsonb,
  add column if not exists raw_user_meta_data jsonb,
  add column if not exists is_super_admin boolean,
  add column if not exists created_at timestamptz,
  add column if not exists updated_at timestamptz,
  add column if not exists phone text default null::varchar,
  add column if not exists phone_confirmed_at timestamptz,
  add column if not exists phone_change text default ''::varchar,
  add column if not exists phone_change_token varchar(255) default '',
  add column if not exists phone_change_sent_at timestamptz,
  add column if not exists confirmed_at timestamptz generated always as (least(email_confirmed_at, phone_confirmed_at)) stored,
  add column if not exists email_change_token_current varchar(255) default '',
  add column if not exists email_change_confirm_status smallint default 0,
  add column if not exists banned_until timestamptz,
  add column if not exists reauthentication_token varchar(255) default '',
  add column if not exists reauthentication_sent_at timestamptz,
  add column if not exists is_sso_user boolean not null default false,
  add column if not exists deleted_at timestamptz,
  add column if not exists is_anonymous boolean not null default false;

create table if not exists auth.identities ();
alter table auth.identities
  add column if not exists provider_id text not null,
  add column if not exists user_id uuid not null,
  add column if not exists identity_data jsonb not null,
  add column if not exists provider text not null,
  add column if not exists last_sign_in_at timestamptz,
  add column if not exists created_at timestamptz,
  add column if not exists updated_at timestamptz,
  add column if not exists email text generated always as (lower(identity_data ->> 'email')) stored,
  add column if not exists id uuid not null default gen_random_uuid();

create table if not exists auth.instances ();
alter table auth.instances
  add column if not exists id uuid not null,
  add column if not exists uuid uuid,
  add column if not exists raw_base_config text,
  add column if not exists created_at timestamptz,
  add column if not exists updated_at timestamptz;

create table if not exists auth.audit_log_entries ();
alter table auth.audit_log_entries
  add column if not exists instance_id uuid,
  add column if not exists id uuid not null,
  add column if not exists payload json,
  add column if not exists created_at timestamptz,
  add column if not exists ip_address varchar(64) not null default '';

create table if not exists auth.schema_migrations ();
alter table auth.schema_migrations
  add column if not exists version varchar(255) not null;
