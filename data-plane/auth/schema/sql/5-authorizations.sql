-- Version 5: what a user or a client has asked of the OAuth server ends with the user's sessions, or with the client.

create index if not exists oauth_authorizations_user_id_idx on auth.oauth_authorizations (user_id) where user_id is not null;
create index if not exists oauth_authorizations_client_id_idx on auth.oauth_authorizations (client_id);

insert into _auth.schema_migrations (version) values (5) on conflict do nothing;
