//! One database of a test, dropped with its value.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use postgres_cluster::{Binaries, SUPERUSER};
use tokio_postgres::Client;

use crate::{TestCluster, connect};

/// A fresh copy of a new project's database. Dropped from the cluster, best-effort, when the value is.
#[derive(Debug)]
pub struct TestDatabase {
    cluster: &'static TestCluster,
    name: String,
}

impl TestDatabase {
    pub(crate) fn new(cluster: &'static TestCluster, name: String) -> Self {
        Self { cluster, name }
    }

    /// Its name in the cluster.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder of the unix socket.
    pub fn socket_dir(&self) -> &Path {
        self.cluster.socket_dir()
    }

    /// The port, on 127.0.0.1 and in the socket's name.
    pub fn port(&self) -> u16 {
        self.cluster.port()
    }

    /// The password of every login role.
    pub fn password(&self) -> &'static str {
        self.cluster.password()
    }

    /// A connection string over TCP for one of [`project_template::LOGIN_ROLES`].
    pub fn url(&self, role: &str) -> String {
        format!("postgres://{role}:{}@127.0.0.1:{}/{}", self.password(), self.port(), self.name)
    }

    /// What PostgreSQL's `psql` or `pg_dump` prints as a role, or why it fails. Blocks, but the database is another process.
    ///
    /// # Errors
    /// What the program says on stderr, where it ends with another code than 0.
    ///
    /// # Panics
    /// When it can't be run.
    #[expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]
    pub fn program(&self, role: &str, name: &str, arguments: &[&str], input: &str) -> Result<String, String> {
        let mut child = Command::new(Binaries::discover(None).unwrap().folder().join(name))
            .args(arguments)
            .arg(format!("--dbname={}", self.url(role)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// A connection over the unix socket; it closes with the client.
    ///
    /// # Panics
    /// When it can't be made.
    pub async fn connect(&self, role: &str) -> Client {
        let client = connect(self.socket_dir(), self.port(), role, self.password(), &self.name).await;
        client.unwrap_or_else(|error| panic!("{error:?}"))
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // A thread of its own: the test's runtime is ending, and dropping must not hold the test up.
        let (cluster, name) = (self.cluster, std::mem::take(&mut self.name));
        let drop_database = async move {
            let admin = connect(cluster.socket_dir(), cluster.port(), SUPERUSER, cluster.password(), "postgres").await?;
            admin.batch_execute(&format!("drop database if exists {name} with (force)")).await?;
            anyhow::Ok(())
        };
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            // The watchdog removes the whole cluster in the end; a failure here only keeps the space until then.
            runtime.map(|runtime| runtime.block_on(drop_database).ok()).ok()
        });
    }
}
