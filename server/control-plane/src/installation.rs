//! What the parts of the control plane in one process share.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::{
    feed::EventFeed,
    secrets::{MasterKey, Vault},
    store::{Node, Store},
    usage::UsageBook,
};

/// The control-plane database with the key that opens its secrets, which node this is, and what service and reconciler tell
/// each other beside the rows. Clones share everything.
#[derive(Debug, Clone)]
pub struct Installation {
    pub(crate) store: Store,
    pub(crate) vault: Vault,
    pub(crate) node: Node,
    pub(crate) feed: EventFeed,
    pub(crate) usage: Arc<UsageBook>,
    wake: Arc<Notify>,
}

impl Installation {
    /// Puts it together. `node` is what `store` answered to [`Store::claim`] with this key; the caller holds its data
    /// folder's lock.
    #[must_use]
    pub fn new(store: Store, key: &MasterKey, node: Node) -> Self {
        Self { store, vault: Vault::new(key), node, feed: EventFeed::default(), usage: Arc::default(), wake: Arc::default() }
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
