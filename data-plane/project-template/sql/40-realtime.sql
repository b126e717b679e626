-- What clients subscribe to: an empty publication that `postgres` owns and adds tables to.

create publication supabase_realtime;
alter publication supabase_realtime owner to postgres;
