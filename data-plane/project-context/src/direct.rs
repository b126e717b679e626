//! Statements sent over a connection without the client that has it otherwise: all at once, and ended by a single Sync. They
//! are one transaction by that, which needs neither BEGIN nor COMMIT, and one answer, which wakes one task once. The client
//! ends each statement by a Sync of its own, and has a task between the socket and whoever asks.
//!
//! The client connects, and has the connection for everything else: [`crate::wire`] lends it, if it is not encrypted.

use std::{fmt, io};

use bytes::{Buf as _, Bytes, BytesMut};
use lru::LruCache;
use postgres_protocol::message::frontend;

use crate::{
    statements::{CAPACITY, StatementKey},
    wire::{Shared, Wire},
};

/// Why a flight of statements failed.
#[derive(Debug, thiserror::Error)]
pub enum DirectError {
    /// The connection ended.
    #[error("the connection was lost")]
    Lost(#[source] io::Error),
    /// PostgreSQL's answer to the first statement that failed. Those after it did not run.
    #[error("{}", .0.message)]
    Server(Box<ServerError>),
}

/// What PostgreSQL reported.
#[derive(Debug, Default)]
pub struct ServerError {
    /// The SQLSTATE.
    pub code: String,
    /// The primary message.
    pub message: String,
    /// More of it, if there is more.
    pub detail: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub enum Answer {
    /// A row, in binary format.
    Row(DirectRow),
    /// The next of the statements has ended.
    End,
}

/// A row of a result.
#[derive(Debug)]
pub struct DirectRow(Bytes);

/// Statements by the names that they were prepared under.
pub(crate) struct Named {
    generation: u64,
    /// Those seen once have no name yet.
    known: LruCache<StatementKey, Option<u64>>,
    last: u64,
    /// Names that are forgotten, and not closed yet.
    unneeded: Vec<u64>,
}

impl Named {
    pub(crate) fn new() -> Self {
        Self { generation: 0, known: LruCache::new(CAPACITY), last: 0, unneeded: Vec::new() }
    }

    /// Forgets what was prepared for an older schema, and closes what was forgotten since the last flight. To be sent before all
    /// else: after a failure it would be passed over.
    fn renew(&mut self, generation: u64, output: &mut BytesMut) -> io::Result<()> {
        if self.generation != generation {
            self.generation = generation;
            while let Some((_, number)) = self.known.pop_lru() {
                self.unneeded.extend(number);
            }
        }
        // To close what is not there is no error.
        self.unneeded.drain(..).try_for_each(|number| frontend::close(b'S', &name(number), output))
    }

    /// The statement's name, and whether it is to be prepared under it. What is seen for the first time gets none.
    fn name(&mut self, key: &StatementKey) -> (String, bool) {
        match self.known.get(key).copied() {
            Some(Some(number)) => (name(number), false),
            Some(None) => {
                self.last += 1;
                self.known.put(key.clone(), Some(self.last));
                (name(self.last), true)
            }
            None => {
                if let Some((_, unused)) = self.known.push(key.clone(), None) {
                    self.unneeded.extend(unused);
                }
                (String::new(), true)
            }
        }
    }

    fn forget(&mut self, key: &StatementKey) {
        self.unneeded.extend(self.known.pop(key).flatten());
    }
}

fn name(number: u64) -> String {
    // The client's own begin with another letter.
    format!("d{number}")
}

/// A connection that is lent: send statements, then take their answers to the end. Dropped before, the connection stays as it
/// is until [`crate::Connection`] has cancelled what runs.
pub struct Direct<'a> {
    wire: &'a Wire,
    /// Those prepared just now, which are not if an earlier one failed, and at last the one that all is about.
    doubtful: Vec<StatementKey>,
    last: Option<StatementKey>,
    /// The transaction is to be open after the answers.
    pauses: bool,
}

impl fmt::Debug for Direct<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct").finish_non_exhaustive()
    }
}

impl<'a> Direct<'a> {
    pub(crate) fn new(wire: &'a Wire) -> Self {
        Self { wire, doubtful: Vec::new(), last: None, pauses: false }
    }

