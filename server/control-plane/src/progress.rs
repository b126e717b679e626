//! What a step that takes long says of itself, as events of the project.

use std::time::Duration;

use control_plane_api::{EventKind, ProjectRef};
use tokio::sync::mpsc;

use crate::{
    installation::Installation,
    provisioner::Progress,
    store::{Lease, NewEvent},
};

/// Lines are gathered for so long into one event.
const GATHER: Duration = Duration::from_millis(500);
/// Lines of an event: the last ones of all that was said, so that whoever looks at one event sees where it stands.
const LINES: usize = 12;

/// Writes lines as events, a few times a second at most, until it is dropped.
#[derive(Debug)]
pub(crate) struct StepEvents {
    lines: mpsc::UnboundedSender<String>,
}

impl StepEvents {
    pub(crate) fn new(installation: &Installation, lease: &Lease, project_ref: &ProjectRef) -> Self {
        let (lines, received) = mpsc::unbounded_channel();
        let event = NewEvent::step(EventKind::StepProgress, lease.kind, lease.step);
        tokio::spawn(write(installation.clone(), lease.project_id, project_ref.clone(), event, received));
        Self { lines }
    }
}

impl Progress for StepEvents {
    fn line(&self, text: &str) {
        // The writer ends after us.
        let _ = self.lines.send(text.trim_end().to_owned());
    }
}

async fn write(
    installation: Installation,
    project_id: i64,
    project_ref: ProjectRef,
    event: NewEvent,
    mut received: mpsc::UnboundedReceiver<String>,
) {
    let mut lines = Vec::new();
    while let Some(first) = received.recv().await {
        lines.push(first);
        let gathered = tokio::time::sleep(GATHER);
        tokio::pin!(gathered);
        loop {
            tokio::select! {
                () = &mut gathered => break,
                line = received.recv() => match line {
                    Some(line) => lines.push(line),
                    None => break,
                },
            }
        }
        lines.drain(..lines.len().saturating_sub(LINES));
        let written = installation.store.record_progress(project_id, event.clone().with_message(lines.join("\n"))).await;
        match written {
            Ok(()) => installation.feed.notify(&project_ref),
            // The project may be gone; the lines are no loss.
            Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "writing a step's progress"),
        }
    }
}
