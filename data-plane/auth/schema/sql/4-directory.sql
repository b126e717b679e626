-- Pages of users in every order and of every kind that the dashboard has, of a million users, too. Indexes only.

-- The orders besides age. Addresses by their bytes, so that the same index finds them by their beginning in any locale.
create index if not exists users_email_id_idx on auth.users (lower(email) collate "C", id);
create index if not exists users_last_sign_in_at_id_idx on auth.users (last_sign_in_at, id);
drop index if exists auth.users_email_prefix_idx;

-- Names by their beginning. Signing in by a provider sets all or the first two; applications choose one.
create index if not exists users_name_prefix_idx on auth.users (lower(coalesce(
  raw_user_meta_data ->> 'full_name', raw_user_meta_data ->> 'name', raw_user_meta_data ->> 'display_name'
)) collate "C") where coalesce(
  raw_user_meta_data ->> 'full_name', raw_user_meta_data ->> 'name', raw_user_meta_data ->> 'display_name'
) is not null;

-- The few among many.
create index if not exists users_waiting_idx on auth.users (created_at, id) where confirmed_at is null and not is_anonymous;
create index if not exists users_anonymous_idx on auth.users (created_at, id) where is_anonymous;
create index if not exists users_banned_idx on auth.users (created_at, id) where banned_until is not null;
create index if not exists users_sso_idx on auth.users (created_at, id) where is_sso_user;
create index if not exists identities_provider_user_id_idx on auth.identities (provider, user_id);

insert into _auth.schema_migrations (version) values (4) on conflict do nothing;
