//! What goes wrong beside the request: schema changes, lost connections, clients that go away, time-outs.

use std::time::{Duration, Instant};

use test_postgres::TestCluster;

use crate::support::{on, project};

/// Waits until the condition holds; a condition of the test, not of the code.
pub(crate) async fn eventually<F: Future<Output = bool>>(mut condition: impl FnMut() -> F) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition().await {
        assert!(Instant::now() < deadline, "did not happen in time");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn schema_changes_are_seen() {
    let p = project("create table a (id int primary key)").await;
    assert_eq!(p.send("GET /a").await.status, 200);
    let client = p.database.connect("postgres").await;
    client.batch_execute("create table b (id int primary key, a_id int references a); insert into a values (1)").await.unwrap();
    assert_eq!(p.body("GET /b").await, "200 []", "a miss reloads");
    client.batch_execute("create table c (id int)").await.unwrap();
    eventually(|| async { p.send("GET /c").await.status == 200 }).await;
    // A statement that was prepared for the old type.
    for _ in 0..4 {
        assert_eq!(p.body("GET /a?id=eq.1").await, r#"200 [{"id":1}]"#);
    }
    client.batch_execute("alter table b drop column a_id; alter table a alter column id type text").await.unwrap();
    eventually(|| async { p.body("GET /a?id=eq.1").await == r#"200 [{"id":"1"}]"# }).await;
    client.batch_execute("drop table a, b").await.unwrap();
    eventually(|| async { p.send("GET /a").await.json()["code"] == "PGRST205" }).await;
}

#[tokio::test]
async fn lost_connections_are_replaced() {
    let p = project("create table a (id int primary key)").await;
    let client = p.database.connect("supabase_admin").await;
    for write in [false, true, false, true] {
        assert_eq!(p.send("GET /a").await.status, 200);
        let sql = "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'authenticator' and datname = current_database()";
        client.execute(sql, &[]).await.unwrap();
        let request = if write { "POST /a?on_conflict=id\nPrefer: resolution=ignore-duplicates\n\n{\"id\":1}" } else { "GET /a" };
        let answer = p.send(request).await;
        assert_eq!(answer.status, if write { 201 } else { 200 }, "{}", answer.body);
    }
}

#[tokio::test]
async fn a_client_that_goes_away_stops_its_query() {
    let p =
        project("create function nap() returns int language sql as $$ select 1 from pg_sleep(60) $$; create table a (id int)")
            .await;
    assert_eq!(p.send("GET /a").await.status, 200);
    let watcher = p.database.connect("supabase_admin").await;
    let running = async || {
        let sql = "select count(*) from pg_stat_activity where usename = 'authenticator' and datname = current_database() and state <> 'idle'";
        watcher.query_one(sql, &[]).await.unwrap().get::<_, i64>(0)
    };
    // service_role has no statement time-out of its own.
    let request = format!("POST /rpc/nap\n{}", crate::support::service_role());
    tokio::select! {
        _ = p.send(&request) => panic!("slept through"),
        () = eventually(|| async { running().await == 1 }) => {}
    }
    eventually(|| async { running().await == 0 }).await;
    assert_eq!(p.send("GET /a").await.status, 200);
    assert_eq!(p.context.open_connections(), 1, "the connection survived");
}

#[tokio::test]
async fn statement_timeouts_hold_by_role() {
    let p = project(
        "create function nap() returns int language sql as $$ select 1 from pg_sleep(60) $$;
         create function limits() returns text language sql stable as $$ select current_setting('statement_timeout') $$",
    )
    .await;
    assert_eq!(p.body("GET /rpc/limits").await, "200 \"3s\"");
    let answer = p.send("POST /rpc/nap").await;
    assert_eq!((answer.status, answer.json()["code"].as_str().unwrap()), (500, "57014"), "{}", answer.body);
}

#[tokio::test]
async fn a_closed_context_answers_unavailable() {
    let p = project("create table a (id int)").await;
    assert_eq!(p.send("GET /a").await.status, 200);
    p.context.close();
    let answer = p.send("GET /a").await;
    assert_eq!(answer.status, 503);
    assert!(answer.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn an_idle_project_has_no_backends() {
    let database = TestCluster::shared().await.database().await;
    database.connect("postgres").await.batch_execute("create table a (id int)").await.unwrap();
    let p = on(database, 10, Duration::from_secs(1));
    assert_eq!(p.send("GET /a").await.status, 200);
    assert_eq!(p.context.open_connections(), 1);
    let watcher = p.database.connect("supabase_admin").await;
    eventually(|| async {
        let sql = "select count(*) from pg_stat_activity where usename = 'authenticator' and datname = current_database()";
        watcher.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
    // Changes made meanwhile were not heard of, and are seen all the same.
    p.database.connect("postgres").await.batch_execute("create table b (id int)").await.unwrap();
    assert_eq!(p.body("GET /b").await, "200 []");
}
