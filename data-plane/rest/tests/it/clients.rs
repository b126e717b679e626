//! What Supabase's clients do, and what they and their documentation expect of the answers.

use axum::body::Body;
use http::Request;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    program::{bearer, tutorial, variables},
    support::{project, project_with},
};

#[tokio::test]
async fn a_large_body_of_a_refused_token_does_not_end_the_connection() {
    let (database, role) = tutorial().await;
    let p = variables(&database, &role).start().await;
    let expired = bearer(json!({"role": format!("{role}_user"), "exp": 1}));
    let body = " ".repeat(8 * 1024 * 1024);
    let mut connection = TcpStream::connect(("127.0.0.1", p.port())).await.unwrap();
    let head = format!("POST /todos HTTP/1.1\r\nHost: x\r\n{expired}\r\nContent-Length: {}\r\n\r\n", body.len());
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(body.as_bytes()).await.unwrap();
    connection.write_all(b"GET /todos?select=id&id=eq.1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answers = String::new();
    connection.read_to_string(&mut answers).await.unwrap();
    let (first, second) = answers.split_once("\"JWT expired\"}").unwrap();
    assert!(first.starts_with("HTTP/1.1 401 "), "{first}");
    assert!(second.starts_with("HTTP/1.1 200 ") && second.ends_with("[{\"id\":1}]"), "{second}");
}

#[tokio::test]
async fn bodies_are_taken_up_to_fifty_mebibytes() {
    let p = project("create table t (id int primary key, x text)").await;
    let posted = |length: usize| {
        let body = format!(r#"{{"id":1,"x":"{}"}}"#, "x".repeat(length));
        p.send_request(Request::post("/t?select=id").header("prefer", "return=representation").body(Body::from(body)).unwrap())
    };
    let taken = posted(11 * 1024 * 1024).await;
    assert_eq!((taken.status, taken.body.as_str()), (201, r#"[{"id":1}]"#));
    assert!(!taken.headers.contains_key("connection"));
    let refused = posted(50 * 1024 * 1024).await;
    assert_eq!(refused.status, 413, "{}", refused.body);
    assert_eq!(refused.headers["connection"], "close", "the rest of it is not read");
}

/// The plan that the documentation of `explain()` shows.
#[tokio::test]
async fn no_step_of_a_plan_is_for_the_body() {
    let p = project_with(
        "create table characters (id int8 primary key, name text)",
        &[("db_plan_enabled", "true"), ("db_max_rows", "1000")],
    )
    .await;
    let answer =
        p.body("GET /characters?select=*\nAccept: application/vnd.pgrst.plan+text; for=\"application/json\"; options=;").await;
    let steps: Vec<&str> = answer.trim_start_matches("200 ").lines().filter_map(|line| line.split("  (").next()).collect();
    assert_eq!(steps, ["Aggregate", "  ->  Limit", "        ->  Seq Scan on characters"]);
}

#[tokio::test]
async fn values_with_what_text_cannot_hold_are_refused_as_postgresql_does() {
    let p = project("create table t (id int primary key, x text)").await;
    insta::assert_snapshot!(p.body("GET /t?x=eq.a%00b").await, @r#"400 {"code":"22021","details":null,"hint":null,"message":"invalid byte sequence for encoding \"UTF8\": 0x00"}"#);
}

#[tokio::test]
async fn aggregates_in_spreads_of_many_rows_are_refused() {
    let p = project_with(
        "create table parents (id int primary key); create table children (id int primary key, parent int references parents, v int)",
        &[("db_aggregates_enabled", "true")],
    )
    .await;
    insta::assert_snapshot!(p.body("GET /parents?select=id,...children(total:v.sum())").await, @r#"400 {"code":"PGRST127","details":"Aggregates are not implemented for one-to-many or many-to-many spreads.","hint":null,"message":"Feature not implemented"}"#);
}

/// The clients read the count after the slash, whatever the function returns.
#[tokio::test]
async fn a_call_that_delivers_one_value_has_a_count() {
    let p = project(
        "create function one() returns int language sql volatile as 'select 1';
         create function list() returns int[] language sql stable as 'select array[1,2]';
         create function pair() returns record language sql stable as 'select 1 as a, 2 as b';
         create function nothing() returns void language sql as '';
         create function several() returns setof int language sql stable as 'values (1), (2)';",
    )
    .await;
    for (function, exact, planned) in [
        ("one", "0-0/1", "0-0/*"),
        ("list", "0-0/1", "0-0/*"),
        ("pair", "0-0/1", "0-0/*"),
        ("nothing", "0-0/*", "0-0/*"),
        ("several", "0-1/2", "0-1/*"),
    ] {
        for (count, range) in [("exact", exact), ("estimated", exact), ("planned", planned)] {
            let answer = p.send(&format!("POST /rpc/{function}\nPrefer: count={count}\n\n{{}}")).await;
            assert_eq!(answer.status, if function == "nothing" { 204 } else { 200 }, "{function}: {}", answer.body);
            assert_eq!(answer.headers["content-range"], range, "{function} {count}");
        }
    }
}

#[tokio::test]
async fn what_is_not_text_is_no_json() {
    let p = project("create table t (id int primary key, x text)").await;
    for body in [&b"{\"id\":1,\"x\":\"\xe9\"}"[..], b"{\"id\":1,\"x\":\"\0\"}", b"", b"{"] {
        let answer = p.send_request(Request::post("/t").body(Body::from(body)).unwrap()).await;
        assert_eq!((answer.status, answer.json()["message"].as_str()), (400, Some("Empty or invalid json")), "{body:?}");
    }
}
