//! Clusters on real PostgreSQL, as root (clusters then run as `postgres`) or as any other user.

mod discovery;
mod failures;
mod life;
mod support;
mod template;
