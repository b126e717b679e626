//! The real program, from the outside: started, asked, interrupted, killed and started again.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod api;
mod architecture;
mod auth;
mod behind;
mod concurrency;
mod crash;
mod docker;
mod faults;
mod isolation;
mod moving;
mod start;
mod supervision;
mod support;
mod third_party;
