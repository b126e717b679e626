//! The keys of others whose tokens projects take: read again now and then, because nobody says when they change.

use std::{sync::Arc, time::Duration};

use control_plane_api::ProjectRef;
use tokio_util::sync::CancellationToken;

use super::Reconciler;
use crate::{error::Error, in_force, signing::ThirdParty};

/// Between two looks. Upstream takes up to half an hour.
const LOOK_AGAIN: Duration = Duration::from_mins(10);

impl Reconciler {
    /// Looks at once and then now and then, until told to stop. What can't be read stays in force as it was.
    pub(super) async fn follow_keys(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(LOOK_AGAIN);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.read_all_keys() => {}
            }
        }
    }

    async fn read_all_keys(&self) {
        let all = match self.installation.store.third_parties_elsewhere(&self.installation.node).await {
            Ok(all) => all,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "reading third parties");
                return;
            }
        };
        for (project_ref, one) in all {
            if let Err(error) = self.read_keys(&project_ref, &one).await {
                tracing::warn!(project.ref = %project_ref, third_party = %one.id, error = &error as &dyn std::error::Error, "reading a third party's keys");
            }
        }
    }

    async fn read_keys(&self, project_ref: &ProjectRef, one: &ThirdParty) -> Result<(), Error> {
        let keys = one.source.resolve(&*self.routes).await?;
        self.installation.store.renew_third_party(project_ref, one.id, &keys).await?;
        if keys == one.keys { Ok(()) } else { in_force::put(&self.installation, &*self.routes, project_ref).await }
    }
}
