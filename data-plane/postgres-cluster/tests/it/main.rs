//! Clusters on real PostgreSQL, as root (clusters then run as `postgres`) or as any other user.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking; the lint's own exception leaves helpers out")]

mod cold;
mod discovery;
mod failures;
mod life;
mod support;
mod template;
