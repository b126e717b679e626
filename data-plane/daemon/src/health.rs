//! Asks a program's admin listener, for the health check of an image that has no curl.
//!
//! Hand-written on the standard library: a container runs it every few seconds, so it starts no runtime.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

/// Enough for the status line.
const STATUS_LINE: usize = 64;

/// Where a listener is reached from the same machine.
#[must_use]
pub fn loopback(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        given => given,
    };
    SocketAddr::new(ip, listen.port())
}

/// The status of `GET path`. Each step takes `at_most` this long.
///
/// # Errors
/// When nobody listens, the answer is late, or it is not HTTP.
pub fn ask(address: SocketAddr, path: &str, at_most: Duration) -> io::Result<u16> {
    let stream = TcpStream::connect_timeout(&address, at_most)?;
    stream.set_read_timeout(Some(at_most))?;
    stream.set_write_timeout(Some(at_most))?;
    ask_by(stream, &address.to_string(), path)
}

/// As [`ask`], by a socket of this machine.
///
/// # Errors
/// As [`ask`].
pub fn ask_unix(socket: &Path, path: &str, at_most: Duration) -> io::Result<u16> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(at_most))?;
    stream.set_write_timeout(Some(at_most))?;
    ask_by(stream, "localhost", path)
}

fn ask_by(mut stream: impl Read + Write, host: &str, path: &str) -> io::Result<u16> {
    write!(stream, "GET {path} HTTP/1.0\r\nhost: {host}\r\n\r\n")?;
    let mut head = Vec::new();
    while !head.contains(&b'\n') {
        let mut chunk = [0; STATUS_LINE];
        let read = stream.read(&mut chunk)?;
        head.extend_from_slice(chunk.get(..read).unwrap_or_default());
        if read == 0 || head.len() > STATUS_LINE {
            break;
        }
    }
    status(&head).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP"))
}

fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let (version, rest) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    version.starts_with("HTTP/1.").then_some(rest)?.get(..3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_status_of_http_only() {
        for (head, expected) in [
            ("HTTP/1.0 200 OK\r\ncontent", Some(200)),
            ("HTTP/1.1 503 Service Unavailable\r\n", Some(503)),
            ("HTTP/1.1 20", None),
            ("SSH-2.0-OpenSSH 200\r\n", None),
            ("", None),
        ] {
            assert_eq!(status(head.as_bytes()), expected, "{head}");
        }
    }

    #[test]
    fn what_listens_everywhere_listens_here() {
        for (listen, reached) in [
            ("0.0.0.0:8001", "127.0.0.1:8001"),
            ("[::]:8001", "[::1]:8001"),
            ("127.0.0.2:1", "127.0.0.2:1"),
            ("10.0.0.7:1", "10.0.0.7:1"),
        ] {
            assert_eq!(loopback(listen.parse().unwrap()), reached.parse().unwrap());
        }
    }
}
