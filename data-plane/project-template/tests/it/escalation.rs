//! What must not work: `postgres` becoming a superuser, or reaching the server's files and programs.

use crate::support::{database, error, rows};

#[tokio::test]
async fn postgres_can_not_become_a_superuser_or_reach_the_server() {
    let database = database().await;
    let client = database.connect("postgres").await;
    client.batch_execute("create role tenant_role; create extension postgres_fdw").await.unwrap();
    for sql in [
        "alter role postgres superuser",
        "create role boss superuser",
        "create role boss in role supabase_admin",
        "alter role supabase_admin password 'x'",
        "alter role supabase_admin set search_path = public",
        "alter role supabase_admin in database postgres set search_path = public",
        "alter role all set search_path = public",
        "alter role supabase_admin rename to x",
        "drop role supabase_admin",
        "grant supabase_admin to postgres",
        "grant supabase_admin to tenant_role",
        "grant pg_execute_server_program to postgres",
        "grant pg_execute_server_program to tenant_role",
        "create role boss in role pg_execute_server_program",
        "grant pg_read_server_files to postgres",
        "grant pg_write_server_files to tenant_role",
        "alter group pg_read_server_files add user postgres",
        "alter role pg_execute_server_program login",
        "set role supabase_admin",
        "set role pg_execute_server_program",
        "set session authorization supabase_admin",
        "alter system set shared_preload_libraries = 'x'",
        "set session_preload_libraries = 'x'",
        "alter role postgres set session_preload_libraries = 'x'",
        "alter database postgres set session_preload_libraries = 'x'",
        "set dynamic_library_path = '/tmp'",
        "copy (select 1) to program 'id'",
        "copy (select 1) to '/tmp/escalation'",
        "create table c (t text); copy c from '/etc/passwd'",
        "create table d (t text); copy d from program 'id'",
        "select pg_read_file('/etc/passwd')",
        "select pg_read_binary_file('PG_VERSION')",
        "select pg_ls_dir('/')",
        "select pg_stat_file('/etc/passwd')",
        "select lo_import('/etc/passwd')",
        "select lo_export(1, '/tmp/escalation')",
        "select pg_reload_conf()",
        "select pg_rotate_logfile()",
        "select * from pg_hba_file_rules",
        "update pg_authid set rolsuper = true",
        "update pg_proc set prosecdef = true where proname = 'version'",
        "create function f() returns int language c as '/lib/x86_64-linux-gnu/libc.so.6', 'system'",
        "create function f() returns text language internal as 'pg_read_file'",
        "load '/tmp/x.so'",
        "create event trigger e on ddl_command_end execute function extensions.pgrst_ddl_watch()",
        "drop event trigger pgrst_ddl_watch",
        "alter event trigger pgrst_ddl_watch disable",
        "drop function extensions.pgrst_ddl_watch() cascade",
        "create or replace function extensions.pgrst_ddl_watch() returns event_trigger language plpgsql as 'begin end'",
        "create tablespace t location '/tmp'",
        "create publication p for all tables",
        "create language plpython3u",
        "create function evil() returns int language sql security definer as 'select 1';
         alter function evil() owner to supabase_admin",
        "create table e (id int); alter table e owner to supabase_admin",
        "create view pg_catalog.v as select 1",
        "alter schema extensions owner to postgres",
        "grant create on schema extensions to postgres; create table extensions.t (id int)",
        "create server s foreign data wrapper postgres_fdw;
         create user mapping for postgres server s options (user 'supabase_admin', password_required 'false')",
        "do $$ begin execute 'set local role supabase_admin'; end $$",
        "create extension plpython3u",
    ] {
        let refused = error(&client, sql).await;
        // Refused for want of a right (or for being reserved, or not installed), not because of a typing error here.
        let for_a_reason = ["42501", "42939", "0A000", "55P02"].iter().any(|code| refused.starts_with(code));
        assert!(for_a_reason, "{refused}: {sql}");
        client.batch_execute("rollback; reset role").await.unwrap();
    }
    assert_eq!(rows(&client, "select usesuper from pg_user where usename = current_user").await, ["f"]);
    client.batch_execute("drop role tenant_role").await.unwrap();
}

