//! Tells waiting readers that something about a project has changed. The events themselves are rows; this only says when
//! to look, so that nothing is lost when a reader is slow.

use control_plane_api::ProjectRef;
use tokio::sync::broadcast;

/// How many unread notices a reader may lag behind before it looks anyway.
const CAPACITY: usize = 256;

/// Notices about changed projects, within this process.
#[derive(Debug, Clone)]
pub(crate) struct EventFeed {
    sender: broadcast::Sender<ProjectRef>,
}

impl Default for EventFeed {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(CAPACITY) }
    }
}

impl EventFeed {
    /// Says that the project has changed.
    pub(crate) fn notify(&self, project_ref: &ProjectRef) {
        // No receiver is no error: nobody is looking.
        let _ = self.sender.send(project_ref.clone());
    }

    /// Begins to listen. Subscribe before reading rows, so that no change falls in between.
    pub(crate) fn subscribe(&self) -> Subscription {
        Subscription { receiver: self.sender.subscribe() }
    }
}

/// A reader of the feed.
#[derive(Debug)]
pub(crate) struct Subscription {
    receiver: broadcast::Receiver<ProjectRef>,
}

impl Subscription {
    /// Waits until the project has changed, or may have. Cancel-safe.
    pub(crate) async fn changed(&mut self, project_ref: &ProjectRef) {
        loop {
            match self.receiver.recv().await {
                Ok(changed) if changed == *project_ref => return,
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => return,
                // The sender lives as long as the process; without it there is nothing to wait for.
                Err(broadcast::error::RecvError::Closed) => return std::future::pending().await,
            }
        }
    }
}
