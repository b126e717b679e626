-- Back to how PostgreSQL delivers it.
alter database template0 allow_connections false;
