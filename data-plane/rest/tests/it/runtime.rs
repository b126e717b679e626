//! The program while it runs: what it tells its supervisor, what it logs of its requests, what it answers browsers, and what it
//! reads again.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::Signal;
use serde_json::{Value, json};
use test_postgres::Link;

use crate::{
    faults::eventually,
    program::{bearer, tutorial, variables},
    support::program::Program,
};

#[tokio::test]
async fn a_supervisor_learns_whether_it_lives_and_is_ready() {
    let (database, role) = tutorial().await;
    let mut link = Link::closed(&database);
    let uri =
        format!("host=127.0.0.1 port={} user={role} password={} dbname={}", link.port(), database.password(), database.name());
    let p = variables(&database, &role).with("PGRST_DB_URI", &uri).with("PGRST_ADMIN_SERVER_PORT", "0").start().await;
    for (asked, answer) in [("live", "200 "), ("ready", "503 "), ("schema_cache", "503 "), ("config", "404 "), ("", "404 ")] {
        assert_eq!(p.admin(&format!("GET /{asked}")).await, answer, "{asked}");
    }
    link.open().await;
    // Nobody has to ask for anything first.
    eventually(|| async { p.admin("GET /ready").await == "200 " }).await;
    assert_eq!(p.admin("HEAD /live").await, "200 ");
    let (code, said) = p.ready_says().await;
    assert!(code == 0 && said.starts_with("OK: http://127.0.0.1:") && said.ends_with("/ready\n"), "{said}");
    link.close().await;
    assert_eq!(p.admin("GET /ready").await, "503 ");
    assert_eq!(p.admin("GET /live").await, "200 ");
    assert!(p.admin("GET /schema_cache").await.starts_with("200 {"), "what was known is known");
}

#[tokio::test]
async fn it_does_not_live_where_nobody_reaches_it() {
    let (database, role) = tutorial().await;
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("rest.sock");
    let given = variables(&database, &role).with("PGRST_SERVER_UNIX_SOCKET", socket.to_str().unwrap());
    let p = given.with("PGRST_ADMIN_SERVER_PORT", "0").start().await;
    assert_eq!(p.admin("GET /live").await, "200 ");
    eventually(|| async { p.admin("GET /ready").await == "200 " }).await;
    std::fs::remove_file(&socket).unwrap();
    assert_eq!(p.admin("GET /live").await, "500 ");
    assert_eq!(p.admin("GET /ready").await, "503 ");
}

#[tokio::test]
async fn what_it_knows_of_the_schema_can_be_seen() {
    let (database, role) = tutorial().await;
    let sql = "create table api.notes (id int primary key, todo_id int references api.todos)";
    database.connect("supabase_admin").await.batch_execute(sql).await.unwrap();
    let given = variables(&database, &role);
    let (code, dumped) = given.prints(&["--dump-schema"]).await;
    let dumped: Value = serde_json::from_str(&dumped).unwrap();
    assert_eq!(code, 0);
    let notes = dumped["dbTables"].as_array().unwrap().iter().find(|table| table["tableName"] == "notes").unwrap();
    assert_eq!((&notes["tableSchema"], &notes["tablePKCols"]), (&json!("api"), &json!(["id"])));
    assert_eq!(notes["tableColumns"][0]["colNominalType"], "integer");
    let relationships = dumped["dbRelationships"].as_array().unwrap();
    assert_eq!(relationships.iter().map(|one| &one["relCardinality"]["tag"]).collect::<Vec<_>>(), ["M2O", "O2M"]);
    let functions = dumped["dbRoutines"].as_array().unwrap();
    assert_eq!(functions.iter().map(|one| &one["pdName"]).collect::<Vec<_>>(), ["before", "settings"]);

    let p = given.clone().with("PGRST_ADMIN_SERVER_PORT", "0").start().await;
    eventually(|| async { p.admin("GET /ready").await == "200 " }).await;
    let told: Value = serde_json::from_str(&p.admin("GET /schema_cache").await[4..]).unwrap();
    assert_eq!(told, dumped);

    let (code, said) = given.with("PGRST_DB_SCHEMAS", "nowhere").ends_with(&["--dump-schema"]).await;
    assert_eq!((code, said.as_str()), (1, "rest: db-schemas has \"nowhere\", and there is no such schema\n"));
}

