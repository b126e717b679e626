\connect template1
-- As in template0.
create schema extensions;
grant usage on schema extensions to public;
