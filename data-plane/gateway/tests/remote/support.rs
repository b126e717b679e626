//! A proxy before a service whose every byte the test decides, and the client's end of a connection to it.

use std::{net::SocketAddr, time::Duration};

use axum::{Extension, Router};
use gateway::{
    ClientFacts, Scheme,
    remote::{self, Target},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// Longest wait for anything that a test expects.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct End(pub(crate) BufReader<TcpStream>);

impl End {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self(BufReader::new(TcpStream::connect(address).await.unwrap()))
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// A request's or an answer's head, in lower case.
    pub(crate) async fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = tokio::time::timeout(PATIENCE, self.0.read_line(&mut head)).await.expect("no head").unwrap();
            assert_ne!(read, 0, "the connection ended in a head: {head:?}");
        }
        head.to_ascii_lowercase()
    }

    pub(crate) async fn expect(&mut self, bytes: &str) {
        let mut read = vec![0; bytes.len()];
        let reading = tokio::time::timeout(PATIENCE, self.0.read_exact(&mut read)).await;
        reading.unwrap_or_else(|_| panic!("{bytes:?} did not come")).unwrap();
        assert_eq!(String::from_utf8(read).unwrap(), bytes);
    }

    /// Everything up to the connection's end, however it ends.
    pub(crate) async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut rest)).await.expect("the connection does not end");
        String::from_utf8(rest).unwrap()
    }
}

/// A service that the test plays.
#[derive(Debug)]
pub(crate) struct Service(TcpListener);

impl Service {
    pub(crate) async fn listen() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// The proxy's next connection.
    pub(crate) async fn accept(&self) -> End {
        let (stream, _) = tokio::time::timeout(PATIENCE, self.0.accept()).await.expect("no connection").unwrap();
        End(BufReader::new(stream))
    }

    /// A proxy before this service, for all paths below `/s`; answers its address.
    pub(crate) async fn proxied(&self) -> SocketAddr {
        proxy(vec![Target { prefix: "/s".to_owned(), instead: Some(String::new()), address: self.address() }]).await
    }

    /// A connection through a proxy that has sent this, and the service's end of it with the head that came.
    pub(crate) async fn asked(&self, request: &str) -> (End, End, String) {
        let mut client = End::connect(self.proxied().await).await;
        client.send(request).await;
        let mut service = self.accept().await;
        let head = service.head().await;
        (client, service, head)
    }
}

/// Serves a proxy for these targets, with facts as a server settles them.
pub(crate) async fn proxy(targets: Vec<Target>) -> SocketAddr {
    let host = "a.example".to_owned();
    let facts = ClientFacts { address: [192, 0, 2, 1].into(), scheme: Scheme::Https, scheme_is_told: true, host };
    let router: Router = remote::router(targets).layer(Extension(facts));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// A GET of `/s/x`.
pub(crate) const GET: &str = "GET /s/x HTTP/1.1\r\nhost: a.example\r\n\r\n";
