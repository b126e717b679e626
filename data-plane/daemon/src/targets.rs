//! Lets requests name characters that RFC 3986 wants escaped but programs send as they are: `"`, `<` and `>`, as in
//! `?select=data->>name`. They are escaped in what comes in, before it is parsed, since the parser would refuse them.
//!
//! It only follows a connection as far as it must to know where a request begins, and does not judge what is sent. From a body
//! in chunks or a change of protocol on, everything is passed as it is.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection of which what comes in is read so.
#[derive(Debug)]
pub(crate) struct Lenient<S> {
    stream: S,
    place: Place,
    /// What had no room any more, from `given` on.
    rest: Vec<u8>,
    given: usize,
}

/// Where in the requests of a connection what comes in is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// In the first line of a head, or in empty lines before it.
    Target { is_empty: bool },
    /// In a line of a header, of which this much was seen. The body will have so many bytes.
    Header { line: Vec<u8>, body: u64 },
    /// In a body, of which so much is to come.
    Body(u64),
    /// Where nothing is escaped any more.
    Unfollowed,
}

/// Longest part of a header's line that is kept: it tells the headers that say what follows from the others.
const LINE: usize = 64;

impl<S> Lenient<S> {
    pub(crate) const fn new(stream: S) -> Self {
        Self { stream, place: Place::TARGET, rest: Vec::new(), given: 0 }
    }
}

impl Place {
    const TARGET: Self = Self::Target { is_empty: true };

    /// Follows `bytes`; what they become if that is something else.
    fn follow(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut escaped: Option<Vec<u8>> = None;
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            let mut written: &[u8] = &[];
            let mut step = 1;
            match self {
                Self::Unfollowed => step = bytes.len() - at,
                Self::Body(left) => {
                    step = usize::try_from(*left).map_or(bytes.len() - at, |left| left.min(bytes.len() - at));
                    *left -= step as u64;
                    if *left == 0 {
                        *self = Self::TARGET;
                    }
                }
                Self::Target { is_empty } => match byte {
                    b'"' => written = b"%22",
                    b'<' => written = b"%3C",
                    b'>' => written = b"%3E",
                    b'\n' if *is_empty => {}
                    b'\n' => *self = Self::Header { line: Vec::new(), body: 0 },
                    b'\r' => {}
                    _ => *is_empty = false,
                },
                Self::Header { line, body } => match byte {
                    b'\n' => match Self::after_line(line, *body) {
                        Self::Header { body: next, .. } => {
                            line.clear();
                            *body = next;
                        }
                        place => *self = place,
                    },
                    b'\r' => {}
                    byte if line.len() < LINE => line.push(byte.to_ascii_lowercase()),
                    _ => {}
                },
            }
            let passed = &bytes[at..at + step];
            if !written.is_empty() {
                escaped.get_or_insert_with(|| bytes[..at].to_vec()).extend_from_slice(written);
            } else if let Some(escaped) = &mut escaped {
                escaped.extend_from_slice(passed);
            }
            at += step;
        }
        escaped
    }

    fn after_line(line: &[u8], body: u64) -> Self {
        let line = String::from_utf8_lossy(line);
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        match name {
            "" if body == 0 => Self::TARGET,
            "" => Self::Body(body),
            "transfer-encoding" | "upgrade" => Self::Unfollowed,
            // Where it is not seen whole, or is written in a way that somebody else may read otherwise, nothing is followed.
            "content-length" => match value.trim() {
                value if line.len() < LINE && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                    value.parse().map_or(Self::Unfollowed, |body| Self::Header { line: Vec::new(), body })
                }
                _ => Self::Unfollowed,
            },
            _ => Self::Header { line: Vec::new(), body },
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lenient<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.given == this.rest.len() {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
            let Some(escaped) = this.place.follow(&buffer.filled()[before..]) else { return Poll::Ready(Ok(())) };
            buffer.set_filled(before);
            (this.rest, this.given) = (escaped, 0);
        }
        let given = (this.rest.len() - this.given).min(buffer.remaining());
        buffer.put_slice(&this.rest[this.given..this.given + given]);
        this.given += given;
        if this.given == this.rest.len() {
            (this.rest, this.given) = (Vec::new(), 0);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Lenient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of `sent`, however it is cut.
    fn followed(sent: &str) -> String {
        let mut place = Place::TARGET;
        let whole = place.follow(sent.as_bytes()).unwrap_or_else(|| sent.as_bytes().to_vec());
        let mut place = Place::TARGET;
        let singly: Vec<u8> = sent.bytes().flat_map(|byte| place.follow(&[byte]).unwrap_or_else(|| vec![byte])).collect();
        assert_eq!(singly, whole, "{sent}");
        String::from_utf8(whole).unwrap()
    }

    #[test]
    fn only_targets_are_escaped() {
        for (sent, expected) in [
            ("GET /a?b->>c=eq.\"d\" HTTP/1.1\r\nx: \"<>\"\r\n\r\n", "GET /a?b-%3E%3Ec=eq.%22d%22 HTTP/1.1\r\nx: \"<>\"\r\n\r\n"),
            ("GET /< HTTP/1.1\r\n\r\nGET /> HTTP/1.1\n\n", "GET /%3C HTTP/1.1\r\n\r\nGET /%3E HTTP/1.1\n\n"),
            (
                "POST /< HTTP/1.1\r\nContent-Length: 4\r\n\r\n\"<>\"GET /> HTTP/1.1\r\n\r\n",
                "POST /%3C HTTP/1.1\r\nContent-Length: 4\r\n\r\n\"<>\"GET /%3E HTTP/1.1\r\n\r\n",
            ),
            (
                "POST /< HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n>\r\n0\r\n\r\n",
                "POST /%3C HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n>\r\n0\r\n\r\n",
            ),
            ("GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n<>", "GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n<>"),
            ("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n<", "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n<"),
            ("\r\n\nGET /< HTTP/1.1\r\n\r\n", "\r\n\nGET /%3C HTTP/1.1\r\n\r\n"),
        ] {
            assert_eq!(followed(sent), expected);
        }
        // Lengths that others may read otherwise.
        for length in [format!("{}30", "0".repeat(48)), format!("{}50", " ".repeat(48)), "+5".to_owned(), "5, 5".to_owned()] {
            let sent = format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n<<<<<<\"\"\"");
            assert_eq!(followed(&sent), sent);
        }
    }
}
