//! The schema on real PostgreSQL: what is in it, how older databases get there, and what may be done with it.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod access;
mod catalogue;
mod dump;
mod migrate;
mod support;
