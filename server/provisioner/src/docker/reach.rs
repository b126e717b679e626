//! How the server reaches what runs in a container, and whether it answers.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use bollard::models::ContainerInspectResponse;
use bytes::BytesMut;
use control_plane::RemoteServices;
use postgres_protocol::message::frontend;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Longest time for one question.
const PATIENCE: Duration = Duration::from_secs(2);

/// By which address containers are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Their own where the engine is on this machine, else a published port.
    Auto,
    /// Their own.
    Address,
    /// A port published on the engine's machine.
    Port,
}

/// Where a port of a running container is reached. Nothing while it has no address.
pub(super) fn address_of(
    container: &ContainerInspectResponse,
    network: &str,
    port: u16,
    published_on: Option<IpAddr>,
) -> Option<SocketAddr> {
    let settings = container.network_settings.as_ref()?;
    match published_on {
        None => {
            let address = settings.networks.as_ref()?.get(network)?.ip_address.as_ref()?;
            Some(SocketAddr::new(address.to_string().parse().ok()?, port))
        }
        Some(host) => {
            let bindings = settings.ports.as_ref()?.get(&format!("{port}/tcp"))?.as_ref()?;
            let port = bindings.iter().find_map(|binding| binding.host_port.as_ref()?.parse().ok())?;
            Some(SocketAddr::new(host, port))
        }
    }
}

/// Whether a PostgreSQL server there takes connections: it asks for a password. One that is starting refuses.
pub(super) async fn accepts_sql(address: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        let mut message = BytesMut::new();
        frontend::startup_message([("user", "supabase_admin"), ("database", "postgres")], &mut message).ok()?;
        stream.write_all(&message).await.ok()?;
        stream.read_u8().await.ok()
    };
    matches!(tokio::time::timeout(PATIENCE, ask).await, Ok(Some(b'R')))
}

/// Whether anything there takes connections.
pub(super) async fn accepts(address: SocketAddr) -> bool {
    matches!(tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await, Ok(Ok(_)))
}

/// Whether a GET of this path is answered by 200.
pub(super) async fn answers_ok(address: SocketAddr, path: &str) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes()).await.ok()?;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await.ok()?;
        Some(head.starts_with(b"HTTP/1.") && head.ends_with(b" 200"))
    };
    matches!(tokio::time::timeout(PATIENCE, ask).await, Ok(Some(true)))
}

/// Whether a project's services answer: they say that they are ready, and everything that routes lead to is there.
pub async fn answers(services: &RemoteServices) -> bool {
    if let Some((address, path)) = &services.ready
        && !answers_ok(*address, path).await
    {
        return false;
    }
    for target in &services.targets {
        if !accepts(target.address).await {
            return false;
        }
    }
    true
}
