//! Accepts connections and serves them until told to stop, within limits on what a connection may cost before a request is
//! understood.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{body::Body, extract::ConnectInfo, http::header};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use rustix::net::sockopt;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt as _};

use crate::targets::Lenient;

/// Pause after a failure to accept, such as when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a connection may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections open at once; more wait to be accepted.
    pub connections: usize,
    /// Longest time for the head of a request to arrive. It counts from the end of the request before, so that it also
    /// closes connections kept open for later; `None` leaves both to the peer.
    pub head: Option<Duration>,
    /// Room for the head of a request, in bytes.
    pub head_bytes: usize,
    /// Header lines of a request; `None` is hyper's 100, which it has room for without asking for memory.
    pub headers: Option<usize>,
    /// Silence after which the system looks whether a peer is still there; `None` leaves that to whoever speaks next.
    pub keepalive: Option<Duration>,
    /// Longest time for open requests to finish once told to stop.
    pub drain: Duration,
}

impl Limits {
    /// For a program whose callers are its own: nobody is hurried, and what is open gets ten seconds to finish.
    pub const LENIENT: Self = Self {
        connections: 1024,
        head: None,
        head_bytes: 64 * 1024,
        headers: None,
        keepalive: None,
        drain: Duration::from_secs(10),
    };
}

/// An extension of an answer to HEAD: how long the answer to GET would be is not known. Each router that the answer passes on
/// its way out says of its empty body that it is 0 bytes long; that is taken back when it is sent.
#[derive(Debug, Clone, Copy)]
pub struct UnknownLength;

/// What answers: a router, or a service without the way through one.
pub trait Answering:
    Service<hyper::Request<Body>, Response = hyper::Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

impl<S> Answering for S where
    S: Service<hyper::Request<Body>, Response = hyper::Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

/// Serves HTTP/1.1, upgrades included, until `stop`; then closes the listener and lets requests in flight finish, within
/// `limits.drain`.
pub async fn serve(listener: TcpListener, service: impl Answering, stop: CancellationToken, limits: Limits) {
    serve_admitted(listener, service, stop, limits, |stream, _| Some(stream)).await;
}

/// As [`serve`], by what `admit` makes of each connection and its peer. With nothing, the connection is closed unheard.
pub async fn serve_admitted<S>(
    listener: TcpListener,
    service: impl Answering,
    stop: CancellationToken,
    limits: Limits,
    admit: impl Fn(TcpStream, SocketAddr) -> Option<S> + Sync,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    serve_accepted(Tcp { listener, keepalive: limits.keepalive, admit }, service, stop, limits).await;
}

/// As [`serve`], on a socket of this machine. Its peers have no address.
pub async fn serve_unix(listener: UnixListener, service: impl Answering, stop: CancellationToken, limits: Limits) {
    serve_accepted(listener, service, stop, limits).await;
}

/// Where connections come from.
trait Accept {
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// The next connection, and who made it; nothing if it is not wanted.
    fn accept(&self) -> impl Future<Output = io::Result<Option<(Self::Stream, Option<SocketAddr>)>>> + Send;
}

struct Tcp<A> {
    listener: TcpListener,
    keepalive: Option<Duration>,
    admit: A,
}

impl<S, A> Accept for Tcp<A>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    A: Fn(TcpStream, SocketAddr) -> Option<S> + Sync,
{
    type Stream = S;

    async fn accept(&self) -> io::Result<Option<(S, Option<SocketAddr>)>> {
        let (stream, peer) = self.listener.accept().await?;
        let _ = stream.set_nodelay(true);
        if let Some(silence) = self.keepalive {
            let _ = keep_alive(&stream, silence);
        }
        Ok((self.admit)(stream, peer).map(|stream| (stream, Some(peer))))
    }
}

impl Accept for UnixListener {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<Option<(UnixStream, Option<SocketAddr>)>> {
        UnixListener::accept(self).await.map(|(stream, _)| Some((stream, None)))
    }
}

async fn serve_accepted(listener: impl Accept, service: impl Answering, stop: CancellationToken, limits: Limits) {
    let connections = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let builder = builder(limits);
    loop {
        let accepted = async {
            // Fails only when the semaphore is closed, which nobody does.
            let place = Arc::clone(&connections).acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accepted => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(Some(accepted)) => accepted,
            Ok(None) => continue,
            Err(error) => {
                tracing::warn!(%error, "accepting a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let answering = service.clone();
        let answers = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
            let mut request = request.map(Body::new);
            if let Some(peer) = peer {
                request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer));
            }
            let answered = answering.clone().oneshot(request);
            async move {
                let mut response = answered.await?;
                if response.extensions().get::<UnknownLength>().is_some() {
                    response.headers_mut().remove(header::CONTENT_LENGTH);
                }
                Ok::<_, Infallible>(response)
            }
        });
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(Lenient::new(stream)), answers).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!(waited = ?limits.drain, "requests were cut off");
    }
}

fn builder(limits: Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    let mut http1 = builder.http1();
    http1.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(limits.head_bytes);
    if let Some(headers) = limits.headers {
        http1.max_headers(headers);
    }
    builder
}

fn keep_alive(stream: &TcpStream, silence: Duration) -> rustix::io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, silence)
}

