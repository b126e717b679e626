//! One-time tokens: a code that a user reads and types, and its hash, which a link carries and the database has.

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    error::{AuthError, ErrorCode},
    mfa::{self, CodeChallenge},
    model::{TokenKind, User},
    store::{self, Db, StoreError},
};

/// A code for a user's message, with the hash that is stored.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) digits: String,
    pub(crate) hash: String,
}

impl Code {
    /// `address`: where the message goes. `fixed`: the code of an address of the test table.
    pub(crate) fn new(
        address: &str,
        length: usize,
        fixed: Option<&str>,
        challenge: Option<&CodeChallenge>,
    ) -> Result<Self, AuthError> {
        let digits = match fixed {
            Some(fixed) => fixed.to_owned(),
            None => mfa::numeric_code(u8::try_from(length).unwrap_or(6))
                .map_err(|error| AuthError::internal("error creating a code", error))?,
        };
        let hash = mfa::one_time_token_hash(address, &digits);
        let hash = if challenge.is_some() { mfa::pkce_token(&hash) } else { hash };
        Ok(Self { digits, hash })
    }
}

/// Refuses what would come too soon after the last message.
pub(crate) fn check_frequency(last: Option<OffsetDateTime>, frequency: Duration, code: ErrorCode) -> Result<(), AuthError> {
    let Some(last) = last else { return Ok(()) };
    let wait = last + frequency - OffsetDateTime::now_utc();
    if wait.is_positive() {
        let seconds = wait.whole_seconds().max(0).unsigned_abs() + u64::from(wait.subsec_nanoseconds() > 0);
        let message = format!("For security purposes, you can only request this after {seconds} seconds.");
        return Err(AuthError::too_many(code, message).with_retry_after(seconds));
    }
    Ok(())
}

/// Has the token of a kind be this one.
pub(crate) async fn put(db: &Db, user: &User, kind: TokenKind, hash: &str, relates_to: &str) -> Result<(), AuthError> {
    Ok(store::one_time_tokens::put(db, user.id, kind, hash, relates_to).await?)
}

/// Stores what has changed of a user whose tokens have all served.
pub(crate) async fn used_up(db: &Db, user: &mut User) -> Result<(), StoreError> {
    let id = user.id;
    futures::try_join!(store::users::update(db, user), store::one_time_tokens::clear_all(db, id))?;
    Ok(())
}

/// Whether what was sent then is no longer good.
pub(crate) fn is_expired(sent_at: Option<OffsetDateTime>, lifetime: Duration) -> bool {
    sent_at.is_none_or(|sent_at| OffsetDateTime::now_utc() > sent_at + lifetime)
}
