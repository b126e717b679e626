//! The program itself, in front of a real PostgreSQL.

mod auth;
mod life;
mod readiness;
mod support;
mod told;
