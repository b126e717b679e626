//! Development only: one of the data plane's programs as a test runs it. Given variables and nothing else of the
//! environment, started until it says where it listens, asked over the network, told to stop.
//!
//! Whatever goes wrong here is the test's failure, so nothing is an error. What this crate does not know: any program's
//! variables, and how requests are signed.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a failure here is the test's failure")]

use std::{
    net::SocketAddr,
    process::{Output, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
    sync::mpsc,
};

/// Longest time for anything to come about. Only a failure takes as long, or a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program and its variables.
#[derive(Debug, Clone)]
pub struct Given {
    program: &'static str,
    variables: Vec<(&'static str, String)>,
    arguments: Vec<String>,
}

impl Given {
    /// `program` is the path of the executable, as `CARGO_BIN_EXE_<name>` has it.
    #[must_use]
    pub fn new(program: &'static str, variables: Vec<(&'static str, String)>) -> Self {
        Self { program, variables, arguments: Vec::new() }
    }

    /// Another value for a variable, or one more.
    #[must_use]
    pub fn with(mut self, variable: &'static str, value: &str) -> Self {
        self.variables.retain(|(known, _)| *known != variable);
        self.variables.push((variable, value.to_owned()));
        self
    }

    /// One more argument.
    #[must_use]
    pub fn with_argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command.env_clear().envs(self.variables.iter().map(|(name, value)| (name, value))).kill_on_drop(true);
        command.args(&self.arguments);
        command
    }

    /// Runs it to its end, which should come at once: exit code and what it said on stderr.
    pub async fn ends(&self, arguments: &[&str]) -> (i32, String) {
        let Output { status, stderr, .. } = within(self.command().args(arguments).output()).await.unwrap();
        (status.code().unwrap(), String::from_utf8(stderr).unwrap())
    }

    /// As [`Self::ends`]: exit code and what it printed on stdout.
    pub async fn prints(&self, arguments: &[&str]) -> (i32, String) {
        let Output { status, stdout, .. } = within(self.command().args(arguments).output()).await.unwrap();
        (status.code().unwrap(), String::from_utf8(stdout).unwrap())
    }

    /// Starts it and waits until it says that it listens, and where.
    pub async fn start(self) -> Running {
        let mut child = self.command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = mpsc::unbounded_channel();
        tokio::spawn(pass_on(child.stdout.take().unwrap(), sender.clone()));
        tokio::spawn(pass_on(child.stderr.take().unwrap(), sender));
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut running = Running { given: self, child, lines, log: String::new(), address: nowhere, admin: None };
        let line = running.logs(" listening ").await;
        let address = |name: &str| line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        // A socket of this machine is the test's own business.
        let parsed = |text: &str| text.trim_matches('"').parse().ok();
        running.address = address("address").and_then(parsed).unwrap_or(nowhere);
        running.admin = address("admin").and_then(parsed);
        running
    }
}

/// Reads all the while, so that the program never waits for us.
async fn pass_on(written: impl AsyncRead + Unpin, lines: mpsc::UnboundedSender<String>) {
    let mut written = BufReader::new(written).lines();
    while let Ok(Some(line)) = written.next_line().await {
        let _ = lines.send(line);
    }
}

/// A program that runs. Killed with its value.
#[derive(Debug)]
pub struct Running {
    /// What it was started with.
    pub given: Given,
    /// What it has written on stderr and stdout, as far as it was read.
    pub log: String,
    /// Where its services listen.
    pub address: SocketAddr,
    /// Where it says whether it lives and is ready.
    pub admin: Option<SocketAddr>,
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Running {
    /// Waits for a line of the log with this in it, and answers it.
    pub async fn logs(&mut self, part: &str) -> String {
        loop {
            let line = within(self.lines.recv()).await.unwrap_or_else(|| panic!("it ended: {}", self.log));
            self.log.push_str(&line);
            self.log.push('\n');
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Sends it a signal.
    pub fn tell(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).unwrap();
        rustix::process::kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Its number, for what the kernel knows of it.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Its exit code and all that it has logged, once it has ended.
    pub async fn ended(mut self) -> (Option<i32>, String) {
        let status = within(self.child.wait()).await.unwrap();
        while let Some(line) = within(self.lines.recv()).await {
            self.log.push_str(&line);
            self.log.push('\n');
        }
        (status.code(), self.log)
    }
}

/// Sends a request written as `METHOD /path`, header lines, an empty line and a body: the whole answer.
pub async fn send(address: SocketAddr, request: &str) -> String {
    let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
    let (target, headers) = head.split_once('\n').unwrap_or((head, ""));
    let mut message = format!("{target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for line in headers.lines() {
        message.push_str(&format!("{line}\r\n"));
    }
    message.push_str(&format!("\r\n{body}"));
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(message.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    within(exchange).await
}

/// As [`send`]: status and body.
pub async fn ask(address: SocketAddr, request: &str) -> (u16, String) {
    let answer = send(address, request).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// What must come about in time.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it took too long")
}
