//! Having a project's services and its address go by what is kept. Whoever reads the rows to put them in force holds the project's
//! turn meanwhile, so that what is read first is never in force last. Services that can't be told are told again until they can.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use control_plane_api::ProjectRef;
use tokio::sync::{Notify, OwnedMutexGuard};
use tokio_util::sync::CancellationToken;

use crate::{
    error::Error,
    installation::Installation,
    routes::{InForce, Routes},
    signing::KeysInForce,
};

/// Between two tries to tell services what they could not be told.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// Whose turn it is to be told, and who could not be.
#[derive(Debug, Default)]
pub(crate) struct Telling {
    turns: Mutex<HashMap<ProjectRef, Arc<tokio::sync::Mutex<()>>>>,
    untold: Mutex<HashSet<ProjectRef>>,
    any_untold: Notify,
}

impl Telling {
    /// The project's turn. Held from reading what its services are told until that is in force.
    pub(crate) async fn turn(&self, project_ref: &ProjectRef) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            // Nobody else holds or waits for those.
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(project_ref.clone()).or_default())
        };
        turn.lock_owned().await
    }

    fn untold(&self) -> Vec<ProjectRef> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn note(&self, project_ref: &ProjectRef, is_told: bool) {
        let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
        if is_told {
            untold.remove(project_ref);
        } else if untold.insert(project_ref.clone()) {
            self.any_untold.notify_one();
        }
    }
}

/// What the project is to go by, as it is kept now.
pub(crate) async fn read(installation: &Installation, project_ref: &ProjectRef) -> Result<InForce, Error> {
    let Installation { store, vault, .. } = installation;
    let project = store.project(project_ref).await?;
    let secrets = store.secrets(vault, &project).await?;
    let auth = store.auth_config(vault, &project).await?;
    let keys = KeysInForce::of(project_ref, &secrets, &store.signing(vault, &project).await?)?;
    Ok(InForce { secrets, auth, keys })
}

/// Puts in force what is kept: of two changes at once, the later one. Nothing is to be done for a project that does not run.
pub(crate) async fn put(installation: &Installation, routes: &dyn Routes, project_ref: &ProjectRef) -> Result<(), Error> {
    let _turn = installation.telling.turn(project_ref).await;
    let told = routes.configure(project_ref, read(installation, project_ref).await?).await;
    installation.telling.note(project_ref, told.is_ok());
    Ok(told?)
}

/// Tells services again what they could not be told, until told to stop.
pub(crate) async fn tell_again(installation: Installation, routes: Arc<dyn Routes>, stop: CancellationToken) {
    let telling = &installation.telling;
    loop {
        let untold = telling.untold();
        let pause =
            async { if untold.is_empty() { telling.any_untold.notified().await } else { tokio::time::sleep(AGAIN_AFTER).await } };
        tokio::select! {
            () = stop.cancelled() => return,
            () = pause => {}
        }
        for project_ref in untold {
            match put(&installation, &*routes, &project_ref).await {
                Ok(()) => tracing::info!(project.ref = %project_ref, "services that could not be told of a change go by it now"),
                Err(Error::ProjectNotFound(_)) => telling.note(&project_ref, true),
                Err(error) => {
                    tracing::warn!(project.ref = %project_ref, error = &error as &dyn std::error::Error, "telling services of a change");
                }
            }
        }
    }
}
