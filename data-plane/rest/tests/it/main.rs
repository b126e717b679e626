//! REST against a real PostgreSQL, through the router.

mod config;
mod embed;
mod faults;
mod hostile;
mod media;
mod program;
mod read;
mod rls;
mod rpc;
mod support;
mod write;
