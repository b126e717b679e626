-- Version 3: whoever asks for a change of address or number again, or confirms it by a code, is found by what is new.

create index if not exists users_email_change_idx on auth.users (lower(email_change)) where email_change <> '';
create index if not exists users_phone_change_idx on auth.users (phone_change) where phone_change <> '';

insert into _auth.schema_migrations (version) values (3) on conflict do nothing;
