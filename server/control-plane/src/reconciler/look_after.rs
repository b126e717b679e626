//! What nobody asks for: projects that are down and should not be, what belongs to no project, and what projects use.

use std::{collections::HashSet, sync::Arc, time::Duration};

use control_plane_api::{ProjectState, UsageSample};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::Reconciler;
use crate::store::StoredProject;

/// Time from the end of an operation to the look at what the project uses now.
const SOON: Duration = Duration::from_secs(1);

impl Reconciler {
    /// Looks now and then at memory and disk of every project, and whether those run that should. An exit is told at once;
    /// this finds what nobody was told of.
    pub(super) async fn look_after(self: Arc<Self>, stop: CancellationToken) {
        // Seen down at the last look. One look may meet an operation that is just changing the project.
        let mut suspects = HashSet::new();
        let mut ticks = tokio::time::interval(self.settings.usage_interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            self.remove_orphans().await;
            match self.installation.store.projects_of(&self.installation.node).await {
                Ok(projects) => {
                    for project in projects.iter().filter(|project| !project.state.is_transient()) {
                        self.measure_one(project).await;
                        if project.state != ProjectState::Running || !self.is_seen_down(project).await {
                            suspects.remove(&project.id);
                        } else if !suspects.insert(project.id)
                            && let Err(error) = self.installation.store.open_recovery(project.id, None).await
                        {
                            tracing::warn!(project.ref = %project.project_ref, error = &error as &dyn std::error::Error, "looking after a project");
                        }
                    }
                }
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "reading projects to look after"),
            }
        }
    }

    /// Destroys what a driver finds of projects that have no row, such as after an older copy of the database was put back.
    /// Rows come before what they describe, so one read after the look knows everything that was seen.
    async fn remove_orphans(&self) {
        let found = match self.provisioner.found().await {
            Ok(found) => found,
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "looking for orphans");
                return;
            }
        };
        for placement in found {
            match self.installation.store.find_project(&placement.project_ref).await {
                Ok(Some(_)) => continue,
                Ok(None) => tracing::warn!(project.ref = %placement.project_ref, "removing what belongs to no project"),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "looking for orphans");
                    return;
                }
            }
            if let Err(error) = self.provisioner.destroy(&placement).await {
                tracing::warn!(project.ref = %placement.project_ref, error = &error as &dyn std::error::Error, "removing an orphan");
            }
        }
    }

    /// Looks at a project that has just come to rest, so that its figures are not those of before; not at once, when
    /// somebody may be waiting for its first answer.
    pub(super) async fn measure_soon(self: Arc<Self>, project: StoredProject) {
        tokio::time::sleep(SOON).await;
        // It may have been deleted meanwhile.
        if let Ok(Some(project)) = self.installation.store.project_by_id(project.id).await {
            self.measure_one(&project).await;
        }
    }

    async fn measure_one(&self, project: &StoredProject) {
        match self.provisioner.usage(&project.placement()).await {
            Ok(usage) => {
                let at_ms = i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
                let sample = UsageSample { at_ms, memory_bytes: usage.memory_bytes, disk_bytes: usage.disk_bytes };
                self.installation.usage.record(&project.project_ref, sample);
                self.installation.feed.notify_measured(&project.project_ref);
            }
            Err(error) => {
                tracing::debug!(project.ref = %project.project_ref, error = &error as &dyn std::error::Error, "measuring")
            }
        }
    }
}
