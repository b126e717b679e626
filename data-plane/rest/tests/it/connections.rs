//! How connections are made, kept and given up, as the program is told.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use test_postgres::{Link, TestCluster, TestDatabase};

use crate::{faults::eventually, support::program::Variables};

async fn database() -> TestDatabase {
    let database = TestCluster::shared().await.database().await;
    let sql = "set search_path = public;
               create table parents (id int primary key);
               insert into parents values (1);
               create table children (id int primary key, parent_id int references parents);
               insert into children values (2, 1);
               create view grown as select id, parent_id from children;
               create function backend() returns int language sql stable as $$ select pg_backend_pid() $$;
               create function session() returns json language sql stable security definer as $$
                 select json_build_object(
                   'prepared', (select count(*) from pg_prepared_statements),
                   'path', (select reset_val from pg_settings where name = 'search_path'),
                   'listen', (select count(*) from pg_stat_activity
                              where datname = current_database() and query like 'LISTEN%pgrst%')) $$;
               grant select on all tables in schema public to anon;
               grant execute on all functions in schema public to anon";
    database.connect("supabase_admin").await.batch_execute(sql).await.unwrap();
    database
}

fn variables(database: &TestDatabase, port: u16) -> Variables {
    Variables::for_database(database, "authenticator", port).with("PGRST_DB_ANON_ROLE", "anon").with("PGRST_DB_POOL", "1")
}

#[tokio::test]
async fn a_connection_is_replaced_when_it_is_old() {
    let database = database().await;
    let p = variables(&database, database.port()).with("PGRST_DB_POOL_MAX_LIFETIME", "1").start().await;
    let first = p.body("GET /rpc/backend").await;
    eventually(|| async {
        let now = p.body("GET /rpc/backend").await;
        assert!(now.starts_with("200 "), "{now}");
        now != first
    })
    .await;
}

#[tokio::test]
async fn statements_are_prepared_unless_that_is_forbidden() {
    let database = database().await;
    let embedded = r#"200 [{"id":2,"parents":{"id": 1}}]"#;
    for prepares in ["true", "false"] {
        let p = variables(&database, database.port()).with("PGRST_DB_PREPARED_STATEMENTS", prepares).start().await;
        let session = async || p.body("GET /rpc/session").await;
        for _ in 0..3 {
            assert_eq!(p.body("GET /grown?select=id,parents(id)").await, embedded);
            session().await;
        }
        let session = session().await;
        assert_eq!(session.contains(r#""prepared" : 0"#), prepares == "false", "{session}");
        // A pooler would refuse a session that begins with a path.
        assert_eq!(session.contains(r#""path" : """#), prepares == "true", "{session}");
    }
}

#[tokio::test]
async fn without_prepared_statements_every_connection_does() {
    let database = database().await;
    let given = variables(&database, database.port()).with("PGRST_DB_PREPARED_STATEMENTS", "false");
    let given = given.with("PGRST_DB_CHANNEL_ENABLED", "false");
    let p = given.with("PGRST_DB_POOL", "2").with("PGRST_DB_POOL_MAX_LIFETIME", "0").start().await;
    // Each request has another connection, as by a pooler.
    let (first, second) = (p.body("GET /rpc/backend").await, p.body("GET /rpc/backend").await);
    assert!(first.starts_with("200 ") && second.starts_with("200 ") && first != second, "{first} {second}");
}

#[tokio::test]
async fn it_listens_only_where_it_is_told_to() {
    let database = database().await;
    for (enabled, connections) in [("true", 1), ("false", 0)] {
        let p = variables(&database, database.port()).with("PGRST_DB_CHANNEL_ENABLED", enabled).start().await;
        let session = p.body("GET /rpc/session").await;
        assert!(session.contains(&format!(r#""listen" : {connections}"#)), "{session}");
    }
}

#[tokio::test]
async fn it_ends_when_it_is_not_to_wait_for_the_database() {
    let database = database().await;
    let mut link = Link::closed(&database);
    let given = variables(&database, link.port()).with("PGRST_DB_POOL_AUTOMATIC_RECOVERY", "false");
    let (code, said) = given.clone().ends().await;
    assert_eq!(code, 1);
    let reason = format!("connection to server at \"127.0.0.1\", port {} failed: ", link.port());
    assert!(said.contains("PGRST_DB_POOL_AUTOMATIC_RECOVERY is false") && said.contains(&reason), "{said}");

    link.open().await;
    let mut p = given.start().await;
    p.logs("the database is reached").await;
    assert!(p.body("GET /rpc/backend").await.starts_with("200 "));
    link.close().await;
    let answer = p.body("GET /rpc/backend").await;
    assert!(answer.starts_with("503 ") && answer.contains("Connection refused"), "{answer}");
    let (code, log) = p.ended().await;
    assert!(code == Some(1) && log.contains("PGRST_DB_POOL_AUTOMATIC_RECOVERY is false"), "{log}");
}

#[tokio::test]
async fn it_ends_when_its_password_is_wrong() {
    let database = database().await;
    let uri = |password: &str| format!("postgres://authenticator{password}@127.0.0.1:{}/{}", database.port(), database.name());
    for password in [":wrong", ""] {
        let (code, said) = variables(&database, database.port()).with("PGRST_DB_URI", &uri(password)).ends().await;
        assert!(code == 1 && said.contains("the database refuses the login"), "{password}: {said}");
    }
}

#[tokio::test]
async fn the_first_server_that_will_do_is_taken() {
    let database = database().await;
    let nowhere = Link::closed(&database).port();
    let uri = |wanted: &str| {
        let (password, name, port) = (database.password(), database.name(), database.port());
        format!("postgres://authenticator:{password}@127.0.0.1:{nowhere},127.0.0.1:{port}/{name}?target_session_attrs={wanted}")
    };
    for wanted in ["any", "read-write", "primary", "prefer-standby"] {
        let p = variables(&database, nowhere).with("PGRST_DB_URI", &uri(wanted)).start().await;
        let answer = p.body("GET /rpc/backend").await;
        assert!(answer.starts_with("200 "), "{wanted}: {answer}");
    }
    for (wanted, reason) in [("read-only", "session is not read-only"), ("standby", "server is not in hot standby mode")] {
        let mut p = variables(&database, nowhere).with("PGRST_DB_URI", &uri(wanted)).start().await;
        p.logs(reason).await;
    }
}

#[tokio::test]
async fn what_the_string_leaves_open_comes_from_libpqs_variables() {
    let database = database().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passwords");
    std::fs::write(&file, format!("127.0.0.1:*:{}:authenticator:{}\n", database.name(), database.password())).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let given = variables(&database, database.port())
        .with("PGRST_DB_URI", "postgresql://")
        .with("PGHOST", "127.0.0.1")
        .with("PGPORT", &database.port().to_string())
        .with("PGUSER", "authenticator")
        .with("PGDATABASE", database.name());
    for (variable, value) in [("PGPASSWORD", database.password()), ("PGPASSFILE", file.to_str().unwrap())] {
        let p = given.clone().with(variable, value).start().await;
        let answer = p.body("GET /rpc/backend").await;
        assert!(answer.starts_with("200 "), "{variable}: {answer}");
    }
}
