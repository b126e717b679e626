//! Reads that go past the client of the connection: nothing of it is seen but that it is fast.

use std::time::Duration;

use project_context::StatementKey;
use test_postgres::TestCluster;

use crate::{
    faults::eventually,
    support::{on, project, service_role},
};

const NAP: &str = "create function nap() returns int language plpgsql stable as $$ begin perform pg_sleep(60); return 1; end $$;
     create function backend() returns int language sql stable as $$ select pg_backend_pid() $$;
     create table a (id int primary key, name text);
     insert into a values (1, 'one');";

#[tokio::test]
async fn a_client_that_goes_away_stops_its_read() {
    let database = TestCluster::shared().await.database().await;
    database.connect("postgres").await.batch_execute(NAP).await.unwrap();
    // What is asked next waits until the only connection is back.
    let p = on(database, 1, project_context::IDLE_AFTER);
    let backend = p.body("GET /rpc/backend").await;
    let watcher = p.database.connect("supabase_admin").await;
    let running = async || {
        let sql = "select count(*) from pg_stat_activity where usename = 'authenticator' and datname = current_database() and state <> 'idle'";
        watcher.query_one(sql, &[]).await.unwrap().get::<_, i64>(0)
    };
    // service_role has no statement time-out of its own.
    let request = format!("GET /rpc/nap\n{}", service_role());
    for _ in 0..3 {
        tokio::select! {
            _ = p.send(&request) => panic!("slept through"),
            () = eventually(|| async { running().await == 1 }) => {}
        }
        eventually(|| async { running().await == 0 }).await;
        assert_eq!(p.body("GET /a").await, r#"200 [{"id":1,"name":"one"}]"#);
        assert_eq!(p.body("GET /rpc/backend").await, backend, "the connection survived");
    }
}

#[tokio::test]
async fn a_read_that_takes_too_long_leaves_the_connection_as_it_was() {
    let p = project(NAP).await;
    let answer = p.send("GET /rpc/nap").await;
    assert_eq!((answer.status, answer.json()["code"].as_str().unwrap()), (500, "57014"), "{}", answer.body);
    assert_eq!(p.body("GET /a").await, r#"200 [{"id":1,"name":"one"}]"#);
    assert_eq!(p.context.open_connections(), 1);
}

#[tokio::test]
async fn a_read_can_not_write() {
    let p = project(
        "create table a (id int);
         create function writes() returns int language sql stable as $$ select set_config('transaction_read_only', 'off', true); select 1 $$;
         create function inserts() returns int language plpgsql stable as $$ begin execute 'insert into a values (1)'; return 1; end $$;
         create function adds() returns int language sql volatile as $$ insert into a values (1) returning id $$;
         grant all on a to anon;
         create function state() returns json language sql stable as $$ select json_build_object(
           'read only', current_setting('transaction_read_only'), 'isolation', current_setting('transaction_isolation'), 'role', current_user) $$",
    )
    .await;
    for _ in 0..3 {
        for (function, code) in [("writes", "25001"), ("inserts", "0A000"), ("adds", "25006")] {
            let answer = p.send(&format!("GET /rpc/{function}")).await;
            assert_eq!(answer.json()["code"].as_str().unwrap(), code, "{function}: {}", answer.body);
        }
        let state = p.body("GET /rpc/state").await;
        assert_eq!(state, r#"200 {"read only" : "on", "isolation" : "read committed", "role" : "anon"}"#);
    }
    let client = p.database.connect("postgres").await;
    assert_eq!(client.query("select from a", &[]).await.unwrap().len(), 0);
}

#[tokio::test]
async fn what_is_notified_during_a_read_is_heard() {
    let database = TestCluster::shared().await.database().await;
    let sql = "create table a (id int primary key);
               create function waits() returns int language sql stable as $$ select 1 from pg_advisory_xact_lock(7) $$;
               insert into a values (1), (2)";
    let client = database.connect("postgres").await;
    client.batch_execute(sql).await.unwrap();
    let p = on(database, 1, project_context::IDLE_AFTER);
    assert_eq!(p.send("GET /a").await.json().as_array().unwrap().len(), 2);
    client.batch_execute("select pg_advisory_lock(7)").await.unwrap();
    let change = async {
        let sql = "select count(*) from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())";
        eventually(|| async { client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) == 1 }).await;
        p.set(&[("db_max_rows", "1")]).await;
        client.batch_execute("notify pgrst").await.unwrap();
        client.batch_execute("select pg_advisory_unlock(7)").await.unwrap();
    };
    let request = format!("GET /rpc/waits\n{}", service_role());
    let (answer, ()) = tokio::join!(p.body(&request), change);
    assert_eq!(answer, "200 1");
    eventually(|| async { p.send("GET /a").await.json().as_array().unwrap().len() == 1 }).await;
}

#[tokio::test]
async fn few_statements_are_kept() {
    let p = project(
        "create table a (id int primary key);
         insert into a values (1);
         create function kept() returns bigint language sql stable as $$ select count(*) from pg_prepared_statements $$",
    )
    .await;
    for _ in 0..2 {
        for number in 0..150 {
            for _ in 0..2 {
                assert_eq!(p.body(&format!("GET /a?select=n{number}:id")).await, format!("200 [{{\"n{number}\":1}}]"));
            }
        }
        let kept: u32 = p.send("GET /rpc/kept").await.body.parse().unwrap();
        assert!((100..=135).contains(&kept), "{kept}");
    }
    assert_eq!(p.context.open_connections(), 1);
}

#[tokio::test]
async fn what_is_asked_may_be_larger_than_what_the_socket_takes() {
    let p = project("create function size(t text) returns int language sql stable as $$ select length(t) $$").await;
    for size in [5_000_000, 3, 9_000_000] {
        let request = format!("POST /rpc/size\nContent-Type: application/json\n\n{{\"t\":\"{}\"}}", "x".repeat(size));
        let answer = tokio::time::timeout(Duration::from_secs(20), p.send(&request)).await.unwrap();
        assert_eq!((answer.status, answer.body), (200, size.to_string()));
    }
}

#[tokio::test]
async fn a_statement_that_fails_may_be_asked_again() {
    let p = project("create table a (id int primary key, n int); insert into a values (1, 0)").await;
    let client = p.database.connect("postgres").await;
    for _ in 0..4 {
        assert_eq!(p.send("GET /a?id=eq.x").await.json()["code"], "22P02");
        assert_eq!(p.body("GET /a?select=n").await, r#"200 [{"n":0}]"#);
        client.batch_execute("revoke select on a from anon").await.unwrap();
        assert_eq!(p.send("GET /a?select=n").await.json()["code"], "42501");
        client.batch_execute("grant select on a to anon").await.unwrap();
    }
}

#[tokio::test]
async fn what_functions_do_to_their_session_is_gone_with_it() {
    let sql = "create table words (id int primary key, word text); grant all on words to anon;
        create function forgets() returns void language plpgsql as $$ begin execute 'deallocate all'; end $$;
        create function garbles() returns void language plpgsql as $$ begin set client_encoding = 'LATIN1'; end $$";
    let database = TestCluster::shared().await.database().await;
    database.connect("postgres").await.batch_execute(sql).await.unwrap();
    let p = on(database, 1, project_context::IDLE_AFTER);
    for request in ["POST /rpc/forgets", "POST /rpc/garbles"] {
        // Once each is prepared.
        for _ in 0..3 {
            assert_eq!(p.body("GET /words?id=eq.0").await, "200 []");
            assert_eq!(p.body("GET /words?id=eq.0\nPrefer: tx=rollback").await, "200 []");
        }
        assert_eq!(p.send(request).await.status, 204, "{request}");
        for number in 1..=3 {
            let write =
                format!("PUT /words?id=eq.{number}\nPrefer: return=representation\n\n{{\"id\":{number},\"word\":\"é€\"}}");
            let answer = p.body(&write).await;
            assert!(answer.ends_with(&format!("[{{\"id\":{number},\"word\":\"é€\"}}]")), "{request}: {answer}");
            assert_eq!(p.body("GET /words?id=eq.0\nPrefer: tx=rollback").await, "200 []");
        }
        let length = p.body("GET /words?select=id&word=like.__").await;
        assert_eq!(length, "200 [{\"id\":1}, \n {\"id\":2}, \n {\"id\":3}]", "{request}");
    }
}

#[tokio::test]
async fn a_transaction_that_pauses_is_ended_by_the_servers_timer() {
    let p = project("create table a (id int primary key)").await;
    let client = p.database.connect("supabase_admin").await;
    let sql = "alter role authenticator in database \"{}\" set idle_in_transaction_session_timeout = 100";
    client.batch_execute(&sql.replace("{}", p.database.name())).await.unwrap();
    let connection = p.context.connection().await.unwrap();
    let mut direct = connection.direct().await.unwrap();
    direct.command("BEGIN").unwrap();
    let sql = "SELECT pg_backend_pid()";
    direct.add(1, StatementKey::new(&[], sql), sql, std::iter::empty()).unwrap();
    direct.pause();
    let answers = async {
        let mut answers = 0;
        while direct.next().await.unwrap().is_some() {
            answers += 1;
        }
        answers
    };
    let answers = tokio::time::timeout(Duration::from_secs(20), answers).await.unwrap();
    assert_eq!(answers, 3, "the row, and the ends of both statements");
    let backends = "select count(*) from pg_stat_activity where usename = 'authenticator' and datname = current_database()";
    eventually(|| async { client.query_one(backends, &[]).await.unwrap().get::<_, i64>(0) == 0 }).await;
    direct.command("COMMIT").unwrap();
    direct.end();
    assert!(direct.next().await.is_err());
}