#[cfg(test)]
mod tests {
    use axum::{
        Router,
        extract::Request,
        http::{HeaderValue, StatusCode, header},
        response::Response,
        routing::get,
    };
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
        sync::Notify,
    };

    use super::*;

    async fn serving(router: Router, limits: Limits) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        (address, stop.clone(), tokio::spawn(serve(listener, router, stop, limits)))
    }

    /// Changes the protocol and sends back what comes.
    async fn echo(mut request: Request) -> Response {
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let (mut read, mut write) = tokio::io::split(TokioIo::new(upgrade.await.unwrap()));
            tokio::io::copy(&mut read, &mut write).await.unwrap();
        });
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        response
    }

    #[tokio::test]
    async fn a_request_in_flight_finishes_after_the_stop_and_an_idle_connection_is_closed() {
        let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (begun, wait) = (Arc::clone(&entered), Arc::clone(&leave));
        let router = Router::new().route(
            "/",
            get(move || async move {
                begun.notify_one();
                wait.notified().await;
                "done"
            }),
        );
        let (address, stop, served) = serving(router, Limits::LENIENT).await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        let mut busy = TcpStream::connect(address).await.unwrap();
        busy.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        entered.notified().await;
        stop.cancel();
        assert_eq!(idle.read(&mut [0]).await.unwrap(), 0);
        leave.notify_one();
        let mut answer = String::new();
        busy.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
        served.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn the_wait_for_requests_ends() {
        let router = Router::new().route("/", get(std::future::pending::<()>));
        let (address, stop, served) = serving(router, Limits { drain: Duration::from_millis(50), ..Limits::LENIENT }).await;
        let mut busy = TcpStream::connect(address).await.unwrap();
        busy.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        stop.cancel();
        served.await.unwrap();
    }

    #[tokio::test]
    async fn a_head_that_does_not_arrive_is_not_waited_for() {
        let (address, _stop, _served) =
            serving(Router::new(), Limits { head: Some(Duration::from_millis(50)), ..Limits::LENIENT }).await;
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"GET / HTT").await.unwrap();
        let mut answer = Vec::new();
        slow.read_to_end(&mut answer).await.unwrap();
    }

    #[tokio::test]
    async fn a_head_that_is_too_large_or_has_too_many_lines_is_refused() {
        let limits = Limits { head_bytes: 16 * 1024, headers: Some(3), ..Limits::LENIENT };
        let (address, _stop, _served) = serving(Router::new(), limits).await;
        for (lines, length, status) in [(1, 10, "404"), (4, 10, "431"), (1, 20_000, "431")] {
            let mut socket = TcpStream::connect(address).await.unwrap();
            let headers = format!("x: {}\r\n", "a".repeat(length)).repeat(lines);
            let _ = socket.write_all(format!("GET / HTTP/1.1\r\nhost: x\r\n{headers}\r\n").as_bytes()).await;
            let mut head = [0; 12];
            socket.read_exact(&mut head).await.unwrap();
            assert_eq!(String::from_utf8_lossy(&head), format!("HTTP/1.1 {status}"), "{lines} {length}");
        }
    }

    #[tokio::test]
    async fn who_is_not_admitted_is_not_heard_and_takes_no_place() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let limits = Limits { connections: 1, ..Limits::LENIENT };
        let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let admit = move |stream, _| (asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 1).then_some(stream);
        tokio::spawn(serve_admitted(listener, Router::new(), stop, limits, admit));
        for is_answered in [false, false, true] {
            let mut socket = TcpStream::connect(address).await.unwrap();
            let _ = socket.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
            let mut answer = Vec::new();
            let _ = socket.read_to_end(&mut answer).await;
            assert_eq!(!answer.is_empty(), is_answered);
        }
    }

    #[tokio::test]
    async fn an_unknown_length_stays_unknown_through_routers() {
        let unknown = || async { (axum::Extension(UnknownLength), ()) };
        let inner = Router::new().route("/unknown", get(unknown)).route("/empty", get(|| async {}));
        let (address, _stop, _served) = serving(Router::new().fallback_service(inner), Limits::LENIENT).await;
        for (path, is_told) in [("unknown", false), ("empty", true)] {
            let mut socket = TcpStream::connect(address).await.unwrap();
            socket.write_all(format!("HEAD /{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
            let mut answer = String::new();
            socket.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            assert_eq!(answer.contains("content-length: 0"), is_told, "{answer}");
        }
    }

    #[tokio::test]
    async fn a_target_may_have_characters_that_should_be_escaped() {
        let router = Router::new().fallback(async |uri: axum::http::Uri| uri.to_string());
        let (address, _stop, _served) = serving(router, Limits::LENIENT).await;
        let mut socket = TcpStream::connect(address).await.unwrap();
        let requests =
            "GET /a?b->>c=eq.\"d\" HTTP/1.1\r\nhost: x\r\n\r\nGET /?e=<f HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        socket.write_all(requests.as_bytes()).await.unwrap();
        let mut answers = String::new();
        socket.read_to_string(&mut answers).await.unwrap();
        assert!(answers.contains("/a?b-%3E%3Ec=eq.%22d%22") && answers.ends_with("/?e=%3Cf"), "{answers}");
    }

    #[tokio::test]
    async fn a_socket_of_this_machine_is_served_too() {
        let folder = std::env::temp_dir().join(format!("daemon-{}", std::process::id()));
        let _ = std::fs::remove_file(&folder);
        let listener = UnixListener::bind(&folder).unwrap();
        let stop = CancellationToken::new();
        let served = tokio::spawn(serve_unix(listener, Router::new(), stop.clone(), Limits::LENIENT));
        let mut socket = UnixStream::connect(&folder).await.unwrap();
        socket.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
        stop.cancel();
        served.await.unwrap();
        std::fs::remove_file(&folder).unwrap();
    }

    #[tokio::test]
    async fn protocols_can_be_changed() {
        let (address, _stop, _served) = serving(Router::new().fallback(echo), Limits::LENIENT).await;
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n").await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"));
        socket.write_all(b"hello").await.unwrap();
        let mut frame = [0; 5];
        socket.read_exact(&mut frame).await.unwrap();
        assert_eq!(&frame, b"hello");
    }
}
