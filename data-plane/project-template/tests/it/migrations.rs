//! Migrations as Supabase's documentation and starters have them, run by `postgres` as one batch.

use crate::support::{database, error, rows};

const MIGRATION: &str = r#"
create extension if not exists "uuid-ossp" with schema extensions;
create extension if not exists "pgcrypto";
create extension if not exists pg_trgm with schema extensions;
create extension if not exists citext;

create type public.app_role as enum ('admin', 'member');

create table public.profiles (
  id uuid references auth.users on delete cascade not null primary key,
  updated_at timestamp with time zone,
  username citext unique,
  full_name text,
  role public.app_role not null default 'member',
  token uuid not null default uuid_generate_v4(),
  secret text default encode(gen_random_bytes(8), 'hex'),
  constraint username_length check (char_length(username::text) >= 3)
);
create index profiles_name on public.profiles using gin (full_name gin_trgm_ops);
alter table public.profiles enable row level security;
create policy "Public profiles are viewable by everyone." on profiles for select using (true);
create policy "Users can insert their own profile." on profiles for insert with check ((select auth.uid()) = id);
create policy "Users can update own profile." on profiles for update to authenticated
  using ((select auth.uid()) = id and (auth.jwt() ->> 'role') = auth.role());

create function public.handle_new_user() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.profiles (id, full_name, username)
  values (new.id, new.raw_user_meta_data ->> 'full_name', split_part(new.email, '@', 1));
  return new;
end;
$$;
create trigger on_auth_user_created after insert on auth.users
  for each row execute procedure public.handle_new_user();

insert into storage.buckets (id, name) values ('avatars', 'avatars');
create policy "Avatar images are publicly accessible." on storage.objects for select using (bucket_id = 'avatars');
create policy "Users upload to their own folder." on storage.objects for insert to authenticated
  with check (bucket_id = 'avatars' and (storage.foldername(name))[1] = auth.uid()::text);

begin;
  drop publication if exists supabase_realtime;
  create publication supabase_realtime;
commit;
alter publication supabase_realtime add table public.profiles;
create publication mine for table public.profiles;

grant usage on schema public to anon, authenticated;
alter default privileges in schema public revoke execute on functions from anon;
create schema if not exists api authorization postgres;
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (version text not null primary key, statements text[], name text);
comment on schema public is '@graphql({"inflect_names": true})';
notify pgrst, 'reload config';
alter role authenticator set pgrst.db_schemas = 'public, api';
alter role anon set statement_timeout = '4s';
set session_replication_role = replica;
set session_replication_role = origin;
"#;

const ALICE: &str = "3f333df6-90a4-4fda-8dd3-9485d27cee36";
const BOB: &str = "b0b33df6-90a4-4fda-8dd3-9485d27cee36";

#[tokio::test]
async fn a_usual_migration_loads_and_its_policies_hold() {
    let database = database().await;
    let owner = database.connect("postgres").await;
    owner.batch_execute(MIGRATION).await.unwrap_or_else(|error| panic!("{error:?}"));
    // The next tests share the cluster's roles.
    owner
        .batch_execute("alter role authenticator reset pgrst.db_schemas; alter role anon set statement_timeout = '3s'")
        .await
        .unwrap();

    let auth = database.connect("supabase_auth_admin").await;
    for (id, name) in [(ALICE, "alice"), (BOB, "robert")] {
        let insert = format!(
            r#"insert into users (id, email, raw_user_meta_data) values ('{id}', '{name}@x.y', '{{"full_name":"{name}"}}')"#
        );
        auth.batch_execute(&insert).await.unwrap();
    }
    let api = database.connect("authenticator").await;
    let as_alice = |sql: &str| {
        let claims = format!(r#"{{"sub":"{ALICE}","role":"authenticated"}}"#);
        format!("begin; set local role authenticated; set local request.jwt.claims = '{claims}'; {sql}; commit")
    };
    let update = as_alice("update public.profiles set full_name = 'x' returning username");
    assert_eq!(rows(&api, &update).await, ["alice"]);
    let upload =
        |folder: &str| as_alice(&format!("insert into storage.objects (bucket_id, name) values ('avatars', '{folder}/a.png')"));
    rows(&api, &upload(ALICE)).await;
    let refused = error(&api, &upload(BOB)).await;
    assert_eq!(refused, "42501 new row violates row-level security policy for table \"objects\"");
    api.batch_execute("rollback").await.unwrap();
    assert_eq!(rows(&api, "set role anon; select name from storage.objects").await, [format!("{ALICE}/a.png")]);
    auth.batch_execute(&format!("delete from users where id = '{BOB}'")).await.unwrap();
    assert_eq!(rows(&owner, "select username from profiles").await, ["alice"]);
}

#[tokio::test]
async fn postgres_may_act_as_the_api_roles_and_make_its_own() {
    let database = database().await;
    let owner = database.connect("postgres").await;
    for role in ["anon", "authenticated", "service_role"] {
        assert_eq!(rows(&owner, &format!("set role {role}; select current_user; reset role")).await, [role]);
    }
    let sql = "create role tenant_migration login password 'x' bypassrls; grant authenticated to tenant_migration;
               grant tenant_migration to authenticator; grant usage on schema public to tenant_migration; revoke usage on schema public from tenant_migration; drop role tenant_migration";
    // Before 16, only a superuser makes a role that bypasses row-level security.
    let sql = if rows(&owner, "show server_version_num").await[0].as_str() < "160000" {
        sql.replace(" bypassrls", "")
    } else {
        sql.into()
    };
    owner.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{error:?}"));
}

#[tokio::test]
async fn logical_decoding_works_without_the_launcher() {
    let database = database().await;
    let owner = database.connect("postgres").await;
    let name = database.name();
    owner.batch_execute("create table t (id int primary key); alter publication supabase_realtime add table t").await.unwrap();
    rows(&owner, &format!("select pg_create_logical_replication_slot('{name}', 'pgoutput')")).await;
    owner.batch_execute("insert into t values (1)").await.unwrap();
    let sql = format!(
        "select count(*) > 0 from pg_logical_slot_get_binary_changes('{name}', null, null, 'proto_version', '1',
         'publication_names', 'supabase_realtime')"
    );
    assert_eq!(rows(&owner, &sql).await, ["t"]);
    rows(&owner, &format!("select pg_drop_replication_slot('{name}')")).await;
}
