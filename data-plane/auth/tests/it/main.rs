//! The service over a real PostgreSQL, asked as clients ask.

mod admin;
mod links;
mod sessions;
mod sign_up;
mod support;
