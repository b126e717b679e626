//! REST against a real PostgreSQL, through the router.

mod aggregates;
mod config;
mod connections;
mod embed;
mod errors;
mod faults;
mod headers;
mod hostile;
mod indexes;
mod media;
mod openapi;
mod parse_errors;
mod plans;
mod program;
mod random;
mod read;
mod representations;
mod rls;
mod rpc;
mod runaway;
mod runtime;
mod session;
mod support;
mod tls;
mod tokens;
mod write;
