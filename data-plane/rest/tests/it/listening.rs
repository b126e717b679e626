//! What keeps the service from hearing of changes, and does not.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use test_postgres::TestCluster;

use crate::{
    faults::eventually,
    support::{Project, on, program::Variables, service_role},
};

const ROWS: &str = "create table a (id int primary key); insert into a values (1), (2)";

async fn listening(sql: &str, connections: usize) -> Project {
    let database = TestCluster::shared().await.database().await;
    let client = database.connect("postgres").await;
    client.batch_execute(ROWS).await.unwrap();
    client.batch_execute(sql).await.unwrap();
    let p = on(database, connections, project_context::IDLE_AFTER);
    assert_eq!(rows(&p).await, 2);
    p
}

async fn rows(p: &Project) -> usize {
    p.send("GET /a").await.json().as_array().unwrap().len()
}

/// By a change of which no request can find out by itself.
async fn hears(p: &Project) {
    p.set(&[("db_max_rows", "1")]).await;
    p.database.connect("postgres").await.batch_execute("notify pgrst").await.unwrap();
    eventually(|| async { rows(p).await == 1 }).await;
}

#[tokio::test]
async fn a_function_can_not_silence_it() {
    let sql = "create function silences() returns void language plpgsql as $$ begin execute 'unlisten *'; end $$;
               create function listens() returns void language plpgsql as $$ begin execute 'listen pgrst'; end $$";
    let p = listening(sql, 1).await;
    for function in ["silences", "listens", "silences"] {
        assert_eq!(p.send(&format!("POST /rpc/{function}")).await.status, 204);
        assert_eq!(p.send(&format!("POST /rpc/{function}\nPrefer: tx=rollback")).await.status, 204);
    }
    hears(&p).await;
}

#[tokio::test]
async fn it_hears_while_a_request_takes_long() {
    let sql = "create function waits() returns int language sql stable as $$ select 1 from pg_advisory_xact_lock(8) $$";
    let p = listening(sql, 2).await;
    let client = p.database.connect("postgres").await;
    client.batch_execute("select pg_advisory_lock(8)").await.unwrap();
    let change = async {
        let sql = "select count(*) from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())";
        eventually(|| async { client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) == 1 }).await;
        hears(&p).await;
        client.batch_execute("select pg_advisory_unlock(8)").await.unwrap();
    };
    let request = format!("GET /rpc/waits\n{}", service_role());
    let (answer, ()) = tokio::join!(p.body(&request), change);
    assert_eq!(answer, "200 1");
}

#[tokio::test]
async fn it_answers_where_it_can_not_listen_and_tries_again() {
    let database = TestCluster::shared().await.database().await;
    database.connect("postgres").await.batch_execute(ROWS).await.unwrap();
    let client = database.connect("supabase_admin").await;
    let role = format!("only_one_of_{}", database.name());
    let password = database.password();
    let sql = format!("create role {role} login password '{password}' connection limit 1 in role authenticator");
    client.batch_execute(&sql).await.unwrap();
    let given = Variables::for_database(&database, &role, database.port()).with("PGRST_DB_ANON_ROLE", "anon");
    let mut p = given.with("PGRST_DB_POOL", "1").start().await;
    p.logs("could not listen").await;
    assert_eq!(p.body("GET /a").await, "200 [{\"id\":1}, \n {\"id\":2}]");
    client.batch_execute(&format!("alter role {role} connection limit 2")).await.unwrap();
    let listens = "select count(*) from pg_stat_activity where datname = current_database() and query like 'LISTEN%'";
    eventually(|| async {
        assert!(p.body("GET /a").await.starts_with("200 "));
        client.query_one(listens, &[]).await.unwrap().get::<_, i64>(0) == 1
    })
    .await;
}

#[tokio::test]
async fn it_ends_with_the_connections() {
    let p = listening("", 1).await;
    let watcher = p.database.connect("supabase_admin").await;
    let backends = async || {
        let sql = "select count(*) from pg_stat_activity where usename = 'authenticator' and datname = current_database()";
        watcher.query_one(sql, &[]).await.unwrap().get::<_, i64>(0)
    };
    assert_eq!(backends().await, 2);
    p.context.close();
    eventually(|| async { backends().await == 0 }).await;
}
