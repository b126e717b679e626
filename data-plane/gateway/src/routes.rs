//! Which projects are live, and where.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use axum::Router;
use control_plane_api::{ProjectRef, ProjectState};
use project_context::ApiKeys;
use tokio::sync::Semaphore;

use crate::Limits;

/// A live project: its keys and its services.
pub struct Upstream {
    pub(crate) keys: ApiKeys,
    pub(crate) services: Router,
    /// Places for requests at work.
    pub(crate) places: Arc<Semaphore>,
    /// Places for requests that wait for one of those.
    pub(crate) queue: Arc<Semaphore>,
}

impl Upstream {
    /// A project whose services run in this process, or elsewhere behind [`crate::remote::router`].
    #[must_use]
    pub fn new(keys: ApiKeys, services: Router, limits: &Limits) -> Self {
        let places = Arc::new(Semaphore::new(limits.concurrency));
        let queue = Arc::new(Semaphore::new(limits.queue_length));
        Self { keys, services, places, queue }
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").finish_non_exhaustive()
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Route {
    NotReady(ProjectState),
    Live(Arc<Upstream>),
}

/// Routes by project. Reading takes no lock that a writer holds for long.
#[derive(Debug, Default)]
pub struct RouteTable {
    routes: RwLock<HashMap<ProjectRef, Route>>,
}

impl RouteTable {
    /// Opens a project's address.
    pub fn publish(&self, project_ref: ProjectRef, upstream: Upstream) {
        self.write(|routes| routes.insert(project_ref, Route::Live(Arc::new(upstream))));
    }

    /// Has a live project's requests admitted by other keys from now on. Nothing happens to one that is not live.
    pub fn set_keys(&self, project_ref: &ProjectRef, keys: ApiKeys) {
        self.write(|routes| match routes.get_mut(project_ref)? {
            Route::Live(upstream) => {
                let Upstream { services, places, queue, .. } = &**upstream;
                let services = services.clone();
                let (places, queue) = (Arc::clone(places), Arc::clone(queue));
                Some(Route::Live(std::mem::replace(upstream, Arc::new(Upstream { keys, services, places, queue }))))
            }
            Route::NotReady(_) => None,
        });
    }

    /// Closes a project's address; requests learn the project's state. Those at work go on.
    pub fn withdraw(&self, project_ref: &ProjectRef, state: ProjectState) {
        self.write(|routes| routes.insert(project_ref.clone(), Route::NotReady(state)));
    }

    /// Removes a project's address.
    pub fn forget(&self, project_ref: &ProjectRef) {
        self.write(|routes| routes.remove(project_ref));
    }

    /// Whether the project is live.
    #[must_use]
    pub fn is_live(&self, project_ref: &ProjectRef) -> bool {
        matches!(self.find(project_ref), Some(Route::Live(_)))
    }

    /// The services of a live project, for who needs no API key: this program itself.
    #[must_use]
    pub fn services(&self, project_ref: &ProjectRef) -> Option<Router> {
        match self.find(project_ref)? {
            Route::Live(upstream) => Some(upstream.services.clone()),
            Route::NotReady(_) => None,
        }
    }

    /// Whether there is such a project, live or not.
    #[must_use]
    pub fn knows(&self, project_ref: &ProjectRef) -> bool {
        self.find(project_ref).is_some()
    }

    /// Every project there is, live or not, in an order that stays.
    #[must_use]
    pub fn project_refs(&self) -> Vec<ProjectRef> {
        let mut refs: Vec<_> = self.routes.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        refs.sort_unstable();
        refs
    }

    pub(crate) fn find(&self, project_ref: &ProjectRef) -> Option<Route> {
        self.routes.read().unwrap_or_else(PoisonError::into_inner).get(project_ref).cloned()
    }

    fn write(&self, change: impl FnOnce(&mut HashMap<ProjectRef, Route>) -> Option<Route>) {
        // What is replaced is dropped after the lock is given back: an upstream may have much to tear down.
        let replaced = change(&mut self.routes.write().unwrap_or_else(PoisonError::into_inner));
        drop(replaced);
    }
}
