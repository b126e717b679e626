//! The socket proxy of compose.yaml, played by this program: wollomatic/socket-proxy can't be had everywhere, and what is to
//! be known is what its words let through. As it does, by its documentation and source: a method that is not named is
//! refused; the path, decoded and without the query, must fit the whole expression; and bind mounts are looked for in the
//! bodies that make or change a container.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::body::{Body, Bytes};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use regex::Regex;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener, UnixStream},
    task::JoinHandle,
};

/// What the proxy is told.
#[derive(Debug)]
pub(crate) struct AllowList {
    methods: BTreeMap<String, (Regex, Vec<Entry>)>,
    bind_folders: Vec<String>,
}

/// One of the calls that an expression allows.
#[derive(Debug)]
struct Entry {
    call: String,
    expression: Regex,
    used: AtomicBool,
}

impl AllowList {
    /// From the words of the service `engine`.
    pub(crate) fn of_compose_file() -> Self {
        let file = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../compose.yaml")).unwrap();
        let mut list = Self { methods: BTreeMap::new(), bind_folders: Vec::new() };
        for word in file.lines().filter_map(|line| line.trim().strip_prefix("- -allow")) {
            let (name, value) = word.split_once('=').unwrap();
            // Compose would take one for a variable of its own.
            assert!(!value.contains('$'), "{value}");
            // The proxy puts it between ^ and $, of which each part would get only one.
            assert_eq!(split(value).len(), 1, "{value} must stand in parentheses");
            match name {
                "from" => assert_eq!(value, "supacloud", "nobody else may ask"),
                "bindmountfrom" => list.bind_folders.extend(value.split(',').map(str::to_owned)),
                method => {
                    let entries = alternatives(value).into_iter().map(|entry| Entry {
                        call: format!("{method} {entry}"),
                        expression: whole(&entry),
                        used: AtomicBool::new(false),
                    });
                    let before = list.methods.insert(method.to_owned(), (whole(value), entries.collect()));
                    assert!(before.is_none(), "{method} stands there twice");
                }
            }
        }
        assert!(!list.methods.is_empty() && !list.bind_folders.is_empty());
        list
    }

    /// Why a call is refused.
    pub(crate) fn refuses(&self, method: &Method, path: &str, body: &[u8]) -> Option<(StatusCode, String)> {
        let Some((expression, entries)) = self.methods.get(method.as_str()) else {
            return Some((StatusCode::METHOD_NOT_ALLOWED, format!("{method} {path}")));
        };
        let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
        if !expression.is_match(&path) {
            return Some((StatusCode::FORBIDDEN, format!("{method} {path}")));
        }
        if let Some(folder) = self.foreign_folder(method, &path, body) {
            return Some((StatusCode::FORBIDDEN, format!("{method} {path} with the folder {folder}")));
        }
        let fitting: Vec<&Entry> = entries.iter().filter(|entry| entry.expression.is_match(&path)).collect();
        assert!(!fitting.is_empty(), "{path} fits the whole and none of its parts");
        fitting.iter().for_each(|entry| entry.used.store(true, Ordering::Relaxed));
        None
    }

    /// A folder of the machine that a container is to have, and that is not among those allowed.
    fn foreign_folder(&self, method: &Method, path: &str, body: &[u8]) -> Option<String> {
        if !is_looked_into(method, path) {
            return None;
        }
        let body: Value = serde_json::from_slice(body).ok()?;
        let host = &body["HostConfig"];
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let binds = list(&host["Binds"]).into_iter().filter_map(|bind| Some(bind.as_str()?.split(':').next()?.to_owned()));
        let mounts = list(&host["Mounts"]).into_iter().flat_map(|mount| {
            let source = (mount["Type"] == "bind").then(|| mount["Source"].clone());
            [source.unwrap_or_default(), mount["VolumeOptions"]["DriverConfig"]["Options"]["device"].clone()]
        });
        let mounts = mounts.filter_map(|source| Some(source.as_str()?.to_owned()));
        let is_allowed = |source: &String| self.bind_folders.iter().any(|folder| cleaned(source).starts_with(folder));
        binds.chain(mounts).find(|source| source.starts_with('/') && !is_allowed(source))
    }

    /// Calls that are allowed and that nobody has made.
    pub(crate) fn unused(&self) -> Vec<&str> {
        let entries = self.methods.values().flat_map(|(_, entries)| entries);
        entries.filter(|entry| !entry.used.load(Ordering::Relaxed)).map(|entry| entry.call.as_str()).collect()
    }
}

/// The folder that an absolute path means.
fn cleaned(path: &str) -> PathBuf {
    path.split('/').fold(PathBuf::from("/"), |folder, part| match part {
        ".." => folder.parent().unwrap_or(Path::new("/")).to_owned(),
        "." => folder,
        part => folder.join(part),
    })
}

/// With or without the version that goes before it.
fn is_looked_into(method: &Method, path: &str) -> bool {
    let mut parts: Vec<&str> = path.split('/').skip(1).collect();
    if parts.first().is_some_and(|part| part.starts_with('v') && part[1..].starts_with(|digit: char| digit.is_ascii_digit())) {
        parts.remove(0);
    }
    method == Method::POST
        && parts.first() == Some(&"containers")
        && (parts.get(1) == Some(&"create") || parts.get(2) == Some(&"update"))
}

