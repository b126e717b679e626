//! The service over a real PostgreSQL, asked as clients ask.

mod authenticator;
mod mfa;
mod passkeys;
mod sequences;
mod sessions;
mod sign_up;
mod support;
