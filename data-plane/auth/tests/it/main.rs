//! The service over a real PostgreSQL, asked as clients ask.

mod hooks;
mod hostile;
mod limits;
mod phone;
mod sessions;
mod sign_up;
mod support;
