//! A small HTTP/1.1 client: one connection a request, and answers as they were sent, so that a test sees the very headers.

use std::{io, time::Duration};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};

use super::connection::{Connection, Way};

/// Longest time for an answer; a server that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(90);

/// A request on its way.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    way: Way,
    method: &'static str,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(way: impl Into<Way>, method: &'static str, target: impl Into<String>) -> Self {
        Self { way: way.into(), method, target: target.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// Adds a header. `host` replaces the one that is sent otherwise.
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// The same request for another target.
    pub(crate) fn to(mut self, target: String) -> Self {
        self.target = target;
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// Sends it; an answer that breaks off is an error, as it is for a real client.
    pub(crate) async fn try_send(self) -> io::Result<Response> {
        let reading = async {
            let mut connection = self.connect().await?;
            let (status, headers) = read_head(&mut connection).await?;
            let body = read_body(&mut connection, status, &headers).await?;
            Ok(Response { status, headers, body })
        };
        tokio::time::timeout(PATIENCE, reading).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    pub(crate) async fn send(self) -> Response {
        let what = format!("{} {}", self.method, self.target);
        self.try_send().await.unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// Sends it and hands over the connection once the head of the answer is there.
    pub(crate) async fn open(self) -> io::Result<(u16, Vec<(String, String)>, Connection)> {
        let opening = async {
            let mut connection = self.connect().await?;
            let (status, headers) = read_head(&mut connection).await?;
            Ok((status, headers, connection))
        };
        tokio::time::timeout(PATIENCE, opening).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    async fn connect(&self) -> io::Result<Connection> {
        let mut stream = self.way.connect().await?;
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let has = |name: &str| self.headers.iter().any(|(header, _)| header == name);
        if !has("host") {
            head.push_str(&format!("host: {}\r\n", self.way.host()));
        }
        if !self.body.is_empty() || matches!(self.method, "POST" | "PATCH" | "PUT") {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("connection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        // A server that has refused already may close before it has read everything; its answer is what counts.
        let _ = stream.write_all(&self.body).await;
        let _ = stream.flush().await;
        Ok(stream)
    }
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    /// The `message` of an error.
    pub(crate) fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_else(|| panic!("no message: {}", self.text())).to_owned()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// Success with nothing in it, said so: what clients of the Management API need.
    #[track_caller]
    pub(crate) fn expect_empty(self) {
        assert_eq!((self.status, self.header("content-length"), self.text().as_str()), (200, Some("0"), ""));
        assert_eq!(self.header("transfer-encoding"), None);
    }
}

async fn read_head(connection: &mut Connection) -> io::Result<(u16, Vec<(String, String)>)> {
    let status_line = read_line(connection).await?;
    let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("not a status line: {status_line:?}")))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(connection).await?;
        let Some((name, value)) = line.split_once(':') else { return Ok((status, headers)) };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

/// A line without its end; the connection's end is an error.
pub(crate) async fn read_line(connection: &mut Connection) -> io::Result<String> {
    let mut line = String::new();
    if connection.read_line(&mut line).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn read_body(connection: &mut Connection, status: u16, headers: &[(String, String)]) -> io::Result<Vec<u8>> {
    let header = |name: &str| headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str());
    let mut body = Vec::new();
    if let Some(length) = header("content-length").and_then(|length| length.parse().ok()) {
        body.resize(length, 0);
        connection.read_exact(&mut body).await?;
    } else if header("transfer-encoding") == Some("chunked") {
        while let Some(chunk) = read_chunk(connection).await? {
            body.extend(chunk);
        }
    } else if status != 204 && status != 304 {
        connection.read_to_end(&mut body).await?;
    }
    Ok(body)
}

/// The next chunk of a chunked body; nothing at its end.
pub(crate) async fn read_chunk(connection: &mut Connection) -> io::Result<Option<Vec<u8>>> {
    let line = read_line(connection).await?;
    let size = line.split(';').next().and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
    let size = size.ok_or_else(|| io::Error::other(format!("not a chunk: {line:?}")))?;
    let mut chunk = vec![0; size + 2];
    connection.read_exact(&mut chunk).await?;
    chunk.truncate(size);
    Ok((size > 0).then_some(chunk))
}
