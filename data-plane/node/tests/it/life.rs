//! From the start to the end.

use std::time::Instant;

use rustix::process::Signal;
use serde_json::json;
use test_postgres::TestCluster;

use crate::support::{Given, anon, answer, bearer, send};

const SQL: &str = "
create table notes (id int primary key, body text);
insert into notes values (1, 'hello');
create function nap(seconds float8) returns int language sql as $$ select 1 from pg_sleep(seconds) $$;
";

#[tokio::test]
async fn serves_the_projects_services_until_it_is_told_to_stop() {
    let database = TestCluster::shared().await.database().await;
    database.connect("postgres").await.batch_execute(SQL).await.unwrap();
    let node = Given::for_database(&database, database.port()).start().await;
    let ask = async |request: &str| send(node.services, request).await;

    assert_eq!(ask(&format!("GET /rest/v1/notes?select=body\n{}", anon())).await, (200, r#"[{"body":"hello"}]"#.to_owned()));
    let head = answer(node.services, &format!("HEAD /rest/v1/notes\n{}", anon())).await;
    assert!(head.starts_with("HTTP/1.1 200") && !head.contains("content-length"), "what GET answers is not empty: {head}");
    let service_role = bearer(&json!({ "role": "service_role" }));
    let insert = format!("POST /rest/v1/notes\n{service_role}\nContent-Type: application/json\n\n{{\"id\":2}}");
    assert_eq!(ask(&insert).await, (201, String::new()));
    assert_eq!(ask("GET /storage/v1/version").await.0, 501);
    assert_eq!(ask("GET /rest/v1/notes\nAuthorization: Bearer a.b.c").await.0, 401);
    assert_eq!(ask("GET /live").await.0, 404, "the admin's paths are the admin's");

    let slow = tokio::spawn({
        let (services, request) = (node.services, format!("GET /rest/v1/rpc/nap?seconds=1\n{service_role}"));
        async move { send(services, &request).await }
    });
    node.runs(&database, "nap").await;
    node.tell(Signal::TERM);
    assert_eq!(slow.await.unwrap(), (200, "1".to_owned()), "what was in flight is answered");
    let (code, log) = node.ended().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains(database.password()), "{log}");
}

#[tokio::test]
async fn an_interrupt_ends_it_too_and_what_takes_too_long_is_cut_off() {
    let database = TestCluster::shared().await.database().await;
    database.connect("postgres").await.batch_execute(SQL).await.unwrap();
    let node = Given::for_database(&database, database.port()).start().await;
    let request = format!("GET /rest/v1/rpc/nap?seconds=60\n{}", bearer(&json!({ "role": "service_role" })));
    let services = node.services;
    let slow = tokio::spawn(async move { send(services, &request).await });
    node.runs(&database, "nap").await;
    let told = Instant::now();
    node.tell(Signal::INT);
    let (code, log) = node.ended().await;
    assert_eq!(code, Some(0), "{log}");
    assert!((4..7).contains(&told.elapsed().as_secs()), "{:?}", told.elapsed());
    slow.abort();
}

#[tokio::test]
async fn says_what_is_missing() {
    let database = TestCluster::shared().await.database().await;
    let given = || Given::for_database(&database, database.port());

    let without = given();
    std::fs::remove_file(without.secret("jwt_secret")).unwrap();
    let (code, message) = without.ends().await;
    assert_eq!(code, 1);
    assert!(message.starts_with("node: the secret /") && message.contains("/jwt_secret can't be read; mount it"), "{message}");

    let (code, message) = given().with("NODE_DATABASE_HOST", "").ends().await;
    assert_eq!(
        (code, message.as_str()),
        (1, "node: NODE_DATABASE_HOST is not set; set it to the host name of the project's database\n")
    );

    let (code, message) = given().with("NODE_LOG", "rest=loud").ends().await;
    assert_eq!(code, 1);
    assert!(message.starts_with(r#"node: the log filter "rest=loud" is not understood"#), "{message}");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (code, message) = given().with("NODE_LISTEN", &taken.local_addr().unwrap().to_string()).ends().await;
    assert_eq!(code, 1);
    assert!(message.contains("choose another one by NODE_LISTEN"), "{message}");
}
