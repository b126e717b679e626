-- The next two files run in template0 and template1.
alter database template0 allow_connections true;
