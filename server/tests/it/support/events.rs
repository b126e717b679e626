//! A project's event stream, read as it is sent.

use std::{collections::VecDeque, io, time::Duration};

use super::{
    connection::Connection,
    http::{Request, read_chunk},
};
use serde_json::Value;

/// Longest wait for an event that a test expects.
const PATIENCE: Duration = Duration::from_secs(60);

/// One server-sent event.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) id: i64,
    pub(crate) kind: String,
    pub(crate) data: Value,
}

impl Event {
    /// `kind` and `step` of an event about a step.
    pub(crate) fn is_step(&self, kind: &str, step: &str) -> bool {
        self.kind == kind && self.data["step"] == step
    }

    pub(crate) fn is_state(&self, state: &str) -> bool {
        self.kind == "state_changed" && self.data["state"] == state
    }
}

/// An open stream.
#[derive(Debug)]
pub(crate) struct EventStream {
    connection: Connection,
    unread: String,
    ready: VecDeque<Event>,
}

impl EventStream {
    pub(crate) async fn open(request: Request) -> io::Result<Self> {
        let (status, headers, connection) = request.header("accept", "text/event-stream").open().await?;
        let is_stream = headers.iter().any(|(name, value)| name == "content-type" && value == "text/event-stream");
        if status != 200 || !is_stream {
            return Err(io::Error::other(format!("no event stream: {status}")));
        }
        Ok(Self { connection, unread: String::new(), ready: VecDeque::new() })
    }

    /// The next event; nothing when the stream has ended well. A stream that breaks off is an error.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Event>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let chunk = tokio::time::timeout(PATIENCE, read_chunk(&mut self.connection)).await;
            let Some(chunk) = chunk.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? else { return Ok(None) };
            self.unread.push_str(&String::from_utf8_lossy(&chunk));
            while let Some(end) = self.unread.find("\n\n") {
                let block: String = self.unread.drain(..end + 2).collect();
                // Measurements are no rows: they come when they come, with the id of the event before.
                self.ready.extend(parse(&block).filter(|event| event.kind != "measured"));
            }
        }
    }

    /// Reads on until an event fits; answers all of them, that one last.
    pub(crate) async fn until(&mut self, fits: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut read = Vec::new();
        // In all: heartbeats keep a stream alive on which nothing happens.
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            match tokio::time::timeout_at(deadline, self.next()).await {
                Ok(Ok(Some(event))) => {
                    let found = fits(&event);
                    read.push(event);
                    if found {
                        return read;
                    }
                }
                other => panic!("the event did not come: {other:?} after {read:#?}"),
            }
        }
    }
}

/// A block of lines; nothing for a heartbeat.
fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim_start);
    let data = serde_json::from_str(field("data")?).unwrap();
    Some(Event { id: field("id")?.parse().unwrap(), kind: field("event")?.to_owned(), data })
}
