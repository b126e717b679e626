//! The program itself, started with PostgREST's variables, and requests to it over the network.

use std::{
    net::SocketAddr,
    process::{Output, Stdio},
    time::Duration,
};

use test_postgres::TestDatabase;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStderr, Command},
};

use super::SECRET;

/// Variables for the program.
#[derive(Clone)]
pub(crate) struct Variables(Vec<(&'static str, String)>);

impl Variables {
    /// What a compose file gives: this database, as this role, by that port.
    pub(crate) fn for_database(database: &TestDatabase, role: &str, port: u16) -> Self {
        let uri = format!("postgres://{role}:{}@127.0.0.1:{port}/{}", database.password(), database.name());
        Self(vec![
            ("PGRST_DB_URI", uri),
            ("PGRST_JWT_SECRET", SECRET.to_owned()),
            ("PGRST_SERVER_HOST", "127.0.0.1".to_owned()),
            ("PGRST_SERVER_PORT", "0".to_owned()),
        ])
    }

    pub(crate) fn with(mut self, variable: &'static str, value: &str) -> Self {
        self.0.retain(|(known, _)| *known != variable);
        self.0.push((variable, value.to_owned()));
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rest"));
        command.env_clear().envs(self.0.iter().map(|(name, value)| (name, value))).kill_on_drop(true);
        command
    }

    /// Runs it to its end, which should come at once: exit code and what it said.
    pub(crate) async fn ends(&self) -> (i32, String) {
        said(within(self.command().output()).await.unwrap())
    }

    /// Starts it and waits until it listens.
    pub(crate) async fn start(self) -> Program {
        let mut child = self.command().stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut log = String::new();
        let line = line_with(&mut lines, &mut log, " listening ").await;
        let address = |name: &str| line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let parsed = |text: &str| text.trim_matches('"').parse().unwrap();
        let (services, admin) = (parsed(address("address").unwrap()), address("admin").map(parsed));
        Program { variables: self, child, lines, log, address: services, admin }
    }
}

/// A program that runs. Killed with its value.
pub(crate) struct Program {
    variables: Variables,
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    /// What it has logged, as far as it was read.
    pub(crate) log: String,
    pub(crate) address: SocketAddr,
    pub(crate) admin: Option<SocketAddr>,
}

impl Program {
    /// Waits for a line of the log.
    pub(crate) async fn logs(&mut self, part: &str) {
        line_with(&mut self.lines, &mut self.log, part).await;
    }

    /// Status and body of a request, written as by [`super::Project::send`].
    pub(crate) async fn body(&self, request: &str) -> String {
        let answer = send(self.address, request).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        format!("{} {body}", head.split(' ').nth(1).unwrap())
    }

    /// The whole answer.
    pub(crate) async fn answer(&self, request: &str) -> String {
        send(self.address, request).await
    }

    /// What `rest --ready` says in its container.
    pub(crate) async fn is_ready(&self) -> (i32, String) {
        let port = self.admin.unwrap().port().to_string();
        let mut command = self.variables.clone().with("PGRST_ADMIN_SERVER_PORT", &port).command();
        said(within(command.arg("--ready").output()).await.unwrap())
    }

    /// Asks it to stop; its exit code.
    pub(crate) async fn stop(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id().unwrap()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        within(self.child.wait()).await.unwrap().code()
    }
}

async fn line_with(lines: &mut Lines<BufReader<ChildStderr>>, log: &mut String, part: &str) -> String {
    let found = async {
        loop {
            let line = lines.next_line().await.unwrap().expect("it ended");
            log.push_str(&line);
            log.push('\n');
            if line.contains(part) {
                return line;
            }
        }
    };
    within(found).await
}

fn said(output: Output) -> (i32, String) {
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

async fn send(address: SocketAddr, request: &str) -> String {
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

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("took more than 20 s")
}
