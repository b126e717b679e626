//! Passwords: their hashes, their strength, and whether they have leaked.
//!
//! Owns what a stored hash means (`scheme`, `firebase`), the bounded threads that compute them (`hasher`), what a project asks of a new
//! password (`strength`), the question to the list of leaked ones (`leaked`), and passwords made for nobody to know (`generate`). It
//! knows neither the database nor HTTP: who asks for leaked passwords brings the client.
//!
//! Sources: Supabase's documentation, "Password security" and "Migrate from Firebase"; supabase/auth's pull requests 1597 (argon2) and
//! 1768 (Firebase); the README of firebase/scrypt; RFC 9106; haveibeenpwned.com's API v3, "Searching by range".

mod firebase;
mod generate;
mod hasher;
mod leaked;
mod scheme;
mod strength;

use std::time::Duration;

pub use generate::generate;
pub use hasher::{Hasher, Limits};
pub use leaked::{FetchError, LeakedPasswords, PUBLIC_SERVICE};
pub use scheme::{check_format, needs_rehash};
pub use strength::{Policy, Reason, WeakPassword, parse_character_sets};

/// The longest password that is accepted, in bytes: bcrypt takes no more.
pub const LONGEST: usize = 72;

/// Why a password was not hashed, compared or judged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// GoTrue answers 400 `validation_failed` with this text.
    #[error("Password cannot be longer than {LONGEST} characters")]
    TooLong,
    /// 422 `weak_password`.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// More sign-ins than this machine computes: 429 or 503, and a header `Retry-After`.
    #[error("too many passwords are being checked; try again in {} seconds", retry_after.as_secs())]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The stored text is no hash that is known here.
    #[error("the stored password hash is not one of bcrypt, argon2i, argon2id or Firebase scrypt: {0}")]
    Format(&'static str),
    /// The stored hash would take more memory or time than one sign-in may.
    #[error("the stored password hash asks for {what} = {value}, and at most {most} is computed")]
    TooCostly {
        /// The parameter.
        what: &'static str,
        /// What the hash says.
        value: u64,
        /// What is computed at most.
        most: u64,
    },
    /// The list of leaked passwords did not answer, and the project refuses passwords that could not be looked up.
    #[error("the list of leaked passwords could not be asked")]
    Leaked(#[source] FetchError),
    /// The algorithm, or the thread that ran it, failed.
    #[error("the password could not be hashed: {0}")]
    Failed(String),
}

/// Refuses a password that bcrypt would cut.
pub fn check_length(password: &str) -> Result<(), Error> {
    if password.len() > LONGEST { Err(Error::TooLong) } else { Ok(()) }
}
