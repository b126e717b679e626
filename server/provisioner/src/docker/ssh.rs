//! The way to an engine on another machine by ssh, as Docker's own command goes it: for each connection the program `ssh`
//! runs `docker system dial-stdio` there. Which key, which known hosts, and whether connections share one session is the
//! user's configuration of ssh; nothing is asked, so an unknown host is refused.

use std::{
    io,
    pin::Pin,
    process::Stdio,
    task::{Context, Poll, ready},
};

use bollard::{Docker, errors::Error};
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    process::{ChildStderr, ChildStdin, ChildStdout, Command},
    task::JoinHandle,
};

use super::engine::over;

/// What is remembered of what ssh says, in bytes.
const MAX_WORDS: u64 = 4096;

/// Where ssh is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    user: Option<String>,
    host: String,
    port: Option<u16>,
    /// The engine's socket there, if it is not the usual one.
    socket: Option<String>,
}

impl Destination {
    /// From `ssh://[user@]host[:port][/path/of/the/socket]`.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let (authority, path) = url.strip_prefix("ssh://")?.split_once('/').unwrap_or((url.strip_prefix("ssh://")?, ""));
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user.to_owned()).filter(|user| !user.is_empty()), place),
            None => (None, authority),
        };
        // The address of IPv6 stands in brackets, and has colons itself.
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':')?)),
            None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map(str::parse).transpose().ok()?;
        let socket = (!path.is_empty()).then(|| format!("/{path}"));
        (!host.is_empty()).then(|| Self { user, host: host.to_owned(), port, socket })
    }

    fn command(&self) -> Command {
        let mut command = Command::new("ssh");
        command.args(["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=30", "-o", "ServerAliveInterval=30"]);
        if let Some(user) = &self.user {
            command.args(["-l", user]);
        }
        if let Some(port) = self.port {
            command.args(["-p", &port.to_string()]);
        }
        // Whatever the host is called, it is no option.
        command.args(["--", &self.host, "docker"]);
        if let Some(socket) = &self.socket {
            let quoted = shlex::try_quote(socket).unwrap_or_default();
            command.arg(format!("--host=unix://{quoted}"));
        }
        command.args(["system", "dial-stdio"]);
        // Ctrl-C is for the server, which may still want to say something to the engine.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        command
    }

    fn dial(&self) -> io::Result<Tunnel> {
        let mut child = self.command().spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => io::Error::new(error.kind(), "the program ssh is not installed"),
            kind => io::Error::new(kind, format!("ssh can't be started: {error}")),
        })?;
        match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
            (Some(input), Some(output), Some(words)) => {
                let words = tokio::spawn(listen(words));
                Ok(Tunnel { input: Some(input), output, words: Some(words), heard: false })
            }
            _ => Err(io::Error::other("ssh has no pipes")),
        }
    }
}

/// A client of the engine there. Connects when it is asked something.
pub(super) fn client(destination: Destination, seconds: u64) -> Result<Docker, Error> {
    let connector = tower::service_fn(move |_| std::future::ready(destination.dial().map(TokioIo::new)));
    over(connector, "http://docker", seconds)
}

/// What ssh has said once it has ended. All of it is read, so that ssh never waits for us.
async fn listen(mut words: ChildStderr) -> String {
    let mut said = Vec::new();
    let _ = (&mut words).take(MAX_WORDS).read_to_end(&mut said).await;
    let _ = tokio::io::copy(&mut words, &mut tokio::io::sink()).await;
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" ")
}

/// A connection: the pipes of a process of ssh. It ends by itself once they are closed, and not before it has sent what it
/// was given; killed, it would lose that.
#[derive(Debug)]
struct Tunnel {
    input: Option<ChildStdin>,
    output: ChildStdout,
    /// Nothing once they have been told.
    words: Option<JoinHandle<String>>,
    /// The engine has answered, so that an end is an end.
    heard: bool,
}

impl Tunnel {
    /// Why there is no connection, in ssh's own words.
    fn why(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let Some(words) = &mut self.words else { return Poll::Ready(io::ErrorKind::BrokenPipe.into()) };
        let said = ready!(Pin::new(words).poll(context)).unwrap_or_default();
        self.words = None;
        Poll::Ready(io::Error::other(Refused(if said.is_empty() { "it ended without a word".to_owned() } else { said })))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("ssh: {0}")]
struct Refused(String);

impl AsyncRead for Tunnel {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.output).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.heard = true;
        } else if !self.heard {
            return self.why(context).map(Err);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(input) = &mut self.input else { return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())) };
        match ready!(Pin::new(input).poll_write(context, bytes)) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe && !self.heard => self.why(context).map(Err),
            written => Poll::Ready(written),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_flush(context),
            None => Poll::Ready(Ok(())),
        }
    }

    /// The end of what is sent, and not of what is read: the engine sees it as one of a socket's two directions.
    fn poll_shutdown(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.input = None;
        Poll::Ready(Ok(()))
    }
}

impl Connection for Tunnel {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_read_as_dockers_own_command_does() {
        let of = |user: Option<&str>, host: &str, port, socket: Option<&str>| {
            Some(Destination { user: user.map(Into::into), host: host.to_owned(), port, socket: socket.map(Into::into) })
        };
        for (url, expected) in [
            ("ssh://host", of(None, "host", None, None)),
            ("ssh://me@host", of(Some("me"), "host", None, None)),
            ("ssh://me@host:2222", of(Some("me"), "host", Some(2222), None)),
            ("ssh://me@host:2222/", of(Some("me"), "host", Some(2222), None)),
            ("ssh://host/run/user/1000/docker.sock", of(None, "host", None, Some("/run/user/1000/docker.sock"))),
            ("ssh://me@[::1]:22", of(Some("me"), "::1", Some(22), None)),
            ("ssh://[fe80::1]", of(None, "fe80::1", None, None)),
            ("ssh://", None),
            ("ssh://me@", None),
            ("ssh://host:port", None),
            ("ssh://host:70000", None),
            ("ssh://[::1]22", None),
            ("tcp://host", None),
        ] {
            assert_eq!(Destination::parse(url), expected, "{url}");
        }
    }

    #[test]
    fn what_is_in_a_destination_is_no_option_and_no_word_of_a_shell() {
        let destination = Destination::parse("ssh://-oProxyCommand=x/a b;c").unwrap();
        let command = destination.command();
        let words: Vec<_> = command.as_std().get_args().map(|word| word.to_str().unwrap()).collect();
        let after = words.iter().position(|word| *word == "--").unwrap();
        assert_eq!(words[after + 1..], ["-oProxyCommand=x", "docker", "--host=unix://'/a b;c'", "system", "dial-stdio"]);
    }
}
