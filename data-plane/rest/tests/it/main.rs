//! REST against a real PostgreSQL, through the router.

mod config;
mod embed;
mod faults;
mod hostile;
mod plans;
mod program;
mod read;
mod rls;
mod rpc;
mod session;
mod support;
mod write;
