//! Streams through each proxy and through our own to a service that the test plays: uploads, web sockets and cancellation.
//! The server has no service yet that would take these; the gateway's router for services elsewhere stands in for it.

use std::{net::SocketAddr, time::Duration};

use gateway::remote::{self, Target};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
};

use crate::support::{
    connection::Connection,
    proxy::{DOMAIN, Kind, free_ports},
};

const PATIENCE: Duration = Duration::from_secs(30);
/// More than any proxy keeps.
const LARGE: usize = 60 * 1024 * 1024;

/// A client's connection through the proxy and ours, and the service's end of it, once a request's head has come through.
struct Joined {
    client: Connection,
    service: Connection,
    head: String,
    _proxy: crate::support::proxy::Proxy,
}

impl Joined {
    async fn new(kind: Kind, request: &str) -> Self {
        let service = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target { prefix: "/".to_owned(), instead: None, address: service.local_addr().unwrap() };
        let ours = stand_in(target).await;
        let proxy = kind.start(ours, free_ports()).await;
        let mut client = proxy.way(DOMAIN).connect().await.unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
        client.flush().await.unwrap();
        let (service, _) = tokio::time::timeout(PATIENCE, service.accept()).await.expect("no request came through").unwrap();
        let mut service: Connection = BufReader::new(Box::new(service));
        let head = head(&mut service).await;
        Self { client, service, head, _proxy: proxy }
    }
}

/// The gateway's router for a service elsewhere. It lets Caddy have any certificate, and has no hosts for Traefik.
async fn stand_in(target: Target) -> SocketAddr {
    let router = axum::Router::new()
        .route("/ask", axum::routing::get(|| async {}))
        .route("/traefik/config", axum::routing::get(|| async { http::StatusCode::NOT_FOUND }))
        .fallback_service(remote::router(vec![target]));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn head(connection: &mut Connection) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let read = tokio::time::timeout(PATIENCE, connection.read_line(&mut head)).await.expect("no head").unwrap();
        assert_ne!(read, 0, "the connection ended in a head: {head:?}");
    }
    head.to_ascii_lowercase()
}

async fn send(connection: &mut Connection, text: &str) {
    connection.write_all(text.as_bytes()).await.unwrap();
    connection.flush().await.unwrap();
}

async fn expect(connection: &mut Connection, text: &str) {
    let mut read = vec![0; text.len()];
    let reading = tokio::time::timeout(PATIENCE, connection.read_exact(&mut read)).await;
    reading.unwrap_or_else(|_| panic!("{text:?} did not come")).unwrap();
    assert_eq!(String::from_utf8(read).unwrap(), text);
}

#[tokio::test]
async fn a_web_socket_passes_both_ways() {
    for kind in Kind::installed() {
        let request = format!(
            "GET /realtime/v1/websocket HTTP/1.1\r\nhost: {DOMAIN}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        let mut joined = Joined::new(kind, &request).await;
        assert!(joined.head.contains("upgrade: websocket\r\n") && joined.head.contains("sec-websocket-key"), "{}", joined.head);
        let answer = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
            sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        send(&mut joined.service, answer).await;
        let head = head(&mut joined.client).await;
        assert!(head.starts_with("http/1.1 101") && head.contains("upgrade: websocket"), "{kind:?}: {head}");
        for frame in ["\u{1}\u{5}hello", "anything at all"] {
            send(&mut joined.client, frame).await;
            expect(&mut joined.service, frame).await;
            send(&mut joined.service, frame).await;
            expect(&mut joined.client, frame).await;
        }
        drop(joined.client);
        let mut rest = Vec::new();
        tokio::time::timeout(PATIENCE, joined.service.read_to_end(&mut rest)).await.expect("the end is not passed on").unwrap();
    }
}

#[tokio::test]
async fn an_upload_is_neither_kept_back_nor_limited() {
    for kind in Kind::installed() {
        let request = format!("PUT /storage/v1/object/x HTTP/1.1\r\nhost: {DOMAIN}\r\ncontent-length: {LARGE}\r\n\r\nfirst");
        let mut joined = Joined::new(kind, &request).await;
        // It comes through while the rest has not even been sent.
        expect(&mut joined.service, "first").await;
        let Joined { mut client, mut service, _proxy, .. } = joined;
        let sending = tokio::spawn(async move {
            client.write_all(&vec![b'x'; LARGE - "first".len()]).await.unwrap();
            client.flush().await.unwrap();
            client
        });
        let mut rest = vec![0; LARGE - "first".len()];
        tokio::time::timeout(PATIENCE, service.read_exact(&mut rest)).await.expect("the upload does not end").unwrap();
        send(&mut service, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        let mut client = sending.await.unwrap();
        assert!(head(&mut client).await.starts_with("http/1.1 200"), "{kind:?}");
        expect(&mut client, "ok").await;
    }
}

#[tokio::test]
async fn an_answer_comes_piece_by_piece_and_ends_with_its_client() {
    for kind in Kind::installed() {
        let mut joined = Joined::new(kind, &format!("GET /functions/v1/x HTTP/1.1\r\nhost: {DOMAIN}\r\n\r\n")).await;
        // Not an event stream, which proxies know: any answer without a length.
        send(&mut joined.service, "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n").await;
        send(&mut joined.service, "3\r\none\r\n").await;
        head(&mut joined.client).await;
        expect(&mut joined.client, "3\r\none\r\n").await;
        send(&mut joined.service, "3\r\ntwo\r\n").await;
        expect(&mut joined.client, "3\r\ntwo\r\n").await;
        drop(joined.client);
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, joined.service.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{kind:?} keeps a request whose client is gone");
    }
}
