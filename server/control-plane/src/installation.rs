//! What the parts of the control plane in one process share.

use std::{path::Path, sync::Arc};

use tokio::sync::Notify;

use crate::{
    archive::Depot,
    feed::EventFeed,
    in_force::Telling,
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
    pub(crate) telling: Arc<Telling>,
    wake: Arc<Notify>,
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
            telling: Arc::default(),
            wake: Arc::default(),
        }
    }

    /// Has the reconciler look at the rows now.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits until somebody has called [`wake`](Self::wake). Cancel-safe.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }
}
