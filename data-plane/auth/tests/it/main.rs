//! The service over a real PostgreSQL, asked as clients ask.

mod admin;
mod links;
mod oauth_server;
mod sessions;
mod sign_up;
mod support;