fn whole(expression: &str) -> Regex {
    Regex::new(&format!("^{expression}$")).unwrap()
}

/// Every way through an expression's alternatives, each an expression of its own. What may be missing or come again stays as
/// it is.
fn alternatives(expression: &str) -> Vec<String> {
    let mut ways = vec![String::new()];
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let (piece, is_group) = match first {
            '(' => (group(rest), true),
            '[' => (&rest[..=rest.find(']').unwrap()], false),
            '\\' => (&rest[..2], false),
            _ => (&rest[..first.len_utf8()], false),
        };
        rest = &rest[piece.len()..];
        let choices = if is_group && !rest.starts_with(['?', '*', '+']) {
            split(&piece[1..piece.len() - 1]).into_iter().flat_map(alternatives).collect()
        } else {
            vec![piece.to_owned()]
        };
        ways = ways.iter().flat_map(|way| choices.iter().map(move |choice| format!("{way}{choice}"))).collect();
    }
    ways
}

/// The letters that mean something: those in no set and behind no backslash.
fn signs(text: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut in_set, mut escaped) = (false, false);
    text.char_indices().filter(move |(_, letter)| {
        let means = !in_set && !escaped && *letter != '[';
        in_set = !escaped && (*letter == '[' || (in_set && *letter != ']'));
        escaped = *letter == '\\' && !escaped;
        means
    })
}

/// The group that a text begins with.
fn group(text: &str) -> &str {
    let mut depth = 0;
    for (place, letter) in signs(text) {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[..=place];
        }
    }
    panic!("{text} has an open group")
}

/// The parts between the bars that are in no group.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut begin) = (Vec::new(), 0, 0);
    for (place, letter) in signs(text) {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            '|' if depth == 0 => {
                parts.push(&text[begin..place]);
                begin = place + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}

/// A proxy at a port or a socket of this machine. Gone when dropped.
#[derive(Debug)]
pub(crate) struct SocketProxy {
    host: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    list: AllowList,
    refused: Mutex<Vec<String>>,
}

impl SocketProxy {
    /// In front of this machine's engine, at a port.
    pub(crate) async fn start(list: AllowList) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("tcp://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared { list, refused: Mutex::default() });
        let served = Arc::clone(&shared);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(&served, stream);
            }
        });
        Self { host, shared, serving }
    }

    /// The same at a socket.
    pub(crate) fn start_at(path: &Path, list: AllowList) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let shared = Arc::new(Shared { list, refused: Mutex::default() });
        let served = Arc::clone(&shared);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(&served, stream);
            }
        });
        Self { host: format!("unix://{}", path.display()), shared, serving }
    }

    /// In the form of `DOCKER_HOST`.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn list(&self) -> &AllowList {
        &self.shared.list
    }

    /// What was refused so far.
    pub(crate) fn refused(&self) -> Vec<String> {
        self.shared.refused.lock().unwrap().clone()
    }
}

impl Drop for SocketProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn serve(shared: &Arc<Shared>, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
    let shared = Arc::clone(shared);
    let service = service_fn(move |request| pass(Arc::clone(&shared), request));
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::spawn(connection.with_upgrades());
}

async fn pass(shared: Arc<Shared>, request: Request<Incoming>) -> anyhow::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let (body, read) = if is_looked_into(&parts.method, parts.uri.path()) {
        let read = body.collect().await?.to_bytes();
        (Body::from(read.clone()), read)
    } else {
        (Body::new(body), Bytes::new())
    };
    if let Some((status, call)) = shared.list.refuses(&parts.method, parts.uri.path(), &read) {
        shared.refused.lock().unwrap().push(call);
        return Ok(Response::builder().status(status).body(Body::from(status.to_string()))?);
    }
    let mut request = Request::from_parts(parts, body);
    let client = request.headers().contains_key(header::UPGRADE).then(|| hyper::upgrade::on(&mut request));
    let engine = UnixStream::connect("/var/run/docker.sock").await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(engine)).await?;
    tokio::spawn(connection.with_upgrades());
    let mut response = sender.send_request(request).await?;
    if let Some(client) = client.filter(|_| response.status() == StatusCode::SWITCHING_PROTOCOLS) {
        let engine = hyper::upgrade::on(&mut response);
        tokio::spawn(async move {
            let (Ok(client), Ok(engine)) = (client.await, engine.await) else { return };
            let (mut from_client, mut to_client) = tokio::io::split(TokioIo::new(client));
            let (mut from_engine, mut to_engine) = tokio::io::split(TokioIo::new(engine));
            // As with Go's proxy before 1.24: the end of either direction is the end of both.
            tokio::select! {
                _ = tokio::io::copy(&mut from_client, &mut to_engine) => {}
                _ = tokio::io::copy(&mut from_engine, &mut to_client) => {}
            }
        });
    }
    Ok(response.map(Body::new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_are_told_apart() {
        let list = |expression| alternatives(expression);
        assert_eq!(list("(/v1)?/(a|b/[x|)]+/(c|d)|e)"), ["(/v1)?/a", "(/v1)?/b/[x|)]+/c", "(/v1)?/b/[x|)]+/d", "(/v1)?/e"]);
        assert_eq!(list(r"/v1\.[0-9]+/(a|(b/)*c)"), [r"/v1\.[0-9]+/a", r"/v1\.[0-9]+/(b/)*c"]);
    }
}
