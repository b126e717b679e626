//! The control plane with a driver and routes of the tests' own, on SQLite and on PostgreSQL from the same code.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

#[macro_use]
mod support;

mod archive;
mod auth_config;
mod crash;
mod events;
mod failures;
mod leases;
mod secrets;
mod service;
mod signing_keys;
mod third_party_auth;
