//! REST against a real PostgreSQL, through the router.

mod aggregates;
mod config;
mod embed;
mod errors;
mod faults;
mod flights;
mod headers;
mod hostile;
mod large;
mod media;
mod openapi;
mod plans;
mod program;
mod read;
mod rls;
mod rpc;
mod session;
mod streaming;
mod support;
mod write;
