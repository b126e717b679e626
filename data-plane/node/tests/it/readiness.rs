//! What a supervisor sees: of a database that goes, hangs and comes back.

use test_postgres::{Link, TestCluster};
use tokio::net::TcpListener;

use crate::support::{Given, anon, send};

#[tokio::test]
async fn readiness_follows_the_database() {
    let database = TestCluster::shared().await.database().await;
    let mut link = Link::closed(&database);
    let node = Given::for_database(&database, link.port()).start().await;

    // It starts without a database, and says so.
    let (status, body) = send(node.admin, "GET /ready").await;
    assert_eq!(status, 503, "{body}");
    assert!(body.starts_with(r#"{"message":"The database can't be reached: "#), "{body}");
    assert_eq!(send(node.services, &format!("GET /rest/v1/\n{}", anon())).await.0, 503);
    let (code, message) = node.health().await;
    assert_eq!(code, 1);
    assert!(message.ends_with("/ready answers 503\n"), "{message}");

    link.open().await;
    assert_eq!(send(node.admin, "GET /ready").await, (200, r#"{"message":"ready"}"#.to_owned()));
    assert_eq!(send(node.services, &format!("GET /rest/v1/\n{}", anon())).await.0, 200);
    assert_eq!(node.health().await, (0, String::new()));

    link.close().await;
    assert_eq!(send(node.admin, "GET /ready").await.0, 503);
    assert_eq!(send(node.admin, "GET /live").await.0, 200);
    assert_eq!(send(node.admin, "GET /").await.0, 404);

    link.open().await;
    assert_eq!(send(node.admin, "GET /ready").await.0, 200);
}

#[tokio::test]
async fn a_database_that_hangs_is_not_ready() {
    let database = TestCluster::shared().await.database().await;
    // Takes connections and never answers.
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let node = Given::for_database(&database, hanging.local_addr().unwrap().port()).start().await;
    let expected = r#"{"message":"No answer within 2 s."}"#;
    assert_eq!(send(node.admin, "GET /ready").await, (503, expected.to_owned()));
    assert_eq!(node.health().await.0, 1);
}

#[tokio::test]
async fn requests_that_take_every_connection_do_not_make_it_unready() {
    let database = TestCluster::shared().await.database().await;
    let sql = "create function nap() returns int language sql as $$ select 1 from pg_sleep(60) $$";
    database.connect("postgres").await.batch_execute(sql).await.unwrap();
    let node = Given::for_database(&database, database.port()).with("NODE_MAX_CONNECTIONS", "1").start().await;
    let (services, request) = (node.services, format!("GET /rest/v1/rpc/nap\n{}", anon()));
    let slow = tokio::spawn(async move { send(services, &request).await });
    node.runs(&database, "nap").await;
    assert_eq!(send(node.admin, "GET /ready").await.0, 200);
    slow.abort();
}

#[tokio::test]
async fn nobody_there_is_not_healthy() {
    let database = TestCluster::shared().await.database().await;
    let node = Given::for_database(&database, database.port()).start().await;
    node.tell(rustix::process::Signal::KILL);
    let (admin, given) = (node.admin, Given::for_database(&database, database.port()));
    node.ended().await;
    let (code, message) = given.with("NODE_ADMIN_LISTEN", &admin.to_string()).health().await;
    assert_eq!(code, 1);
    assert!(message.contains(" does not answer: "), "{message}");
}
