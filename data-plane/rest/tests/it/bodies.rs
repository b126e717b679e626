//! Bodies of requests: what they cost, and which are not let in.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use serde_json::json;
use test_postgres::TestCluster;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    program::{bearer, tutorial, variables},
    support::{
        program::{Program, Variables},
        service_role,
    },
};

/// What is answered to the head of a request whose client waits before it sends the body.
async fn answers(port: u16, head: &str) -> String {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let head = format!("POST /todos HTTP/1.1\r\nHost: x\r\n{head}\r\nExpect: 100-continue\r\n\r\n");
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 1024];
    let length = connection.read(&mut answer).await.unwrap();
    answer.truncate(length);
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_refused_request_whose_client_waits_is_answered_without_its_body() {
    let (database, role) = tutorial().await;
    let p = variables(&database, &role).start().await;
    let [expired, good] =
        [json!({"role": format!("{role}_user"), "exp": 1}), json!({"role": format!("{role}_user")})].map(bearer);
    for (head, line) in [
        (format!("{expired}\r\nContent-Length: 1000"), "HTTP/1.1 401 "),
        (format!("{good}\r\nContent-Length: 60000000"), "HTTP/1.1 413 "),
        (format!("{good}\r\nContent-Length: 1000"), "HTTP/1.1 100 "),
    ] {
        let answer = answers(p.port(), &head).await;
        assert!(answer.starts_with(line), "{head}: {answer}");
    }
}

#[tokio::test]
async fn a_large_body_is_held_no_more_than_it_must() {
    let database = TestCluster::shared().await.database().await;
    let sql = "create function size(t text) returns int language sql stable as $$ select length(t) $$;
               grant execute on all functions in schema public to service_role";
    database.connect("postgres").await.batch_execute(sql).await.unwrap();
    // Past the client, which holds it twice more.
    let (password, port, name) = (database.password(), database.port(), database.name());
    let uri = format!("postgres://authenticator:{password}@127.0.0.1:{port}/{name}?sslmode=disable");
    let given = Variables::for_database(&database, "authenticator", database.port()).with("PGRST_DB_URI", &uri);
    let p = given.start().await;
    assert_eq!(p.body(&format!("GET /rpc/size?t=abc\n{}", service_role())).await, "200 3");
    let before = most_memory(&p);
    let text = "x".repeat(40_000_000);
    let request = format!("POST /rpc/size\n{}\nContent-Type: application/json\n\n{{\"t\":\"{text}\"}}", service_role());
    assert_eq!(p.body(&request).await, "200 40000000");
    // As it came, and as it is sent.
    let taken = most_memory(&p) - before;
    assert!(taken < 100_000, "{before} kB, and then {taken} kB more");
}

/// The most that the program ever had, in kilobytes.
fn most_memory(p: &Program) -> u64 {
    let status = std::fs::read_to_string(p.proc().join("status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
