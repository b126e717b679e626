//! Gives a message to what hyper refuses by itself. A request line that is too long or not HTTP never reaches a handler:
//! hyper answers with a bare status line. Our clients read `message`, so the answer is completed on its way out.
//!
//! A refusal often comes before the request has been read to its end. Closing at once would make the system throw away
//! the answer together with what still arrives, so a connection that ends takes in what its client still sends, for a
//! moment.
//!
//! Neither a client that never says anything nor one that never takes its answer keeps a connection.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// Header that every answer of ours carries and none of hyper's own does.
pub(crate) const OURS: &str = "x-request-id";

/// Longest time that an ended connection takes in what its client still sends.
const LINGER: Duration = Duration::from_secs(1);
/// Most that it takes in, in bytes.
const LINGER_BYTES: usize = 64 * 1024 * 1024;

/// Longest wait for a connection's first byte. Later requests on it are timed by hyper.
const SILENCE: Duration = Duration::from_secs(15);
/// Longest time in which a client takes in nothing of what is sent to it.
const STALL: Duration = Duration::from_secs(30);

/// A connection whose bare refusals are completed, and which lets its client finish its sentence.
#[derive(Debug)]
pub(crate) struct Explained<T> {
    io: T,
    /// Runs until something has arrived.
    silent: Option<Pin<Box<Sleep>>>,
    /// Runs while what is sent is not taken in.
    stalled: Option<Pin<Box<Sleep>>>,
    /// What still has to be written of a completed answer.
    pending: Vec<u8>,
    lingering: Option<Lingering>,
}

#[derive(Debug)]
struct Lingering {
    until: Pin<Box<Sleep>>,
    taken_in: usize,
}

impl<T> Explained<T> {
    pub(crate) fn new(io: T) -> Self {
        Self { io, silent: Some(Box::pin(sleep(SILENCE))), stalled: None, pending: Vec::new(), lingering: None }
    }
}

impl<T: AsyncRead + Unpin> Explained<T> {
    /// Takes in what still arrives until the client has closed its side, or it has been enough.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let lingering = self.lingering.get_or_insert_with(|| Lingering { until: Box::pin(sleep(LINGER)), taken_in: 0 });
        let mut scratch = [0; 16 * 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(&mut self.io).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => lingering.taken_in += buffer.filled().len(),
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return lingering.until.as_mut().poll(context),
            }
            if lingering.taken_in > LINGER_BYTES || lingering.until.is_elapsed() {
                return Poll::Ready(());
            }
        }
    }
}

impl<T: AsyncWrite + Unpin> Explained<T> {
    fn poll_send(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, bytes);
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(STALL)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_pending(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.pending.is_empty() {
            let pending = std::mem::take(&mut self.pending);
            let written = self.poll_send(context, &pending);
            self.pending = pending;
            let written = ready!(written)?;
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
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.io).poll_read(context, buffer);
        match (&read, &mut self.silent) {
            (Poll::Pending, Some(silent)) => {
                ready!(silent.as_mut().poll(context));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            (Poll::Ready(_), Some(_)) if buffer.filled().len() > before => {
                self.silent = None;
                read
            }
            (Poll::Pending | Poll::Ready(_), _) => read,
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Explained<T> {
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
            None => self.poll_send(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(context))?;
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(self.poll_pending(context))?;
            ready!(Pin::new(&mut self.io).poll_shutdown(context))?;
        }
        self.poll_linger(context).map(Ok)
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
    async fn an_ended_connection_takes_in_what_still_arrives() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let (near, mut far) = tokio::io::duplex(64);
        let client = tokio::spawn(async move {
            far.write_all(&[0; 10_000]).await.unwrap();
            far.shutdown().await.unwrap();
            let mut answer = String::new();
            far.read_to_string(&mut answer).await.unwrap();
            answer
        });
        let mut explained = Explained::new(near);
        explained.write_all(b"no").await.unwrap();
        explained.shutdown().await.unwrap();
        drop(explained);
        assert_eq!(client.await.unwrap(), "no");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_and_one_that_takes_nothing_in_are_left() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let (near, mut far) = tokio::io::duplex(64);
        let mut silent = Explained::new(near);
        let error = silent.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let mut stalled = Explained::new(silent.io);
        far.write_u8(7).await.unwrap();
        assert_eq!(stalled.read_u8().await.unwrap(), 7);
        let error = stalled.write_all(&[0; 100]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        // Once it has said something, it may be silent for as long as it likes.
        let later = tokio::time::timeout(Duration::from_secs(3600), stalled.read_u8()).await;
        assert!(later.is_err());
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
