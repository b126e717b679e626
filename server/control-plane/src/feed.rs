//! Tells waiting readers that something about a project has changed. The events themselves are rows; this only says when
//! to look, so that nothing is lost when a reader is slow.

use control_plane_api::{Notice, NoticeKind, ProjectRef};
use tokio::sync::broadcast;

/// How many unread notices a reader may lag behind before it looks anyway.
const CAPACITY: usize = 256;

/// Notices about projects, within this process.
#[derive(Debug, Clone)]
pub(crate) struct EventFeed {
    sender: broadcast::Sender<Notice>,
}

impl Default for EventFeed {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(CAPACITY) }
    }
}

impl EventFeed {
    /// Says that the project has changed.
    pub(crate) fn notify(&self, project_ref: &ProjectRef) {
        self.send(NoticeKind::Changed, project_ref);
    }

    /// Says that the project was measured.
    pub(crate) fn notify_measured(&self, project_ref: &ProjectRef) {
        self.send(NoticeKind::Measured, project_ref);
    }

    fn send(&self, kind: NoticeKind, project_ref: &ProjectRef) {
        // No receiver is no error: nobody is looking.
        let _ = self.sender.send(Notice { kind, project_ref: Some(project_ref.clone()) });
    }

    /// Begins to listen. Subscribe before reading rows, so that no change falls in between.
    pub(crate) fn subscribe(&self) -> Subscription {
        Subscription { receiver: self.sender.subscribe() }
    }
}

/// A reader of the feed.
#[derive(Debug)]
pub(crate) struct Subscription {
    receiver: broadcast::Receiver<Notice>,
}

impl Subscription {
    /// The next notice, about any project. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Notice {
        match self.receiver.recv().await {
            Ok(notice) => notice,
            Err(broadcast::error::RecvError::Lagged(_)) => Notice { kind: NoticeKind::Changed, project_ref: None },
            // The sender lives as long as the process; without it there is nothing to wait for.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }

    /// Waits for a notice about the project, or one that may be. Cancel-safe.
    pub(crate) async fn about(&mut self, project_ref: &ProjectRef) -> NoticeKind {
        loop {
            let notice = self.next().await;
            if notice.project_ref.is_none_or(|about| about == *project_ref) {
                return notice.kind;
            }
        }
    }
}
