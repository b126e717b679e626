//! The socket that a client and [`crate::direct`] share: the client has it, and is made to wait while it is lent.
//!
//! It is lent only where nothing is on the way in either direction, which is known from the messages that pass.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use bytes::{Buf as _, Bytes, BytesMut};
use postgres_protocol::message::frontend;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_util::either::Either;

use crate::{
    direct::{Named, bind},
    frames::Frames,
};

/// Bytes that are read at once.
const READ_AT_ONCE: usize = 16 * 1024;
/// Bytes of a buffer that are kept for the next use.
const KEPT: usize = 4 * READ_AT_ONCE;

/// A connection without TLS.
pub(crate) type Plain = Either<UnixStream, TcpStream>;

/// The socket, as the client sees it.
#[derive(Clone)]
pub(crate) struct Wire(Arc<Mutex<Shared>>);

pub(crate) struct Shared {
    socket: Plain,
    /// The client has to wait.
    lent: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    sent: Frames,
    received: Frames,
    /// Answers that the client waits for.
    awaited_by_client: usize,
    /// What is on the way otherwise: our bytes not yet written, those read, and whether the last answer is still to come.
    pub(crate) output: BytesMut,
    input: BytesMut,
    scratch: Box<[u8]>,
    pub(crate) is_awaited: bool,
    /// The last answer will come without anything more from us.
    pub(crate) is_ended: bool,
    /// The last answer said that a transaction goes on, or has failed and is not rolled back.
    in_transaction: bool,
    pub(crate) is_broken: bool,
    pub(crate) statements: Named,
}

impl Wire {
    pub(crate) fn new(socket: Plain) -> Self {
        Self(Arc::new(Mutex::new(Shared {
            socket,
            lent: false,
            reader: None,
            writer: None,
            sent: Frames::after_startup(),
            received: Frames::default(),
            // The handshake has one as well.
            awaited_by_client: 1,
            output: BytesMut::new(),
            input: BytesMut::new(),
            scratch: vec![0; READ_AT_ONCE].into_boxed_slice(),
            is_awaited: false,
            is_ended: true,
            in_transaction: false,
            is_broken: false,
            statements: Named::new(),
        })))
    }

    pub(crate) fn shared(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the connection is lent now.
    pub(crate) fn lend(&self) -> bool {
        let mut shared = self.shared();
        let is_whole = shared.sent.is_whole() && shared.received.is_whole() && shared.input.is_empty();
        let lends = is_whole && shared.awaited_by_client == 0 && !shared.lent && !shared.is_broken;
        shared.lent |= lends;
        lends
    }

    pub(crate) fn is_awaited(&self) -> bool {
        self.shared().is_awaited
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.shared().is_broken
    }

    pub(crate) fn give_back(&self) {
        let (reader, writer) = {
            let mut shared = self.shared();
            shared.lent = false;
            if shared.input.is_empty() && shared.input.capacity() > KEPT {
                shared.input = BytesMut::new();
            }
            if shared.output.is_empty() && shared.output.capacity() > KEPT {
                shared.output = BytesMut::new();
            }
            (shared.awaken_reader(), shared.writer.take())
        };
        for waker in [reader, writer].into_iter().flatten() {
            waker.wake();
        }
    }

    /// The next message that is for us.
    pub(crate) async fn message(&self) -> io::Result<(u8, Bytes)> {
        loop {
            let message = poll_fn(|cx| self.shared().poll_message(cx)).await;
            match message {
                // What a tenant's function has set for the session would garble the texts of whoever comes next.
                Ok((b'S', body)) if !is_in_utf8(&body) => self.shared().is_broken = true,
                // What listens is another connection, whatever a tenant's function has said to this one.
                Ok((b'A' | b'N' | b'S', _)) => {}
                Ok(message) => return Ok(message),
                Err(error) => {
                    let mut shared = self.shared();
                    shared.is_broken = true;
                    shared.is_awaited = false;
                    return Err(error);
                }
            }
        }
    }

    /// Waits for the end of what is on the way, and gives the connection back. Tells whether there is still a transaction.
    pub(crate) async fn settle(&self) -> io::Result<bool> {
        if !self.shared().is_ended {
            self.shared().command("ROLLBACK")?;
            self.shared().end();
        }
        while self.is_awaited() {
            if let (b'Z', status) = self.message().await? {
                self.shared().ready(&status);
            }
        }
        self.give_back();
        Ok(self.shared().in_transaction)
    }
}

impl Shared {
    pub(crate) fn command(&mut self, sql: &str) -> io::Result<()> {
        frontend::parse("", sql, [], &mut self.output)?;
        bind(&mut self.output, "", std::iter::empty())
    }

