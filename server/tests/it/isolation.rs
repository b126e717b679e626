//! Nothing of one project opens another: neither its keys nor its tokens, its passwords nor its SQL.

use std::{fs, os::unix::fs::PermissionsExt as _};

use tokio_postgres::error::SqlState;

use crate::support::{Backend, DB_PASS, Installation, Server, http::Request};

const ROUTES: [(&str, &str); 9] = [
    ("GET", "/rest/v1/"),
    ("GET", "/rest/v1/t"),
    ("POST", "/rest/v1/t"),
    ("DELETE", "/rest/v1/t"),
    ("GET", "/rest/v1/rpc/f"),
    ("POST", "/rest/v1/rpc/f"),
    ("GET", "/auth/v1/user"),
    ("GET", "/storage/v1/version"),
    ("POST", "/functions/v1/f"),
];
const KEYS: [&str; 4] = ["anon", "service_role", "publishable", "secret"];

/// Two live projects, each with a table.
async fn two(server: &Server) -> (String, String) {
    let (a, b) = (server.create("a").await, server.create("b").await);
    for (project_ref, mark) in [(&a, 1), (&b, 2)] {
        server.wait_for(project_ref, "ACTIVE_HEALTHY").await;
        server.mark(project_ref, mark).await;
    }
    (a, b)
}

/// A request to the project in both of its addresses' forms.
fn both_forms(server: &Server, project_ref: &str, method: &'static str, path: &str) -> [Request; 2] {
    let host = format!("{project_ref}.api.localhost:{}", server.address().port());
    [server.request(method, format!("/p/{project_ref}{path}")), server.request(method, path).header("host", host)]
}

#[tokio::test]
async fn keys_and_tokens_of_one_project_are_refused_by_another() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let (a, b) = two(&server).await;
    let own = server.key(&b, "publishable").await;
    for which in KEYS {
        let key = server.key(&a, which).await;
        for (method, path) in ROUTES {
            for request in both_forms(&server, &b, method, path) {
                let response = request.header("apikey", &key).send().await.expect(401);
                assert!(response.json()["message"].is_string(), "{which} {method} {path}: {}", response.text());
            }
            for request in both_forms(&server, &b, method, &format!("{path}?apikey={key}")) {
                request.send().await.expect(401);
            }
            for request in both_forms(&server, &b, method, path) {
                let bearer = format!("Bearer {key}");
                request.header("apikey", &key).header("authorization", bearer).send().await.expect(401);
            }
        }
        // The right key beside a token that the other project's secret has signed, or a key that stands as one.
        for (method, path) in ROUTES {
            for request in both_forms(&server, &b, method, path) {
                let bearer = format!("Bearer {key}");
                // As GoTrue has it: the token is none of its own.
                let refused = if path.starts_with("/auth/v1") { 403 } else { 401 };
                request.header("apikey", &own).header("authorization", bearer).send().await.expect(refused);
            }
        }
    }
    // They are good keys where they belong.
    server.expect_mark(&a, 1).await;
    server.expect_mark(&b, 2).await;
    server.stop().await;
}

