//! Attributes, memberships and settings of the roles.

use crate::support::{database, rows};

#[tokio::test]
async fn attributes_are_those_of_supabase() {
    let database = database().await;
    let sql = "
        select rolname || ':'
            || case when rolsuper then ' superuser' else '' end || case when rolcanlogin then ' login' else '' end
            || case when rolinherit then '' else ' noinherit' end || case when rolcreatedb then ' createdb' else '' end
            || case when rolcreaterole then ' createrole' else '' end
            || case when rolreplication then ' replication' else '' end || case when rolbypassrls then ' bypassrls' else '' end
        from pg_roles where rolname not similar to '(pg|tenant)\\_%' order by rolname";
    let expected = [
        "anon:",
        "authenticated:",
        "authenticator: login noinherit",
        "dashboard_user: createdb createrole replication",
        "pgbouncer: login",
        "postgres: login createdb createrole replication bypassrls",
        "service_role: bypassrls",
        "supabase_admin: superuser login createdb createrole replication bypassrls",
        "supabase_auth_admin: login noinherit createrole",
        "supabase_read_only_user: login bypassrls",
        "supabase_replication_admin: login replication",
        "supabase_storage_admin: login noinherit createrole",
    ];
    assert_eq!(rows(&database.connect("postgres").await, sql).await, expected);
}

#[tokio::test]
async fn login_roles_are_listed_and_can_log_in() {
    let database = database().await;
    let sql = "select rolname from pg_roles where rolcanlogin and rolname not like 'tenant%' order by 1";
    let mut listed: Vec<&str> = project_template::LOGIN_ROLES.to_vec();
    listed.sort_unstable();
    assert_eq!(rows(&database.connect("postgres").await, sql).await, listed);
    for role in listed {
        assert_eq!(rows(&database.connect(role).await, "select current_user").await, [role]);
    }
}

#[tokio::test]
async fn members_are_those_of_supabase() {
    let database = database().await;
    let sql = "
        select member::regrole || ': ' || string_agg(roleid::regrole::text, ' ' order by roleid::regrole::text)
        from pg_auth_members where (member::regrole::text || roleid::regrole::text) not similar to '(pg\\_|%tenant)%' group by member order by member::regrole::text";
    let expected = [
        "authenticator: anon authenticated service_role",
        "postgres: anon authenticated authenticator pg_monitor pg_read_all_data pg_signal_backend service_role \
         supabase_auth_admin supabase_storage_admin",
        "supabase_read_only_user: pg_read_all_data",
        "supabase_storage_admin: authenticator",
    ];
    assert_eq!(rows(&database.connect("postgres").await, sql).await, expected);
}

#[tokio::test]
async fn settings_apply_at_connect() {
    let database = database().await;
    for (role, setting, value) in [
        ("authenticator", "statement_timeout", "8s"),
        ("authenticator", "lock_timeout", "8s"),
        ("postgres", "search_path", "\"$user\", public, extensions"),
        ("postgres", "statement_timeout", "0"),
        ("supabase_auth_admin", "search_path", "auth"),
        ("supabase_storage_admin", "search_path", "storage"),
        ("supabase_admin", "search_path", "pg_catalog, pg_temp"),
    ] {
        let client = database.connect(role).await;
        assert_eq!(rows(&client, &format!("show {setting}")).await, [value], "{role} {setting}");
    }
    let sql = "select rolconfig::text from pg_roles where rolname in ('anon', 'authenticated') order by rolname";
    let client = database.connect("postgres").await;
    assert_eq!(rows(&client, sql).await, ["{statement_timeout=3s}", "{statement_timeout=8s}"]);
}
