//! Where the program listens: PostgREST's `server-host`.

use std::{io, net::Ipv4Addr, net::Ipv6Addr, net::SocketAddr, str::FromStr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, lookup_host};

use super::RunError;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// A host to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// `!4`: every address of IPv4.
    V4Only,
    /// `*4`: every address, of IPv4 where it can't be both.
    AnyV4First,
    /// `!6`: every address of IPv6.
    V6Only,
    /// `*6` and `*`: every address.
    Any,
    /// A name or an address.
    Named(String),
}

impl FromStr for Host {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "!4" => Self::V4Only,
            "*4" => Self::AnyV4First,
            "!6" => Self::V6Only,
            "*6" | "*" => Self::Any,
            name => Self::Named(name.trim_start_matches('[').trim_end_matches(']').to_owned()),
        })
    }
}

impl Host {
    /// As a part of an address, for whoever asks where the service is.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::V4Only | Self::AnyV4First | Self::Any => Ipv4Addr::UNSPECIFIED.to_string(),
            Self::V6Only => "[::]".to_owned(),
            Self::Named(name) if name.contains(':') => format!("[{name}]"),
            Self::Named(name) => name.clone(),
        }
    }

    pub(super) async fn listen(&self, port: u16) -> Result<TcpListener, RunError> {
        let listener = match self {
            Self::V4Only => TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await,
            Self::V6Only => v6(port, true),
            Self::Any | Self::AnyV4First => match v6(port, false) {
                // A machine without IPv6.
                Err(error) if error.kind() != io::ErrorKind::AddrInUse => TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await,
                other => other,
            },
            Self::Named(name) => named(name, port).await,
        };
        listener.map_err(|source| RunError::Listen { host: self.shown(), port, source })
    }
}

async fn named(name: &str, port: u16) -> io::Result<TcpListener> {
    let addresses: Vec<SocketAddr> = lookup_host((name, port)).await?.collect();
    TcpListener::bind(addresses.as_slice()).await
}

/// Every address of IPv6, and, unless `only`, of IPv4; whatever the system's own default is.
fn v6(port: u16, only: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV6, Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    socket.set_only_v6(only)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)).into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}