#[tokio::test]
async fn passwords_of_one_project_do_not_open_another() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    // Both with passwords that were made up: the same chosen one would open both, and rightly.
    let (a, b) = (server.post("/v1/projects"), server.post("/v1/projects"));
    let (a, b) = (a.send().await.expect(201).json(), b.send().await.expect(201).json());
    let (a, b) = (a["ref"].as_str().unwrap(), b["ref"].as_str().unwrap());
    server.wait_for(a, "ACTIVE_HEALTHY").await;
    server.wait_for(b, "ACTIVE_HEALTHY").await;
    let port = server.postmaster(b).port;
    let template = fs::read_dir(installation.data_dir().join("clusters/templates")).unwrap();
    let mut candidates = vec![DB_PASS.to_owned(), String::new(), "postgres".to_owned()];
    // The template's own password, which every fresh clone has, is no longer good.
    candidates.extend(template.filter_map(|entry| fs::read_to_string(entry.unwrap().path().join("password")).ok()));
    assert!(candidates.len() > 3, "there is a template");
    for which in KEYS {
        candidates.push(server.key(a, which).await);
        candidates.push(server.key(b, which).await);
    }
    for role in ["postgres", "supabase_admin", "authenticator", "anon", "service_role", "supabase_auth_admin", "pgbouncer"] {
        for password in &candidates {
            let Err(error) = server.try_sql(port, role, password).await else { panic!("{role} is in by {password:?}") };
            let expected = [SqlState::INVALID_PASSWORD, SqlState::INVALID_AUTHORIZATION_SPECIFICATION];
            // An empty password is refused by the client itself.
            assert!(password.is_empty() || error.code().is_some_and(|code| expected.contains(code)), "{role}: {error:?}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_chosen_password_opens_its_own_project_only() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let mut refs = Vec::new();
    for password in ["the first one's", "the second one's"] {
        let body = serde_json::json!({ "db_pass": password });
        let project = server.post("/v1/projects").header("prefer", "wait=60").json(&body).send().await.expect(201).json();
        refs.push((project["ref"].as_str().unwrap().to_owned(), password));
    }
    for (project_ref, own) in &refs {
        for (_, password) in &refs {
            let session = server.try_sql(server.postmaster(project_ref).port, "postgres", password).await;
            assert_eq!(session.is_ok(), password == own);
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn sql_of_one_project_reaches_nothing_of_another() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let (a, b) = two(&server).await;
    let target = server.postmaster(&b);
    let data = installation.project_dir(&b).join("data");
    for folder in [&data, &installation.project_dir(&a).join("data")] {
        assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o077, 0, "{}", folder.display());
    }
    // Whatever a database's user comes to run reads no other project's row.
    for file in ["control-plane.db", "control-plane.db-wal", "control-plane.db-shm", "master.key"] {
        let path = installation.data_dir().join(file);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
    for socket_dir in [&target.socket_dir, &server.postmaster(&a).socket_dir] {
        assert_eq!(fs::metadata(socket_dir).unwrap().permissions().mode() & 0o777, 0o700, "{socket_dir}");
    }
    let sql = server.sql(&a).await;
    for extension in ["dblink", "postgres_fdw"] {
        sql.batch_execute(&format!("create extension if not exists {extension}")).await.unwrap();
    }
    let socket = format!("host={} port={} dbname=postgres", target.socket_dir, target.port);
    let tcp = format!("host=127.0.0.1 port={} dbname=postgres", target.port);
    let secret = data.join("PG_VERSION").display().to_string();
    let key_file = installation.data_dir().join("master.key").display().to_string();
    let mut attempts = Vec::new();
    for connection in [&socket, &tcp] {
        for login in ["", " user=supabase_admin", " user=postgres password=wrong", " user=authenticator"] {
            attempts.push(format!("select * from extensions.dblink('{connection}{login}', 'select 1') as t (n int)"));
        }
    }
    for file in [&secret, &key_file, &"/etc/passwd".to_owned()] {
        attempts.push(format!("select pg_read_file('{file}')"));
        attempts.push(format!("select pg_read_binary_file('{file}')"));
        attempts.push(format!("select lo_import('{file}')"));
        attempts.push(format!("select pg_stat_file('{file}')"));
        attempts.push(format!("copy public.t from '{file}'"));
        attempts.push(format!("copy public.t to '{file}'"));
    }
    attempts.push("copy public.t from program 'id'".to_owned());
    attempts.push(format!("select pg_ls_dir('{}')", data.display()));
    attempts.push("load '/tmp/anything.so'".to_owned());
    attempts.push("alter system set listen_addresses = '*'".to_owned());
    attempts.push("set role supabase_admin".to_owned());
    attempts.push("alter role postgres superuser".to_owned());
    attempts.push("grant pg_read_server_files to postgres".to_owned());
    attempts.push("grant pg_execute_server_program to postgres".to_owned());
    attempts.push("create function public.f() returns void language c as '/tmp/x', 'f'".to_owned());
    for attempt in &attempts {
        assert!(sql.batch_execute(attempt).await.is_err(), "{attempt}");
    }
    for (name, host) in [("by_socket", target.socket_dir.as_str()), ("by_tcp", "127.0.0.1")] {
        let made = format!(
            "create server {name} foreign data wrapper postgres_fdw options (host '{host}', port '{}', dbname 'postgres');
             create user mapping for postgres server {name} options (user 'postgres', password 'wrong');
             create foreign table public.{name} (mark int) server {name} options (schema_name 'public', table_name 't')",
            target.port
        );
        // Whether it may be made is the template's affair; it must not lead anywhere.
        if sql.batch_execute(&made).await.is_ok() {
            assert!(sql.batch_execute(&format!("select * from public.{name}")).await.is_err(), "{name}");
        }
    }
    server.expect_mark(&b, 2).await;
    drop(sql);
    server.stop().await;
}