    pub(crate) fn end(&mut self) {
        frontend::sync(&mut self.output);
        self.is_awaited = true;
        self.is_ended = true;
    }

    /// The last answer has come.
    pub(crate) fn ready(&mut self, status: &[u8]) {
        self.is_awaited = false;
        self.in_transaction = status != b"I";
    }

    /// The client, if there is something for it to read; otherwise it is told when there is, and sleeps on. It was not told of anything
    /// while the connection was lent.
    fn awaken_reader(&mut self) -> Option<Waker> {
        let reader = self.reader.take()?;
        let mut cx = Context::from_waker(&reader);
        let ready = match &self.socket {
            Either::Left(socket) => socket.poll_read_ready(&mut cx),
            Either::Right(socket) => socket.poll_read_ready(&mut cx),
        };
        if ready.is_ready() || !self.input.is_empty() {
            return Some(reader);
        }
        self.reader = Some(reader);
        None
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(u8, Bytes)>> {
        loop {
            if let Some(message) = self.take_message()? {
                return Poll::Ready(Ok(message));
            }
            while !self.output.is_empty() {
                match Pin::new(&mut self.socket).poll_write(cx, &self.output) {
                    Poll::Ready(Ok(written)) if written > 0 => self.output.advance(written),
                    // What was said before the end is still to be read.
                    Poll::Ready(Ok(_) | Err(_)) => self.output.clear(),
                    Poll::Pending => break,
                }
            }
            let mut buffer = ReadBuf::new(&mut self.scratch);
            ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            self.input.extend_from_slice(buffer.filled());
        }
    }

    fn take_message(&mut self) -> io::Result<Option<(u8, Bytes)>> {
        let Some((&tag, rest)) = self.input.split_first() else { return Ok(None) };
        let Some(length) = rest.first_chunk::<4>() else { return Ok(None) };
        let length = usize::try_from(i32::from_be_bytes(*length)).ok().filter(|length| *length >= 4);
        let whole = length.ok_or(io::ErrorKind::InvalidData)? + 1;
        if self.input.len() < whole {
            self.input.reserve(whole - self.input.len());
            return Ok(None);
        }
        let mut message = self.input.split_to(whole).freeze();
        message.advance(5);
        Ok(Some((tag, message)))
    }
}

/// Whether what the server reports of a parameter is not that texts are written in another encoding.
fn is_in_utf8(parameter: &[u8]) -> bool {
    !parameter.starts_with(b"client_encoding\0") || parameter == b"client_encoding\0UTF8\0"
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut shared = self.shared();
        let shared = &mut *shared;
        if !shared.reader.as_ref().is_some_and(|reader| reader.will_wake(cx.waker())) {
            shared.reader = Some(cx.waker().clone());
        }
        if shared.lent {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        if shared.input.is_empty() {
            ready!(Pin::new(&mut shared.socket).poll_read(cx, buffer))?;
        } else {
            // What came after the last answer to us.
            let rest = shared.input.len().min(buffer.remaining());
            buffer.put_slice(&shared.input.split_to(rest));
        }
        let awaited = &mut shared.awaited_by_client;
        shared.received.pass(&buffer.filled()[before..], |tag| {
            if tag == b'Z' {
                *awaited = awaited.saturating_sub(1);
            }
        });
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let mut shared = self.shared();
        let shared = &mut *shared;
        if shared.lent {
            shared.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let written = ready!(Pin::new(&mut shared.socket).poll_write(cx, data))?;
        let awaited = &mut shared.awaited_by_client;
        shared.sent.pass(&data[..written], |tag| {
            // Query, Sync and Function call: each is answered by one ReadyForQuery.
            if matches!(tag, b'Q' | b'S' | b'F') {
                *awaited += 1;
            }
        });
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.shared().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.shared().socket).poll_shutdown(cx)
    }
}
