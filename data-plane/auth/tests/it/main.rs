//! The service over a real PostgreSQL, asked as clients ask.

mod messages;
mod program;
mod sessions;
mod sign_up;
mod support;
