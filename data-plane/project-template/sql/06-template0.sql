\connect template0
-- Extensions that are trusted here but not by PostgreSQL are created in `extensions`, and their scripts run with a
-- superuser's rights. A database that `postgres` creates must not leave it to `postgres` to create that schema.
create schema extensions;
grant usage on schema extensions to public;