    /// Adds a statement. Its parameters are texts whose types their places have; its result is in binary format. It is prepared
    /// when it is seen for the second time; `generation` is the schema's, a new one forgets all.
    ///
    /// # Errors
    /// What can't be sent: a parameter larger than the protocol allows.
    pub fn add<'p>(
        &mut self,
        generation: u64,
        key: StatementKey,
        sql: &str,
        parameters: impl Iterator<Item = &'p str>,
    ) -> Result<(), DirectError> {
        let mut shared = self.wire.shared();
        let Shared { output, statements, .. } = &mut *shared;
        let renewed = if self.last.is_none() { statements.renew(generation, output) } else { Ok(()) };
        let added = renewed.and_then(|()| add(output, statements, &key, sql, parameters));
        if let Ok(true) = added {
            self.doubtful.push(key.clone());
        }
        self.last = Some(key);
        // What is there of a message can't be taken back.
        shared.is_broken |= added.is_err();
        added.map(drop).map_err(DirectError::Lost)
    }

    /// Adds a statement of few words.
    ///
    /// # Errors
    /// What can't be sent.
    pub fn command(&mut self, sql: &'static str) -> Result<(), DirectError> {
        self.wire.shared().command(sql).map_err(DirectError::Lost)
    }

    /// Asks for the answers so far. The transaction goes on, if nothing fails, and no timer of the server counts how long: what
    /// follows is not to wait for anything.
    pub fn flush(&mut self) {
        let mut shared = self.wire.shared();
        frontend::flush(&mut shared.output);
        shared.is_awaited = true;
        shared.is_ended = false;
    }

    /// Asks for the answers so far, in a transaction that was begun by a statement. It goes on, if nothing fails, for as long as
    /// `idle_in_transaction_session_timeout` lets it.
    pub fn pause(&mut self) {
        self.end();
        self.pauses = true;
    }

    /// Ends what is to be sent, and the transaction if it was not begun by a statement.
    pub fn end(&mut self) {
        self.pauses = false;
        self.wire.shared().end();
    }

    /// The next answer; `None` once all have come. After an error there are none, and nothing is left of the transaction but a
    /// ROLLBACK that it needs if it was begun by a statement.
    ///
    /// # Errors
    /// The first statement's that failed.
    pub async fn next(&mut self) -> Result<Option<Answer>, DirectError> {
        let mut failed = None;
        loop {
            match self.wire.message().await {
                Ok((b'D', body)) => return Ok(Some(Answer::Row(DirectRow(body)))),
                Ok((b'C' | b'I', _)) => return Ok(Some(Answer::End)),
                Ok((b'E', body)) => {
                    failed = Some(server_error(&body));
                    let mut shared = self.wire.shared();
                    if !shared.is_ended {
                        // Until then the server passes over everything.
                        shared.end();
                    }
                }
                Ok((b'Z', status)) => {
                    self.wire.shared().ready(&status);
                    let Some(error) = failed else { return self.ended(&status).map(|()| None) };
                    self.forget();
                    return Err(DirectError::Server(Box::new(error)));
                }
                // Parsed, bound, closed, and what nothing asks for.
                Ok(_) => {}
                // It may have said why it goes.
                Err(lost) => return Err(failed.map_or(DirectError::Lost(lost), |error| DirectError::Server(Box::new(error)))),
            }
        }
    }

    /// What has not failed is over, unless it only pauses. If it were not, it would not be done either.
    fn ended(&self, status: &[u8]) -> Result<(), DirectError> {
        if status == if self.pauses { b"T" } else { b"I" } {
            return Ok(());
        }
        self.wire.shared().is_broken = true;
        Err(DirectError::Lost(io::Error::other("a transaction was open before")))
    }

    /// Forgets the statements whose plans may no longer fit, or which were never prepared.
    fn forget(&mut self) {
        let mut shared = self.wire.shared();
        for key in self.doubtful.drain(..).chain(self.last.take()) {
            shared.statements.forget(&key);
        }
    }
}

impl Drop for Direct<'_> {
    fn drop(&mut self) {
        if self.wire.is_awaited() {
            // It may end before they are prepared.
            self.forget();
        } else {
            self.wire.give_back();
        }
    }
}