/// The value of a metric.
async fn metric(p: &Program, name: &str) -> f64 {
    let text = p.admin("GET /metrics").await;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} in {text}")).parse().unwrap()
}

#[tokio::test]
async fn its_figures_are_prometheus_s() {
    let (database, role) = tutorial().await;
    let client = database.connect("supabase_admin").await;
    let sql = "create function api.waits() returns int language sql as $$ select 1 from pg_advisory_xact_lock_shared(7) $$;
        select pg_advisory_lock(7)";
    client.batch_execute(sql).await.unwrap();
    let p = variables(&database, &role)
        .with("PGRST_ADMIN_SERVER_PORT", "0")
        .with("PGRST_DB_POOL", "1")
        .with("PGRST_DB_POOL_ACQUISITION_TIMEOUT", "1")
        .start()
        .await;
    eventually(|| async { p.admin("GET /ready").await == "200 " }).await;
    let text = p.admin("GET /metrics").await;
    for lines in [
        "# HELP pgrst_schema_cache_query_time_seconds The query time in seconds of the last schema cache load\n# TYPE pgrst_schema_cache_query_time_seconds gauge\n",
        "# TYPE pgrst_schema_cache_loads_total counter\npgrst_schema_cache_loads_total{status=\"FAIL\"} 0\n",
        "# TYPE pgrst_db_pool_timeouts_total counter\npgrst_db_pool_timeouts_total 0\n",
        "# TYPE pgrst_db_pool_waiting gauge\npgrst_db_pool_waiting 0\n",
        "# TYPE pgrst_db_pool_max gauge\npgrst_db_pool_max 1\n",
        "# TYPE pgrst_jwt_cache_evictions_total counter\npgrst_jwt_cache_evictions_total 0\n",
    ] {
        assert!(text.contains(lines), "{lines} in {text}");
    }
    assert!(metric(&p, "pgrst_schema_cache_query_time_seconds").await > 0.0);
    eventually(|| async { metric(&p, "pgrst_db_pool_available").await == 1.0 }).await;

    let loads = "pgrst_schema_cache_loads_total{status=\"SUCCESS\"}";
    let before = metric(&p, loads).await;
    p.tell(Signal::USR1);
    eventually(|| async { metric(&p, loads).await == before + 1.0 }).await;

    // One has the connection until the other has waited in vain.
    let call = async || {
        let answer = p.body("GET /rpc/waits").await;
        client.batch_execute("select pg_advisory_unlock_all()").await.unwrap();
        answer
    };
    let (one, other) = tokio::join!(call(), call());
    assert!(one.starts_with("504 ") != other.starts_with("504 "), "{one} {other}");
    assert_eq!(metric(&p, "pgrst_db_pool_timeouts_total").await, 1.0);
}

