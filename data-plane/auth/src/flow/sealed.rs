//! Values that are encrypted in the database, each for the row that it is in, where the project has keys for that.

use uuid::Uuid;

use crate::{caller::Caller, error::AuthError, mfa};

/// Longest hash of a password, as of the column.
const LONGEST_HASH: usize = 255;

/// A value as it is there, and whether it should be sealed anew.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) value: String,
    pub(crate) is_stale: bool,
}

impl From<mfa::Error> for AuthError {
    fn from(error: mfa::Error) -> Self {
        Self::internal("Error reading or writing an encrypted value", error)
    }
}

pub(crate) fn seal(caller: &Caller, row: Uuid, value: &str) -> Result<String, AuthError> {
    Ok(caller.live.encryption.seal(&row.to_string(), value)?)
}

pub(crate) fn open(caller: &Caller, row: Uuid, stored: &str) -> Result<Opened, AuthError> {
    let (value, is_stale) = caller.live.encryption.open(&row.to_string(), stored)?;
    Ok(Opened { value, is_stale })
}

/// A password's hash as the user's row takes it: one of another system's may be too long to be sealed.
pub(crate) fn seal_hash(caller: &Caller, user: Uuid, hash: &str) -> Result<String, AuthError> {
    let sealed = seal(caller, user, hash)?;
    Ok(if sealed.len() > LONGEST_HASH { hash.to_owned() } else { sealed })
}