/// Tells whether the statement is prepared by that.
fn add<'p>(
    output: &mut BytesMut,
    statements: &mut Named,
    key: &StatementKey,
    sql: &str,
    parameters: impl Iterator<Item = &'p str>,
) -> io::Result<bool> {
    let (name, is_new) = statements.name(key);
    if is_new {
        frontend::parse(&name, sql, [], output)?;
    }
    bind(output, &name, parameters)?;
    Ok(is_new)
}

/// Runs a statement.
pub(crate) fn bind<'p>(output: &mut BytesMut, name: &str, parameters: impl Iterator<Item = &'p str>) -> io::Result<()> {
    let text = |value: &str, out: &mut BytesMut| {
        out.extend_from_slice(value.as_bytes());
        Ok(postgres_protocol::IsNull::No)
    };
    frontend::bind("", name, [], parameters, text, [1], output).map_err(|error| match error {
        frontend::BindError::Conversion(error) => io::Error::other(error),
        frontend::BindError::Serialization(error) => error,
    })?;
    frontend::execute("", 0, output)
}

impl DirectRow {
    /// The columns' values.
    pub fn values(&self) -> impl Iterator<Item = Option<Bytes>> {
        let mut rest = self.0.clone();
        rest.advance(2.min(rest.len()));
        std::iter::from_fn(move || {
            let length = i32::from_be_bytes(*rest.first_chunk::<4>()?);
            rest.advance(4);
            let Ok(length) = usize::try_from(length) else { return Some(None) };
            (length <= rest.len()).then(|| Some(rest.split_to(length)))
        })
    }
}

fn server_error(mut body: &[u8]) -> ServerError {
    let mut error = ServerError::default();
    while let Some((&field, rest)) = body.split_first() {
        if field == 0 {
            break;
        }
        let Some((value, rest)) = text(rest) else { break };
        body = rest;
        match field {
            b'C' => error.code = value,
            b'M' => error.message = value,
            b'D' => error.detail = Some(value),
            b'H' => error.hint = Some(value),
            _ => {}
        }
    }
    error
}

/// A text that ends with a null byte, and what follows.
fn text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((String::from_utf8_lossy(&bytes[..end]).into_owned(), &bytes[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_read_by_its_fields() {
        let error = server_error(b"SERROR\0VERROR\0C42501\0Mdenied\0Hask\0Fa.c\0\0");
        assert_eq!((error.code.as_str(), error.message.as_str()), ("42501", "denied"));
        assert_eq!((error.detail, error.hint.as_deref()), (None, Some("ask")));
        assert_eq!(server_error(b"Mcut off").message, "");
    }

    #[test]
    fn a_row_is_read_by_its_columns() {
        let row = |bytes: &'static [u8]| DirectRow(Bytes::from_static(bytes)).values().collect::<Vec<_>>();
        let values = row(b"\0\x03\0\0\0\x02ab\xff\xff\xff\xff\0\0\0\0");
        assert_eq!(values, [Some(Bytes::from_static(b"ab")), None, Some(Bytes::new())]);
        assert!(row(b"\0\x01\0\0\0\x09cut off").is_empty());
    }

    #[test]
    fn statements_are_named_when_seen_again_and_closed_when_forgotten() {
        let mut named = Named::new();
        let key = |text: &str| StatementKey::new(&[], text);
        assert_eq!(named.name(&key("a")), (String::new(), true));
        assert_eq!(named.name(&key("a")), ("d1".to_owned(), true));
        assert_eq!(named.name(&key("a")), ("d1".to_owned(), false));
        let closed = |named: &mut Named, generation| {
            let mut output = BytesMut::new();
            named.renew(generation, &mut output).unwrap();
            output.to_vec()
        };
        assert_eq!(closed(&mut named, 0), b"");
        // Others take its place.
        for number in 0..CAPACITY.get() {
            named.name(&key(&number.to_string()));
        }
        assert_eq!(closed(&mut named, 0), b"C\0\0\0\x08Sd1\0");
        for _ in 0..2 {
            named.name(&key("b"));
        }
        named.forget(&key("b"));
        assert_eq!(closed(&mut named, 0), b"C\0\0\0\x08Sd2\0");
        for _ in 0..2 {
            named.name(&key("c"));
        }
        // The schema is another.
        assert_eq!(closed(&mut named, 1), b"C\0\0\0\x08Sd3\0");
        assert_eq!(named.name(&key("c")), (String::new(), true));
    }
}
