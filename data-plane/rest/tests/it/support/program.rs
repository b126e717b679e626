//! The program itself, started with PostgREST's variables, and requests to it over the network.

use std::path::PathBuf;

use rustix::process::Signal;
use test_postgres::TestDatabase;
use test_program::{Given, Running, ask, send};

use super::SECRET;

/// Variables for the program.
#[derive(Clone)]
pub(crate) struct Variables(Given);

impl Variables {
    /// What a compose file gives: this database, as this role, by that port.
    pub(crate) fn for_database(database: &TestDatabase, role: &str, port: u16) -> Self {
        let uri = format!("postgres://{role}:{}@127.0.0.1:{port}/{}", database.password(), database.name());
        let variables = vec![
            ("PGRST_DB_URI", uri),
            ("PGRST_JWT_SECRET", SECRET.to_owned()),
            ("PGRST_SERVER_HOST", "127.0.0.1".to_owned()),
            ("PGRST_SERVER_PORT", "0".to_owned()),
        ];
        Self(Given::new(env!("CARGO_BIN_EXE_rest"), variables))
    }

    pub(crate) fn with(self, variable: &'static str, value: &str) -> Self {
        Self(self.0.with(variable, value))
    }

    pub(crate) fn with_file(self, path: &str) -> Self {
        Self(self.0.with_argument(path))
    }

    /// Runs it to its end, which should come at once: exit code and what it said.
    pub(crate) async fn ends(&self) -> (i32, String) {
        self.0.ends(&[]).await
    }

    /// As [`Self::ends`], with these arguments.
    pub(crate) async fn ends_with(&self, arguments: &[&str]) -> (i32, String) {
        self.0.ends(arguments).await
    }

    /// Runs it to its end with these arguments: exit code and what it printed.
    pub(crate) async fn prints(&self, arguments: &[&str]) -> (i32, String) {
        self.0.prints(arguments).await
    }

    /// Starts it and waits until it listens.
    pub(crate) async fn start(self) -> Program {
        Program(self.0.start().await)
    }
}

/// A program that runs. Killed with its value.
pub(crate) struct Program(Running);

impl Program {
    /// Waits for a line of the log.
    pub(crate) async fn logs(&mut self, part: &str) {
        self.0.logs(part).await;
    }

    /// What it has logged, as far as it was read.
    pub(crate) fn log(&self) -> &str {
        &self.0.log
    }

    /// Status and body of a request, written as by [`super::Project::send`].
    pub(crate) async fn body(&self, request: &str) -> String {
        let (status, body) = ask(self.0.address, request).await;
        format!("{status} {body}")
    }

    /// The whole answer.
    pub(crate) async fn answer(&self, request: &str) -> String {
        send(self.0.address, request).await
    }

    /// As [`Self::body`], of what it tells a supervisor.
    pub(crate) async fn admin(&self, request: &str) -> String {
        let (status, body) = ask(self.0.admin.unwrap(), request).await;
        format!("{status} {body}")
    }

    /// What `rest --ready` says in its container.
    pub(crate) async fn is_ready(&self) -> (i32, String) {
        let port = self.0.admin.unwrap().port().to_string();
        self.0.given.clone().with("PGRST_ADMIN_SERVER_PORT", &port).ends(&["--ready"]).await
    }

    /// What `rest --ready` prints there.
    pub(crate) async fn ready_says(&self) -> (i32, String) {
        let port = self.0.admin.unwrap().port().to_string();
        self.0.given.clone().with("PGRST_ADMIN_SERVER_PORT", &port).prints(&["--ready"]).await
    }

    /// Sends it a signal.
    pub(crate) fn tell(&self, signal: Signal) {
        self.0.tell(signal);
    }

    /// Its folder in `/proc`.
    pub(crate) fn proc(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.0.pid()))
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.0.address.port()
    }

    /// Its exit code and all that it has logged, once it has ended by itself.
    pub(crate) async fn ended(self) -> (Option<i32>, String) {
        self.0.ended().await
    }

    /// Asks it to stop; its exit code.
    pub(crate) async fn stop(self) -> Option<i32> {
        self.0.tell(Signal::TERM);
        self.0.ended().await.0
    }
}
