//! Bodies and web sockets on their way through: nothing is kept back, and nothing piles up.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{End, GET, Service};

/// Size of an upload that nobody would want in memory.
const LARGE: usize = 100 * 1024 * 1024;

#[tokio::test]
async fn an_answer_arrives_piece_by_piece() {
    let service = Service::listen().await;
    let (mut client, mut upstream, _) = service.asked(GET).await;
    upstream.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n").await;
    assert!(client.head().await.contains("text/event-stream"), "the head comes before any piece");
    for piece in ["one", "two", "three"] {
        // The next is not sent before this one has arrived.
        upstream.send(format!("{:x}\r\n{piece}\r\n", piece.len())).await;
        client.expect(&format!("{:X}\r\n{piece}\r\n", piece.len())).await;
    }
    upstream.send("0\r\n\r\n").await;
    client.expect("0\r\n\r\n").await;
}

#[tokio::test]
async fn a_request_arrives_piece_by_piece_and_may_be_answered_before_its_end() {
    let service = Service::listen().await;
    let request = "POST /s/x HTTP/1.1\r\nhost: a.example\r\ntransfer-encoding: chunked\r\n\r\n";
    let (mut client, mut upstream, head) = service.asked(request).await;
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    for piece in ["one", "three"] {
        client.send(format!("{:x}\r\n{piece}\r\n", piece.len())).await;
        upstream.expect(&format!("{:X}\r\n{piece}\r\n", piece.len())).await;
    }
    upstream.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nyes\r\n").await;
    client.head().await;
    client.expect("3\r\nyes\r\n").await;
    // Both ways at once.
    client.send("4\r\nfour\r\n0\r\n\r\n").await;
    upstream.expect("4\r\nfour\r\n0\r\n\r\n").await;
    upstream.send("0\r\n\r\n").await;
    client.expect("0\r\n\r\n").await;
}

#[tokio::test]
async fn a_large_upload_waits_for_its_reader_and_takes_no_memory() {
    let service = Service::listen().await;
    let request = format!("PUT /s/x HTTP/1.1\r\nhost: a.example\r\ncontent-length: {LARGE}\r\n\r\n");
    let (client, mut upstream, head) = service.asked(&request).await;
    assert!(head.contains(&format!("content-length: {LARGE}")), "{head}");
    let before = peak_memory();
    let (mut answers, mut uploads) = client.0.into_inner().into_split();
    let sent = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let sending = {
        let sent = std::sync::Arc::clone(&sent);
        tokio::spawn(async move {
            let piece = vec![7; 64 * 1024];
            while sent.load(std::sync::atomic::Ordering::Relaxed) < LARGE {
                uploads.write_all(&piece).await.unwrap();
                sent.fetch_add(piece.len(), std::sync::atomic::Ordering::Relaxed);
            }
            uploads
        })
    };
    // Nobody reads: the client is soon stopped. What has left it is in the sockets' buffers.
    let stopped = async {
        let mut last = 0;
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let now = sent.load(std::sync::atomic::Ordering::Relaxed);
            if now == last {
                return now;
            }
            last = now;
        }
    };
    let stopped = stopped.await;
    assert!(stopped > 0 && stopped < LARGE / 4, "{stopped} bytes went to nobody");
    let mut received = 0;
    let mut piece = vec![0; 64 * 1024];
    while received < LARGE {
        let read = upstream.0.read(&mut piece).await.unwrap();
        assert!(read > 0 && piece[..read].iter().all(|byte| *byte == 7));
        received += read;
    }
    assert_eq!(received, LARGE);
    upstream.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let mut answer = [0; 12];
    answers.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    drop(sending.await.unwrap());
    let grown = peak_memory() - before;
    assert!(grown < 20 * 1024, "the process grew by {grown} kB");
}

/// The most that this process has ever had, in kB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A web socket that both sides have agreed to: the client's end and the service's.
async fn web_socket(service: &Service) -> (End, End) {
    let request = "GET /s/websocket?vsn=1 HTTP/1.1\r\nhost: a.example\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
        sec-websocket-key: x\r\nsec-websocket-version: 13\r\n\r\n";
    let (mut client, mut upstream, head) = service.asked(request).await;
    assert!(head.starts_with("get /websocket?vsn=1 ") && head.contains("sec-websocket-key: x\r\n"), "{head}");
    assert!(head.contains("connection: upgrade\r\n") && head.contains("upgrade: websocket\r\n"), "{head}");
    // The first frame comes together with the consent.
    let answer =
        "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: y\r\n\r\nfirst";
    upstream.send(answer).await;
    let head = client.head().await;
    assert!(head.starts_with("http/1.1 101") && head.contains("sec-websocket-accept: y\r\n"), "{head}");
    assert!(head.contains("connection: upgrade\r\n") && head.contains("upgrade: websocket\r\n"), "{head}");
    client.expect("first").await;
    (client, upstream)
}

#[tokio::test]
async fn a_web_socket_passes_both_ways_and_ends_from_either_side() {
    let service = Service::listen().await;
    for client_leaves in [true, false] {
        let (mut client, mut upstream) = web_socket(&service).await;
        for word in ["hello", "not a frame at all", "\u{1}"] {
            client.send(word).await;
            upstream.expect(word).await;
            upstream.send(word).await;
            client.expect(word).await;
        }
        let (leaves, stays) = if client_leaves { (client, &mut upstream) } else { (upstream, &mut client) };
        drop(leaves);
        assert_eq!(stays.rest().await, "");
    }
}

#[tokio::test]
async fn no_other_protocol_is_changed_to() {
    let service = Service::listen().await;
    let request = "GET /s/x HTTP/1.1\r\nhost: a.example\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: x\r\n\r\n";
    let (mut client, mut upstream, head) = service.asked(request).await;
    for foreign in ["upgrade", "connection", "http2-settings"] {
        assert!(!head.contains(foreign), "{head}");
    }
    upstream.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n").await;
    assert!(client.head().await.starts_with("http/1.1 502"));
}

#[tokio::test]
async fn a_web_socket_that_is_refused_is_an_answer() {
    let service = Service::listen().await;
    let request = "GET /s/x HTTP/1.1\r\nhost: a.example\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    let (mut client, mut upstream, _) = service.asked(request).await;
    upstream.send("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno").await;
    assert!(client.head().await.starts_with("http/1.1 403"));
    client.expect("no").await;
}
