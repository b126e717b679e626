//! What the other side is told.

use gateway::remote::Target;

use crate::support::{End, GET, Service, proxy};

#[tokio::test]
async fn a_request_and_its_answer_pass_without_what_belongs_to_one_connection() {
    let service = Service::listen().await;
    let request = "POST /s/x/%2F?a=b&c HTTP/1.1\r\nHost: a.example\r\nConnection: keep-alive, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\n\
        TE: trailers\r\nProxy-Connection: close\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Host: evil.example\r\n\
        Forwarded: for=6.6.6.6\r\nContent-Length: 2\r\nAccept: text/x\r\n\r\nhi";
    let (mut client, mut upstream, head) = service.asked(request).await;
    upstream.expect("hi").await;
    let mut lines: Vec<_> = head.trim_end().lines().collect();
    lines[1..].sort_unstable();
    let expected = [
        "post /x/%2f?a=b&c http/1.1",
        "accept: text/x",
        "content-length: 2",
        "host: a.example",
        "x-forwarded-for: 192.0.2.1",
        "x-forwarded-host: a.example",
        "x-forwarded-port: 443",
        "x-forwarded-prefix: /s",
        "x-forwarded-proto: https",
    ];
    assert_eq!(lines, expected);

    let answer = "HTTP/1.1 201 Created\r\nconnection: close, x-theirs\r\nx-theirs: 1\r\nkeep-alive: timeout=5\r\nset-cookie: a=1\r\n\
        set-cookie: b=2\r\ncontent-length: 2\r\n\r\nho";
    upstream.send(answer).await;
    let head = client.head().await;
    client.expect("ho").await;
    assert!(head.starts_with("http/1.1 201 created\r\n"), "{head}");
    assert!(head.contains("set-cookie: a=1\r\nset-cookie: b=2\r\n") && head.contains("content-length: 2\r\n"), "{head}");
    for foreign in ["x-theirs", "keep-alive", "connection"] {
        assert!(!head.contains(foreign), "{head}");
    }
    // The client's own connection is still good: what the service said of its own is none of the client's business.
    client.send(GET).await;
    service.accept().await.head().await;
}

#[tokio::test]
async fn connections_are_used_again() {
    let service = Service::listen().await;
    let (mut client, mut upstream, _) = service.asked(GET).await;
    for _ in 0..3 {
        upstream.send("HTTP/1.1 204 No Content\r\n\r\n").await;
        assert!(client.head().await.starts_with("http/1.1 204"));
        client.send(GET).await;
        upstream.head().await;
    }
}

#[tokio::test]
async fn an_answer_to_head_and_one_of_http_1_0_keep_their_meaning() {
    let service = Service::listen().await;
    let (mut client, mut upstream, head) = service.asked("HEAD /s HTTP/1.1\r\nhost: a.example\r\n\r\n").await;
    assert!(head.starts_with("head / http/1.1\r\n") && head.contains("x-forwarded-prefix: /s\r\n"), "{head}");
    upstream.send("HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n").await;
    assert!(client.head().await.contains("content-length: 7\r\n"));
    client.send(GET).await;
    upstream.head().await;
    upstream.send("HTTP/1.0 200 OK\r\n\r\nuntil the end").await;
    drop(upstream);
    let head = client.head().await;
    assert!(head.starts_with("http/1.1 200") && head.contains("transfer-encoding: chunked"), "{head}");
    client.expect("D\r\nuntil the end\r\n0\r\n\r\n").await;
}

#[tokio::test]
async fn targets_are_told_apart_by_path() {
    let (whole, stripped) = (Service::listen().await, Service::listen().await);
    let target = |prefix: &str, strip_prefix: bool, service: &Service| Target {
        prefix: prefix.to_owned(),
        instead: strip_prefix.then(String::new),
        address: service.address(),
    };
    let address = proxy(vec![target("/a", false, &whole), target("/a/b", true, &stripped)]).await;
    for (path, service, seen) in [("/a/x", &whole, "/a/x"), ("/a/b/x", &stripped, "/x"), ("/a/bx?/a/b/", &whole, "/a/bx?/a/b/")] {
        let mut client = End::connect(address).await;
        client.send(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
        let head = service.accept().await.head().await;
        assert!(head.starts_with(&format!("get {seen} http/1.1\r\n")), "{path}: {head}");
        assert_eq!(head.contains("x-forwarded-prefix: /a/b\r\n"), seen == "/x", "{head}");
    }
    for (path, status, message) in [("/", "404", "no service"), ("/ab", "404", "no service"), ("/a/%2e%2e/b", "400", "..")] {
        let mut client = End::connect(address).await;
        client.send(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await;
        let head = client.head().await;
        assert!(head.starts_with(&format!("http/1.1 {status}")) && head.contains("application/json"), "{path}: {head}");
        assert!(client.rest().await.contains(message), "{path}");
    }
}