#[tokio::test]
async fn requests_are_written_down_as_apache_does() {
    let (database, role) = tutorial().await;
    let mut p = variables(&database, &role).with("PGRST_LOG_LEVEL", "info").start().await;
    let user = bearer(json!({"role": format!("{role}_user"), "secret": "s3cret"}));
    for (request, end, of) in [
        (
            "GET /todos?select=id&id=eq.1\nUser-Agent: curl/7.64.0",
            "\"GET /todos?select=id&id=eq.1 HTTP/1.1\" 200 10 \"\" \"curl/7.64.0\"",
            "_anon",
        ),
        ("HEAD /todos\nReferer: http://a/", "\"HEAD /todos HTTP/1.1\" 200 - \"http://a/\" \"\"", "_anon"),
        (&format!("DELETE /todos?id=eq.9\n{user}"), "\"DELETE /todos?id=eq.9 HTTP/1.1\" 204 - \"\" \"\"", "_user"),
        ("GET /todos?id=x", "\"GET /todos?id=x HTTP/1.1\" 400 ", "_anon"),
        ("GET /a\nAuthorization: Bearer a.b.c", "\"GET /a HTTP/1.1\" 401 ", ""),
    ] {
        p.answer(request).await;
        p.logs(end).await;
        let line = p.log().lines().last().unwrap();
        let user = if of.is_empty() { "-".to_owned() } else { format!("{role}{of}") };
        assert!(line.starts_with(&format!("127.0.0.1 - {user} [")) && line.contains(&format!(" +0000] {end}")), "{line}");
    }
    assert!(!p.log().contains("s3cret") && !p.log().contains("Bearer") && !p.log().contains("eyJ"), "{}", p.log());
}

#[tokio::test]
async fn the_level_decides_what_is_written_down_and_statements_come_with_it() {
    let (database, role) = tutorial().await;
    let given = variables(&database, &role).with("PGRST_LOG_LEVEL", "warn").with("PGRST_LOG_QUERY", "true");
    let mut p = given.start().await;
    let user = bearer(json!({"role": format!("{role}_user"), "secret": "s3cret"}));
    assert!(p.body(&format!("GET /todos?task=eq.fine\n{user}")).await.starts_with("200 "));
    assert!(p.body(&format!("GET /things?id=eq.1\n{user}\nAccept-Profile: api")).await.starts_with("404 "));
    assert!(p.body(&format!("GET /todos?id=eq.s3cret\n{user}")).await.starts_with("400 "));
    p.logs("\"GET /todos?id=eq.s3cret HTTP/1.1\" 400 ").await;
    let shown = p.log();
    assert!(!shown.contains("fine") && shown.contains("\"GET /things?id=eq.1 HTTP/1.1\" 404 "), "{shown}");
    let statements: Vec<&str> = shown.lines().filter(|line| line.contains(" query: ")).collect();
    assert!(statements.iter().any(|line| line.contains("\"api\".\"todos\"") && line.contains("$1")), "{statements:?}");
    assert!(!statements.iter().any(|line| line.contains("s3cret")), "{statements:?}");
    assert_eq!(p.stop().await, Some(0));
}

