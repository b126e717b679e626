//! The program itself, in front of a real PostgreSQL.

mod life;
mod readiness;
mod support;
