//! The schema on real PostgreSQL: what is in it, how older databases get there, and what may be done with it.

mod access;
mod catalogue;
mod dump;
mod migrate;
mod support;