#[tokio::test]
async fn a_preflight_is_answered_as_documented() {
    let (database, role) = tutorial().await;
    let asked = "OPTIONS /items\nOrigin: http://example.com\nAccess-Control-Request-Method: POST\nAccess-Control-Request-Headers: Content-Type";
    let rest = "access-control-allow-methods: GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD\r\n\
        access-control-allow-headers: Authorization, Content-Type, Accept, Accept-Language, Content-Language\r\n\
        access-control-max-age: 86400\r\nserver: postgrest/16.2\r\n";
    let given = variables(&database, &role);
    let p = given.clone().start().await;
    let answer = p.answer(asked).await;
    assert!(answer.starts_with(&format!("HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\n{rest}")), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    let answer = p.answer(&asked.replace("POST", "TRACE")).await;
    assert!(answer.starts_with("HTTP/1.1 404") && !answer.contains("access-control-allow-methods"), "{answer}");

    let p = given.with("PGRST_SERVER_CORS_ALLOWED_ORIGINS", "http://example.com, http://example2.com").start().await;
    let own = "access-control-allow-origin: http://example.com\r\naccess-control-allow-credentials: true\r\nvary: Origin\r\n";
    let answer = p.answer(asked).await;
    assert!(answer.starts_with(&format!("HTTP/1.1 200 OK\r\n{own}{rest}")), "{answer}");
    let answer = p.answer(&asked.replace("example.com", "example3.com")).await;
    assert!(!answer.contains("access-control"), "{answer}");
    let answer = p.answer("GET /todos\nOrigin: http://example2.com").await;
    for line in [
        "access-control-allow-origin: http://example2.com",
        "access-control-expose-headers: Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, Transfer-Encoding, Range-Unit",
        "vary: Accept, Prefer, Range",
        "vary: Origin",
    ] {
        assert!(answer.contains(&format!("\r\n{line}\r\n")), "{line} in {answer}");
    }
}

#[tokio::test]
async fn the_file_is_read_again_when_it_is_told_to() {
    let (database, role) = tutorial().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rest.conf");
    let write = |text: &str| std::fs::write(&path, text).unwrap();
    write("db-max-rows = 1\ndb-pool = 3\n");
    let given = variables(&database, &role).with("PGRST_LOG_LEVEL", "info");
    let mut p = given.with_file(path.to_str().unwrap()).start().await;
    assert_eq!(rows(&p).await, 1);
    write("db-max-rows = 2\ndb-pool = 4\nserver-port = 1\n");
    p.tell(Signal::USR1);
    p.logs("the schema was loaded again").await;
    assert_eq!(rows(&p).await, 1, "that is not what the first signal is for");
    p.tell(Signal::USR2);
    p.logs("db-pool has changed, which takes effect at the next start").await;
    p.logs("the settings were read again").await;
    eventually(|| async { rows(&p).await == 2 }).await;

    write("db-max-rows = many\n");
    p.tell(Signal::USR2);
    p.logs("the settings stay as they were").await;
    assert_eq!(rows(&p).await, 2);
    assert!(!p.log().contains("server-port has changed"), "the environment has it");
    assert_eq!(p.stop().await, Some(0));
}

async fn rows(p: &Program) -> usize {
    p.body("GET /todos?select=id").await.matches("id").count()
}

#[tokio::test]
async fn another_secret_counts_once_it_is_told_to_read_it() {
    let (database, role) = tutorial().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let user = bearer(json!({"role": format!("{role}_user")}));
    for in_database in ["true", "false"] {
        std::fs::write(file.path(), "another-secret-of-more-than-32-characters").unwrap();
        let given = variables(&database, &role).with("PGRST_DB_CONFIG", in_database);
        let p = given.with("PGRST_JWT_SECRET", &format!("@{}", file.path().display())).start().await;
        let status = async || p.body(&format!("GET /todos?id=eq.1\n{user}")).await[..3].to_owned();
        assert_eq!(status().await, "401");
        std::fs::write(file.path(), crate::support::SECRET).unwrap();
        p.tell(Signal::USR2);
        eventually(|| async { status().await == "200" }).await;
    }
}

#[tokio::test]
async fn the_counts_of_tokens_go_on_when_the_secret_is_another() {
    let (database, role) = tutorial().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let user = bearer(json!({"role": format!("{role}_user")}));
    for in_database in ["true", "false"] {
        std::fs::write(file.path(), crate::support::SECRET).unwrap();
        let given = variables(&database, &role).with("PGRST_DB_CONFIG", in_database).with("PGRST_ADMIN_SERVER_PORT", "0");
        let p = given.with("PGRST_JWT_SECRET", &format!("@{}", file.path().display())).start().await;
        let asked = AtomicU32::new(0);
        let status = async || {
            asked.fetch_add(1, Ordering::Relaxed);
            p.body(&format!("GET /todos?id=eq.1\n{user}")).await[..3].to_owned()
        };
        assert_eq!(status().await, "200");
        std::fs::write(file.path(), "another-secret-of-more-than-32-characters").unwrap();
        p.tell(Signal::USR2);
        eventually(|| async { status().await == "401" }).await;
        let counted = metric(&p, "pgrst_jwt_cache_requests_total").await;
        assert_eq!(counted, f64::from(asked.load(Ordering::Relaxed)), "{in_database}");
    }
}
