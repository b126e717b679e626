//! Where the program listens: on an address (PostgREST's `server-host`), or on a socket of this machine.

use std::{
    fs, io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use daemon::{Answering, Limits};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream, lookup_host};
use tokio_util::sync::CancellationToken;

use super::RunError;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// Longest time for a connection to this machine.
const CONNECT: Duration = Duration::from_secs(1);

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

    /// `share`: other processes may listen on the same port.
    async fn bind(&self, port: u16, share: bool) -> io::Result<TcpListener> {
        let v4 = || bind(&[SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))], None, share);
        let v6 = |only| bind(&[SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))], Some(only), share);
        match self {
            Self::V4Only => v4(),
            Self::V6Only => v6(true),
            Self::Any | Self::AnyV4First => match v6(false) {
                // A machine without IPv6.
                Err(error) if error.kind() != io::ErrorKind::AddrInUse => v4(),
                other => other,
            },
            Self::Named(name) => {
                let addresses: Vec<SocketAddr> = lookup_host((name.as_str(), port)).await?.collect();
                bind(&addresses, None, share)
            }
        }
    }
}

/// Listens on the first of these addresses that can be had. `only_v6` says whether an address of IPv6 takes connections of IPv4,
/// whatever the system's own default is.
fn bind(addresses: &[SocketAddr], only_v6: Option<bool>, share: bool) -> io::Result<TcpListener> {
    let mut failed = io::Error::new(io::ErrorKind::AddrNotAvailable, "the name has no address");
    for address in addresses {
        let bound = || {
            let socket = Socket::new(Domain::for_address(*address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
            if let Some(only) = only_v6 {
                socket.set_only_v6(only)?;
            }
            socket.set_reuse_address(true)?;
            if share {
                socket.set_reuse_port(true)?;
            }
            socket.bind(&(*address).into())?;
            socket.listen(BACKLOG)?;
            TcpListener::from_std(socket.into())
        };
        match bound() {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// A place to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// An address.
    Address {
        /// The host.
        host: Host,
        /// The port.
        port: u16,
        /// Other processes may listen on the same port.
        share: bool,
    },
    /// A socket of this machine.
    Socket {
        /// Its file.
        path: PathBuf,
        /// The file's permission bits.
        mode: u32,
    },
}

/// What listens there.
#[derive(Debug)]
pub(super) enum Listener {
    Address(TcpListener),
    Socket(UnixListener, PathBuf),
}

impl Place {
    pub(super) async fn listen(&self) -> Result<Listener, RunError> {
        match self {
            Self::Address { host, port, share } => {
                let bound = host.bind(*port, *share).await;
                bound.map(Listener::Address).map_err(|source| RunError::Listen { host: host.shown(), port: *port, source })
            }
            Self::Socket { path, mode } => {
                let bound = bind_socket(path, *mode).await;
                let bound = bound.map_err(|source| RunError::ListenSocket { path: path.clone(), source })?;
                Ok(Listener::Socket(bound, path.clone()))
            }
        }
    }
}

/// One that an earlier life has left is replaced; one on which somebody listens is not.
async fn bind_socket(path: &Path, mode: u32) -> io::Result<UnixListener> {
    if fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        if UnixStream::connect(path).await.is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(listener)
}

/// Where something listens, for whoever wants to know whether it does.
#[derive(Debug, Clone)]
pub(super) enum Reach {
    Address(SocketAddr),
    Socket(PathBuf),
}

impl Reach {
    /// Whether a connection is taken, in time.
    pub(super) async fn accepts(&self) -> bool {
        let connects = async {
            match self {
                Self::Address(address) => TcpStream::connect(address).await.is_ok(),
                Self::Socket(path) => UnixStream::connect(path).await.is_ok(),
            }
        };
        tokio::time::timeout(CONNECT, connects).await.unwrap_or(false)
    }
}

impl Listener {
    /// From this machine.
    pub(super) fn reach(&self) -> io::Result<Reach> {
        Ok(match self {
            Self::Address(listener) => Reach::Address(daemon::loopback(listener.local_addr()?)),
            Self::Socket(_, path) => Reach::Socket(path.clone()),
        })
    }

    /// For the log.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Address(listener) => listener.local_addr().map(|address| address.to_string()).unwrap_or_default(),
            Self::Socket(_, path) => path.display().to_string(),
        }
    }

    pub(super) async fn serve(self, service: impl Answering, stop: CancellationToken, limits: Limits) {
        match self {
            Self::Address(listener) => daemon::serve(listener, service, stop, limits).await,
            Self::Socket(listener, path) => {
                daemon::serve_unix(listener, service, stop, limits).await;
                // Nobody listens there any more.
                let _ = fs::remove_file(path);
            }
        }
    }
}
