//! Gives a message to what hyper refuses by itself. A request line that is too long or not HTTP never reaches a handler:
//! hyper answers with a bare status line. Our clients read `message`, so the answer is completed on its way out.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Header that every answer of ours carries and none of hyper's own does.
pub(crate) const OURS: &str = "x-request-id";

/// A connection whose bare refusals are completed.
#[derive(Debug)]
pub(crate) struct Explained<T> {
    io: T,
    /// What still has to be written of a completed answer.
    pending: Vec<u8>,
}

impl<T> Explained<T> {
    pub(crate) const fn new(io: T) -> Self {
        Self { io, pending: Vec::new() }
    }
}

impl<T: AsyncWrite + Unpin> Explained<T> {
    fn poll_pending(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.pending.is_empty() {
            let written = ready!(Pin::new(&mut self.io).poll_write(context, &self.pending))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.pending.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Explained<T> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Explained<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(context))?;
        match completed(bytes) {
            Some(answer) => {
                self.pending = answer;
                // What can't be written now is written by the flush that follows.
                match self.poll_pending(context) {
                    Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                    Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(bytes.len())),
                }
            }
            None => Pin::new(&mut self.io).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(context))?;
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(context))?;
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

/// The completed answer, if these bytes are a bare refusal.
fn completed(bytes: &[u8]) -> Option<Vec<u8>> {
    let head = bytes.strip_prefix(b"HTTP/1.1 4")?;
    if bytes.len() > 512 || !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?.to_ascii_lowercase();
    if text.contains(OURS) || !text.contains("content-length: 0") {
        return None;
    }
    let message = match head.get(..2)? {
        b"14" => "The URL is too long.",
        b"31" => "The request's headers are too large.",
        b"08" => "The request took too long to arrive.",
        _ => "This is not a valid HTTP request.",
    };
    let status = std::str::from_utf8(bytes).ok()?.lines().next()?;
    let body = format!("{{\"message\":\"{message}\"}}");
    let head = "content-type: application/json\r\nconnection: close";
    Some(format!("{status}\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completes_bare_refusals_only() {
        let bare = b"HTTP/1.1 414 URI Too Long\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let answer = String::from_utf8(completed(bare).unwrap()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 414 URI Too Long\r\n"), "{answer}");
        assert!(answer.ends_with("{\"message\":\"The URL is too long.\"}"), "{answer}");
        for other in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"[..],
            b"HTTP/1.1 404 Not Found\r\nx-request-id: 1\r\ncontent-length: 0\r\n\r\n",
            b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n",
            b"data that says HTTP/1.1 414",
        ] {
            assert_eq!(completed(other), None);
        }
    }

    #[tokio::test]
    async fn writes_the_whole_answer_through_a_narrow_pipe() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let (near, mut far) = tokio::io::duplex(7);
        let reading = tokio::spawn(async move {
            let mut text = String::new();
            far.read_to_string(&mut text).await.unwrap();
            text
        });
        let mut explained = Explained::new(near);
        explained.write_all(b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        explained.flush().await.unwrap();
        explained.shutdown().await.unwrap();
        drop(explained);
        assert!(reading.await.unwrap().ends_with("too large.\"}"));
    }
}
