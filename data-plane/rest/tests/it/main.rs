//! REST against a real PostgreSQL, through the router.

mod aggregates;
mod config;
mod embed;
mod errors;
mod faults;
mod headers;
mod hostile;
mod indexes;
mod large;
mod media;
mod openapi;
mod plans;
mod program;
mod random;
mod read;
mod rls;
mod rpc;
mod runaway;
mod session;
mod support;
mod write;
