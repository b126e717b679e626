//! What the parts of the control plane in one process share.

use std::{path::Path, sync::Arc};

use tokio::sync::{Mutex, MutexGuard, Notify};

use crate::{
    archive::Depot,
    feed::EventFeed,
    secrets::{MasterKey, Vault},
    store::{Node, Store},
    usage::UsageBook,
};

/// The control-plane database with the key that opens its secrets, which node this is, and what service and reconciler tell
/// each other beside the rows; and where archives wait. Clones share everything.
#[derive(Debug, Clone)]
pub struct Installation {
    pub(crate) store: Store,
    pub(crate) vault: Vault,
    pub(crate) node: Node,
    pub(crate) depot: Depot,
    pub(crate) feed: EventFeed,
    pub(crate) usage: Arc<UsageBook>,
    wake: Arc<Notify>,
    auth_turn: Arc<Mutex<()>>,
}

impl Installation {
    /// Puts it together. `node` is what `store` answered to [`Store::claim`] with this key; the caller holds its data
    /// folder's lock.
    #[must_use]
    pub fn new(store: Store, key: &MasterKey, node: Node, data_dir: &Path) -> Self {
        Self {
            store,
            vault: Vault::new(key),
            node,
            depot: Depot::new(data_dir, key),
            feed: EventFeed::default(),
            usage: Arc::default(),
            wake: Arc::default(),
            auth_turn: Arc::default(),
        }
    }

    /// Has the reconciler look at the rows now.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Held from reading what a project's Auth is told until that is in force, so that what is read first is never in force last.
    pub(crate) async fn auth_turn(&self) -> MutexGuard<'_, ()> {
        self.auth_turn.lock().await
    }

    /// Waits until somebody has called [`wake`](Self::wake). Cancel-safe.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }
}
