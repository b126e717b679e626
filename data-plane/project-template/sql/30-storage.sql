-- The tables of storage before its service migrates them, and the functions that policies call.

set role supabase_storage_admin;

create table storage.buckets (
  id text not null primary key,
  name text not null,
  owner uuid,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);
create unique index bname on storage.buckets (name);

create table storage.objects (
  id uuid not null default extensions.uuid_generate_v4() primary key,
  bucket_id text references storage.buckets (id),
  name text,
  owner uuid,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  last_accessed_at timestamptz default now(),
  metadata jsonb
);
create unique index bucketid_objname on storage.objects (bucket_id, name);
create index name_prefix_search on storage.objects (name text_pattern_ops);

-- The service's own first migration closes buckets; closed from the start, nothing is open before it has run.
alter table storage.buckets enable row level security;
alter table storage.objects enable row level security;

create table storage.migrations (
  id integer not null primary key,
  name varchar(100) not null unique,
  hash varchar(40) not null, -- sha1 of the migration
  executed_at timestamp default current_timestamp
);

create function storage.foldername(name text) returns text[] language plpgsql as $$
declare
  _parts text[];
begin
  select string_to_array(name, '/') into _parts;
  return _parts[1:array_length(_parts, 1) - 1];
end
$$;

create function storage.filename(name text) returns text language plpgsql as $$
declare
  _parts text[];
begin
  select string_to_array(name, '/') into _parts;
  return _parts[array_length(_parts, 1)];
end
$$;

create function storage.extension(name text) returns text language plpgsql as $$
declare
  _parts text[];
  _filename text;
begin
  select string_to_array(name, '/') into _parts;
  select _parts[array_length(_parts, 1)] into _filename;
  return reverse(split_part(reverse(_filename), '.', 1));
end
$$;

create function storage.search(
  prefix text, bucketname text, limits int default 100, levels int default 1, offsets int default 0
) returns table (
  name text, id uuid, updated_at timestamptz, created_at timestamptz, last_accessed_at timestamptz, metadata jsonb
) language sql as $$
  -- What lies directly under the prefix: folders (no id) and objects, each once.
  with files_folders as (
    select (string_to_array(objects.name, '/'))[levels] as folder
    from storage.objects
    where objects.name ilike prefix || '%' and bucket_id = bucketname
    group by folder
    order by folder
    limit limits offset offsets
  )
  select files_folders.folder, objects.id, objects.updated_at, objects.created_at, objects.last_accessed_at, objects.metadata
  from files_folders
  left join storage.objects on prefix || files_folders.folder = objects.name and objects.bucket_id = bucketname
$$;

reset role;

-- As the superuser: references need a right on auth.users that the storage role does not keep.
alter table storage.buckets add constraint buckets_owner_fkey foreign key (owner) references auth.users (id);
alter table storage.objects add constraint objects_owner_fkey foreign key (owner) references auth.users (id);

-- Migrations are the service's own business.
revoke all on storage.migrations from anon, authenticated, service_role;
