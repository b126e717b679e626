//! The service over a real PostgreSQL, asked as clients ask.

mod oauth_server;
mod sessions;
mod sign_up;
mod support;
