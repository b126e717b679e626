//! What is open by default, and what is closed.

use crate::support::{database, error, rows};

#[tokio::test]
async fn new_objects_in_public_are_open_to_the_api_until_row_security_closes_them() {
    let database = database().await;
    let owner = database.connect("postgres").await;
    let api = database.connect("authenticator").await;
    let made = "create table t (id int generated always as identity primary key, v text); insert into t (v) values ('a');
                create function f() returns int language sql as 'select 7'; create sequence s;";
    owner.batch_execute(made).await.unwrap();
    for role in ["anon", "authenticated", "service_role"] {
        let sql =
            format!("set role {role}; insert into t (v) values ('{role}') returning v; select f(); select nextval('s') > 0");
        assert_eq!(rows(&api, &sql).await, [role, "7", "t"]);
    }
    owner.batch_execute("alter table t enable row level security").await.unwrap();
    assert_eq!(
        rows(&api, "set role anon; select count(*) from t; set role service_role; select count(*) from t").await,
        ["0", "4"]
    );
}

#[tokio::test]
async fn objects_of_the_superuser_in_public_are_open_to_the_api() {
    let database = database().await;
    database.connect("supabase_admin").await.batch_execute("create table public.t (id int)").await.unwrap();
    assert_eq!(rows(&database.connect("authenticator").await, "set role anon; select count(*) from public.t").await, ["0"]);
}

#[tokio::test]
async fn api_roles_see_nothing_of_auth_and_only_their_rows_of_storage() {
    let database = database().await;
    let api = database.connect("authenticator").await;
    for table in ["users", "refresh_tokens", "audit_log_entries", "schema_migrations", "instances", "sessions", "oauth_clients"] {
        for role in ["anon", "authenticated", "service_role"] {
            let denied = error(&api, &format!("set role {role}; select * from auth.{table}")).await;
            assert_eq!(denied, format!("42501 permission denied for table {table}"));
        }
    }
    assert_eq!(rows(&api, "set role anon; select count(*) from storage.objects").await, ["0"]);
    assert_eq!(
        error(&api, "set role anon; select * from storage.migrations").await,
        "42501 permission denied for table migrations"
    );
    let insert = "set role anon; insert into storage.buckets (id, name) values ('a', 'a')";
    assert_eq!(error(&api, insert).await, "42501 new row violates row-level security policy for table \"buckets\"");
    let denied = error(&api, "set role anon; create table public.t (id int)").await;
    assert_eq!(denied, "42501 permission denied for schema public");
    assert_eq!(
        error(&api, "set role anon; select rolpassword from pg_authid").await,
        "42501 permission denied for table pg_authid"
    );
}

#[tokio::test]
async fn service_tables_belong_to_their_services_and_have_the_columns_of_the_catalogue() {
    let database = database().await;
    let client = database.connect("postgres").await;
    let sql = "select schemaname || '.' || tablename || ' ' || tableowner || ' ' || rowsecurity from pg_tables
               where schemaname in ('_auth', 'auth', 'storage', 'realtime') order by schemaname, tablename";
    let expected = [
        "_auth.limits supabase_auth_admin false",
        "_auth.messages supabase_auth_admin false",
        "_auth.schema_migrations supabase_auth_admin false",
        "auth.audit_log_entries supabase_auth_admin true",
        "auth.custom_oauth_providers supabase_auth_admin false",
        "auth.flow_state supabase_auth_admin true",
        "auth.identities supabase_auth_admin true",
        "auth.instances supabase_auth_admin true",
        "auth.mfa_amr_claims supabase_auth_admin true",
        "auth.mfa_challenges supabase_auth_admin true",
        "auth.mfa_factors supabase_auth_admin true",
        "auth.oauth_authorizations supabase_auth_admin false",
        "auth.oauth_client_states supabase_auth_admin false",
        "auth.oauth_clients supabase_auth_admin false",
        "auth.oauth_consents supabase_auth_admin false",
        "auth.one_time_tokens supabase_auth_admin true",
        "auth.refresh_tokens supabase_auth_admin true",
        "auth.saml_providers supabase_auth_admin true",
        "auth.saml_relay_states supabase_auth_admin true",
        "auth.schema_migrations supabase_auth_admin true",
        "auth.sessions supabase_auth_admin true",
        "auth.sso_domains supabase_auth_admin true",
        "auth.sso_providers supabase_auth_admin true",
        "auth.users supabase_auth_admin true",
        "auth.webauthn_challenges supabase_auth_admin false",
        "auth.webauthn_credentials supabase_auth_admin false",
        "storage.buckets supabase_storage_admin true",
        "storage.migrations supabase_storage_admin false",
        "storage.objects supabase_storage_admin true",
    ];
    assert_eq!(rows(&client, sql).await, expected);
}
