//! What Supabase's clients do, and what they and their documentation expect of the answers.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use axum::body::Body;
use http::Request;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    program::{bearer, tutorial, variables},
    support::project,
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
