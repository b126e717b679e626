use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{HttpClient, HttpError, Options, Request};
use crate::outgoing::address::{Lookup, ResolveError};
use crate::outgoing::testing::{Server, client, json};

fn strict() -> HttpClient {
    HttpClient::new(Options::default()).unwrap()
}

fn loopback() -> Options {
    Options { allowed_networks: vec!["127.0.0.1/32".parse().unwrap()], ..Options::default() }
}

/// Every look-up has the next of the answers, the last one for good.
fn lookup(answers: &'static [&'static str]) -> (Lookup, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let lookup: Lookup = Arc::new(move |_| {
        let at = counted.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        Box::pin(async move { Ok::<_, io::Error>(vec![answers[at].parse::<IpAddr>().unwrap()]) })
    });
    (lookup, count)
}

#[tokio::test]
async fn calls_and_reads() {
    let server = Server::start(|_| json("201 Created", "{\"a\":1}")).await;
    let request = Request::post_form(server.url("/x?y=1"), &[("a b", "c&d"), ("e", "ü")]).basic_auth("me", &"s:ecret".into());
    let answer = client().send(request).await.unwrap();
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json::<serde_json::Value>().unwrap(), serde_json::json!({"a": 1}));
    let received = &server.received()[0];
    assert_eq!((received.method.as_str(), received.path.as_str()), ("POST", "/x?y=1"));
    assert_eq!(received.body, "a+b=c%26d&e=%C3%BC");
    assert_eq!(received.header("authorization"), "Basic bWU6czplY3JldA==");
    assert!(received.header("user-agent").starts_with("supacloud-auth/"));
}

#[tokio::test]
async fn reaches_no_private_address() {
    let server = Server::start(|_| json("200 OK", "{}")).await;
    let (client, port) = (strict(), server.address.port());
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "169.254.169.254", "10.0.0.1"] {
        for scheme in ["http", "https"] {
            let error = client.send(Request::get(format!("{scheme}://{host}:{port}/"))).await.unwrap_err();
            let closed = matches!(error, HttpError::Plain(_) | HttpError::Address(ResolveError::Closed(_)));
            assert!(closed, "{scheme}://{host}: {error:?}");
            assert!(client.check(&format!("{scheme}://{host}:{port}/")).await.is_err());
        }
    }
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn speaks_http_to_listed_networks_alone() {
    let (lookup, _) = lookup(&["8.8.8.8"]);
    let client = HttpClient::with_lookup(loopback(), lookup).unwrap();
    assert!(matches!(client.send(Request::get("http://a.test/")).await, Err(HttpError::Plain(host)) if host == "a.test"));
    assert!(matches!(client.check("http://8.8.8.8/").await, Err(HttpError::Plain(_))));
    assert!(client.check("https://a.test/").await.is_ok());
    assert!(client.check("http://127.0.0.1:1/").await.is_ok());
}

#[tokio::test]
async fn a_name_that_turns_private_after_its_check_leads_nowhere() {
    let server = Server::start(|_| json("200 OK", "{}")).await;
    let url = format!("https://rebinding.test:{}/", server.address.port());
    let (lookup, count) = lookup(&["8.8.8.8", "127.0.0.1"]);
    let client = HttpClient::with_lookup(Options::default(), lookup).unwrap();
    client.check(&url).await.unwrap();
    let error = client.send(Request::get(&url)).await.unwrap_err();
    assert!(matches!(error, HttpError::Address(ResolveError::Closed(_))), "{error:?}");
    assert_eq!(count.load(Ordering::SeqCst), 2);
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn connects_to_the_address_that_was_checked() {
    let server = Server::start(|_| json("200 OK", "{}")).await;
    let (lookup, count) = lookup(&["127.0.0.1", "10.0.0.1"]);
    let client = HttpClient::with_lookup(loopback(), lookup).unwrap();
    client.send(Request::get(format!("http://once.test:{}/", server.address.port()))).await.unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn follows_no_redirect() {
    let private = Server::start(|_| json("200 OK", "{\"secret\":true}")).await;
    let location = private.url("/");
    let server = Server::start(move |_| format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")).await;
    let answer = client().send(Request::get(server.url("/"))).await.unwrap();
    assert_eq!(answer.status, 302);
    assert!(private.received().is_empty());
}

#[tokio::test]
async fn bounds_the_size_of_answers() {
    let server = Server::start(|request| match request.path.as_str() {
        "/said" => "HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n".to_owned(),
        "/fits" => format!("HTTP/1.1 200 OK\r\n\r\n{}", "a".repeat(100)),
        _ => format!("HTTP/1.1 200 OK\r\n\r\n{}", "a".repeat(101)),
    })
    .await;
    let client = client();
    for path in ["/said", "/unsaid"] {
        let answer = client.send(Request::get(server.url(path)).answer_bytes(100)).await;
        assert!(matches!(answer, Err(HttpError::Size(100))), "{path}: {answer:?}");
    }
    assert_eq!(client.send(Request::get(server.url("/fits")).answer_bytes(100)).await.unwrap().body.len(), 100);
}

/// Sends its head and then a byte now and again for ever.
async fn dripping() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                while stream.write_all(b"a").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            });
        }
    });
    url
}

#[tokio::test]
async fn bounds_the_time_of_an_endless_answer() {
    let url = dripping().await;
    let time = Duration::from_millis(200);
    let answer = client().send(Request::get(url).time(time)).await;
    assert!(matches!(answer, Err(HttpError::Time(t)) if t == time), "{answer:?}");
}

#[tokio::test]
async fn waiting_for_a_turn_counts_as_time() {
    let url = dripping().await;
    let client = HttpClient::new(Options { concurrency: 1, ..loopback() }).unwrap();
    let server = Server::start(|_| json("200 OK", "{}")).await;
    let first = tokio::spawn({
        let client = client.clone();
        async move { client.send(Request::get(url).time(Duration::from_secs(30))).await }
    });
    while client.permits.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let second = client.send(Request::get(server.url("/")).time(Duration::from_millis(100))).await;
    assert!(matches!(second, Err(HttpError::Time(_))), "{second:?}");
    assert!(server.received().is_empty());
    let other = client.with_concurrency(1);
    other.send(Request::get(server.url("/"))).await.unwrap();
    first.abort();
}

#[tokio::test]
async fn refuses_what_is_no_url_to_call() {
    let client = strict();
    for url in ["", "a.test", "ftp://a.test/", "file:///etc/passwd", "https://user:pass@a.test/", "gopher://a.test", "https://"] {
        let answer = client.send(Request::get(url)).await;
        assert!(matches!(answer, Err(HttpError::Url(_))), "{url}: {answer:?}");
    }
}

#[test]
fn tells_no_secrets() {
    let request = Request::post_form("https://a.test/x?token=secret", &[("password", "secret")]).bearer(&"secret".into());
    assert!(!format!("{request:?}").contains("secret"));
}
