//! A way to the cluster that a test can close and open again.

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use crate::TestDatabase;

/// A port of 127.0.0.1 that leads to a database, or nowhere: what a program sees of a database that is not there yet, goes, or
/// comes back. The cluster itself is shared by all tests of the process and stays.
#[derive(Debug)]
pub struct Link {
    port: u16,
    target: u16,
    forwarding: Option<JoinHandle<()>>,
}

impl Link {
    /// A link that is closed: nobody listens on its port.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn closed(database: &TestDatabase) -> Self {
        let port = postgres_cluster::free_loopback_port().unwrap_or_else(|error| panic!("no port: {error:?}"));
        Self { port, target: database.port(), forwarding: None }
    }

    /// The port, open or closed.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From here on connections reach the database.
    ///
    /// # Panics
    /// When another process has taken the port.
    pub async fn open(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await;
        let listener = listener.unwrap_or_else(|error| panic!("listen on {}: {error}", self.port));
        self.forwarding = Some(tokio::spawn(forward(listener, self.target)));
    }

    /// Ends every connection; later ones are refused.
    pub async fn close(&mut self) {
        if let Some(forwarding) = self.forwarding.take() {
            forwarding.abort();
            // Cancelled, which is what was asked for.
            forwarding.await.ok();
        }
    }
}

async fn forward(listener: TcpListener, target: u16) {
    // Dropped with this task, and its connections with it.
    let mut open = JoinSet::new();
    while let Ok((mut client, _)) = listener.accept().await {
        open.spawn(async move {
            let mut server = TcpStream::connect(("127.0.0.1", target)).await?;
            copy_bidirectional(&mut client, &mut server).await
        });
    }
}
