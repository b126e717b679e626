//! The drivers against real clusters and a real engine: the contract of `Provisioner`, verb by verb.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod compose;
mod contract;
mod elsewhere;
mod hand_over;
mod life;
mod old_images;
mod own_stack;
mod pods;
mod restarts;
mod schemas;
mod support;