#[tokio::test]
async fn membership_of_service_roles_gives_no_more() {
    let database = database().await;
    let client = database.connect("postgres").await;
    for role in ["supabase_auth_admin", "supabase_storage_admin", "authenticator"] {
        client.batch_execute(&format!("set role {role}")).await.unwrap();
        for sql in ["grant supabase_admin to postgres", "grant pg_read_server_files to postgres", "create role boss superuser"] {
            assert!(error(&client, sql).await.starts_with("42501"), "{role}: {sql}");
        }
        client.batch_execute("reset role").await.unwrap();
    }
}

#[tokio::test]
async fn a_superuser_session_resolves_no_name_that_a_tenant_made() {
    let database = database().await;
    let tenant = database.connect("postgres").await;
    let trap = "create function public.version() returns text language sql as $$ select 'trap' $$;
                create function public.trap() returns text language sql as $$ select 'trap' $$";
    tenant.batch_execute(trap).await.unwrap();
    let name = database.name();
    tenant
        .batch_execute(&format!("alter database {name} owner to postgres; alter database {name} set search_path = public"))
        .await
        .unwrap();
    let superuser = database.connect("supabase_admin").await;
    assert_eq!(rows(&superuser, "show search_path").await, ["pg_catalog, pg_temp"]);
    assert!(error(&superuser, "select trap()").await.starts_with("42883"));
}

/// The scripts of trusted extensions run as the superuser in the tenant's session, where event triggers fire for their
/// commands: a type of the tenant's named like one that such a function uses must not be met.
#[tokio::test]
async fn an_event_trigger_resolves_no_name_that_a_tenant_made() {
    let database = database().await;
    let tenant = database.connect("postgres").await;
    let trap = "create function public.trap(text) returns boolean language plpgsql as $$
                begin
                  if current_user = 'supabase_admin' then alter role postgres superuser; end if;
                  return true;
                end $$;
                create domain public.trapped as text check (public.trap(value))";
    tenant.batch_execute(trap).await.unwrap();
    let commands = "classid oid, objid oid, objsubid int, command_tag public.trapped, object_type text, schema_name text,
                    object_identity text, in_extension bool";
    let drops = "classid oid, objid oid, objsubid int, original bool, normal bool, is_temporary bool,
                 object_type public.trapped, schema_name text, object_name text";
    for (columns, extension) in [(commands, "citext"), (drops, "hstore")] {
        for name in ["record", "text", "regclass", "jsonb", "pg_extension", "oid", "name"] {
            // The first command of a session: a function's types are looked up once.
            let session = database.connect("postgres").await;
            session.batch_execute(&format!("create type pg_temp.{name} as ({columns})")).await.unwrap();
            session.batch_execute(&format!("create extension {extension}; drop extension {extension}")).await.unwrap();
            assert_eq!(rows(&session, "select usesuper from pg_user where usename = current_user").await, ["f"], "{name}");
        }
    }
}

#[tokio::test]
async fn every_function_with_a_search_path_looks_into_temporary_schemas_last() {
    let database = database().await;
    let client = database.connect("supabase_admin").await;
    let careless = "select proc.oid::regprocedure::text from pg_proc as proc, unnest(proc.proconfig) as setting
        where proc.oid >= 16384 and setting like 'search_path=%' and setting !~ 'pg_temp$'
        union all
        select proc.oid::regprocedure::text from pg_proc as proc join pg_event_trigger on evtfoid = proc.oid
        where not exists (select from unnest(proc.proconfig) as setting where setting like 'search_path=%')";
    assert_eq!(rows(&client, careless).await, Vec::<String>::new());
}
