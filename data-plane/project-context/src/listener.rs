//! A connection that listens and does nothing else: what runs on the others can neither silence it nor keep it busy.

use postgres_protocol::escape::escape_identifier;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

use crate::database::{ConnectError, Database, Opened};

/// Notifications of one channel, by a connection of their own, which ends with this.
#[derive(Debug)]
pub struct Subscription {
    notifications: broadcast::Receiver<String>,
    /// For as long as it is there, so is the connection.
    _client: Client,
    /// Nobody needs to hear of changes any more.
    closed: CancellationToken,
}

impl Subscription {
    /// Connects, and listens until `closed`.
    pub(crate) async fn open(database: &Database, channel: &str, closed: CancellationToken) -> Result<Self, ConnectError> {
        let Opened { client, notifications, reached, .. } = Box::pin(database.open()).await?;
        let listen = format!("LISTEN {}", escape_identifier(channel));
        client.batch_execute(&listen).await.map_err(|error| reached.failed(error))?;
        Ok(Self { notifications, _client: client, closed })
    }

    /// The next payload; `None` once the connection is closed, after which notifications were possibly missed.
    pub async fn next(&mut self) -> Option<String> {
        let received = tokio::select! {
            () = self.closed.cancelled() => return None,
            received = self.notifications.recv() => received,
        };
        match received {
            Ok(payload) => Some(payload),
            // Falling behind means that something was sent: an empty payload is the most general message.
            Err(RecvError::Lagged(_)) => Some(String::new()),
            Err(RecvError::Closed) => None,
        }
    }
}
