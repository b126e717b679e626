//! How this server serves its connections: what each may cost, whose are closed at once, and that refusals are explained.

use std::time::Duration;

use axum::Router;
use daemon::Limits;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{networks::Networks, rejection::Explained};

/// Anybody may connect, and while a web socket is quiet nobody but the system looks whether its client is still there.
const LIMITS: Limits = Limits {
    connections: 4096,
    head: Some(Duration::from_secs(15)),
    keepalive: Some(Duration::from_secs(60)),
    ..Limits::LENIENT
};

/// Serves until told to stop, then lets open connections finish for `drain`. Nobody from `refused` is listened to.
pub(crate) async fn serve(listener: TcpListener, router: Router, refused: Networks, stop: CancellationToken, drain: Duration) {
    let limits = Limits { drain, ..LIMITS };
    daemon::serve_admitted(listener, router, stop, limits, |stream, peer| {
        if refused.contain(peer.ip()) {
            tracing::debug!(%peer, "a connection from a refused network");
            return None;
        }
        Some(Explained::new(stream))
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{
        body::Body,
        extract::Request,
        http::{HeaderValue, StatusCode, header},
        response::Response,
    };
    use control_plane_api::ProjectRef;
    use gateway::{Address, Gateway, RouteTable, Upstream};
    use hyper_util::rt::TokioIo;
    use project_context::ApiKeys;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
    };

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
        let limits = gateway::Limits { concurrency: 1, ..gateway::Limits::default() };
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
