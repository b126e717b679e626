//! Accepts connections and serves them, within limits on what a connection may cost before a request is understood.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use rustix::net::sockopt;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::{networks::Networks, rejection::Explained};

/// Connections open at once.
const MAX_CONNECTIONS: usize = 4096;
/// Longest time for the head of a request to arrive.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// Room for the head of a request, in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Header lines of a request.
const MAX_HEADERS: usize = 100;
/// Pause after a failure to accept, such as when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Silence after which the system looks whether a client is still there: nobody else does while a web socket is quiet.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Serves until told to stop, then lets open connections finish for `drain`. Nobody from `refused` is listened to.
pub(crate) async fn serve(listener: TcpListener, router: Router, refused: Networks, stop: CancellationToken, drain: Duration) {
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS);
    loop {
        let place = tokio::select! {
            () = stop.cancelled() => break,
            place = Arc::clone(&connections).acquire_owned() => place,
        };
        let Ok(place) = place else { break };
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        if refused.contain(peer.ip()) {
            tracing::debug!(%peer, "a connection from a refused network");
            continue;
        }
        let _ = stream.set_nodelay(true);
        let _ = keep_alive(&stream);
        let router = router.clone();
        let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer));
            router.clone().oneshot(request)
        });
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(Explained::new(stream)), service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
            drop(place);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(drain, graceful.shutdown()).await;
}

fn keep_alive(stream: &TcpStream) -> rustix::io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE)
}

#[cfg(test)]
mod tests {
    use axum::{
        extract::Request,
        http::{HeaderValue, StatusCode, header},
        response::Response,
    };
    use control_plane_api::ProjectRef;
    use gateway::{Address, Gateway, Limits, RouteTable, Upstream};
    use project_context::ApiKeys;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

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
    async fn a_web_socket_passes_to_a_projects_service() {
        let project_ref = ProjectRef::from_letters([0; 20]);
        let limits = Limits { concurrency: 1, ..Limits::default() };
        let keys = ApiKeys::new("a.non.jwt".into(), "ser.vice.jwt".into(), vec![], vec![]);
        let table = Arc::new(RouteTable::default());
        table.publish(project_ref.clone(), Upstream::new(keys, Router::new().fallback(echo), &limits));
        let gateway = Arc::new(Gateway::new(table, limits, |_| false));
        let router = Router::new().fallback(move |request: Request| {
            let (gateway, address) = (Arc::clone(&gateway), Address::Host(project_ref.clone()));
            async move { gateway.handle(address, request).await }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, router, Networks::default(), stop.clone(), Duration::from_secs(1)));

        // Two at once: one that is open takes no place from requests.
        let mut sockets = Vec::new();
        for _ in 0..2 {
            let mut socket = TcpStream::connect(address).await.unwrap();
            let request = "GET /realtime/v1/websocket?apikey=a.non.jwt HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";
            socket.write_all(request.as_bytes()).await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(socket.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            assert!(head.starts_with("HTTP/1.1 101") && head.contains("upgrade: websocket"), "{head}");
            sockets.push(socket);
        }
        for socket in &mut sockets {
            socket.write_all(b"\x81\x05hello").await.unwrap();
            let mut frame = [0; 7];
            socket.read_exact(&mut frame).await.unwrap();
            assert_eq!(&frame, b"\x81\x05hello");
        }
        drop(sockets);
        stop.cancel();
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn a_refused_network_is_not_listened_to() {
        for (refused, is_answered) in [("127.0.0.0/8", false), ("::ffff:127.0.0.0/104", false), ("10.0.0.0/8", true)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let stop = CancellationToken::new();
            let refused = Networks::from(vec![refused.parse().unwrap()]);
            let serving = tokio::spawn(serve(listener, Router::new(), refused, stop.clone(), Duration::from_secs(1)));
            let mut socket = TcpStream::connect(address).await.unwrap();
            let _ = socket.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
            let mut answer = Vec::new();
            let _ = socket.read_to_end(&mut answer).await;
            assert_eq!(!answer.is_empty(), is_answered);
            stop.cancel();
            serving.await.unwrap();
        }
    }
}
