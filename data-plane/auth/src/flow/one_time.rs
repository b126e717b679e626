//! One-time tokens: a code that a user reads and types, what a link carries in its place, and what the database has of them.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    limits::Limited,
    mfa::{self, CodeChallenge},
    model::{TokenKind, User},
    settings::Rate,
    store::{self, Db, StoreError},
};

/// A code for a user's message, with what stands for it in the message's link and in the database.
pub(crate) struct Code {
    pub(crate) digits: String,
    pub(crate) link: String,
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code")
    }
}

impl Code {
    /// `address`: where the message goes.
    pub(crate) fn new(caller: &Caller, address: &str, digits: String, challenge: Option<&CodeChallenge>) -> Self {
        let link = caller.live.links.link(address, &digits);
        let link = if challenge.is_some() { mfa::pkce_link(&link) } else { link };
        Self { digits, link }
    }
}

/// The digits of a code: random, unless the address has a `fixed` code in the test table.
pub(crate) fn digits(length: usize, fixed: Option<&str>) -> Result<String, AuthError> {
    match fixed {
        Some(fixed) => Ok(fixed.to_owned()),
        None => mfa::numeric_code(u8::try_from(length).unwrap_or(6))
            .map_err(|error| AuthError::internal("error creating a code", error)),
    }
}

/// Refuses what would come too soon after the last message.
pub(crate) fn check_frequency(last: Option<OffsetDateTime>, frequency: Duration, code: ErrorCode) -> Result<(), AuthError> {
    let Some(last) = last else { return Ok(()) };
    let wait = last + frequency - OffsetDateTime::now_utc();
    if wait.is_positive() { Err(too_soon(wait.unsigned_abs(), code)) } else { Ok(()) }
}

fn too_soon(wait: Duration, code: ErrorCode) -> AuthError {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let message = format!("For security purposes, you can only request this after {seconds} seconds.");
    AuthError::too_many(code, message).with_retry_after(seconds)
}

/// A message that is not sent, because there is nobody to send it to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pretended<'a> {
    /// Whose token it would have.
    pub(crate) kind: TokenKind,
    pub(crate) address: &'a str,
}

/// Refuses what would be refused if there were an account: too soon after the last one, or beyond what the project sends.
pub(crate) async fn pretend_to_mail(caller: &Caller, db: &Db, pretended: Pretended<'_>) -> Result<(), AuthError> {
    let settings = &caller.live.settings;
    let frequency = settings.mailer.max_frequency;
    super::mail::check_address(settings, pretended.address)?;
    pretend(db, pretended, frequency, ErrorCode::OverEmailSendRateLimit).await?;
    if settings.smtp.host.is_some() || settings.hooks.send_email.enabled {
        caller.context.check_messages(db, Limited::EmailSent, settings.rate_limits.email_sent).await?;
    }
    Ok(())
}

/// The same of a message to a phone.
pub(crate) async fn pretend_to_text(caller: &Caller, db: &Db, pretended: Pretended<'_>) -> Result<(), AuthError> {
    let settings = &caller.live.settings;
    pretend(db, pretended, settings.sms.max_frequency, ErrorCode::OverSmsSendRateLimit).await?;
    if settings.hooks.send_sms.enabled || caller.live.sms.is_some() {
        caller.context.check_messages(db, Limited::SmsSent, settings.rate_limits.sms_sent).await?;
    }
    Ok(())
}

async fn pretend(db: &Db, pretended: Pretended<'_>, frequency: Duration, code: ErrorCode) -> Result<(), AuthError> {
    if frequency.is_zero() {
        return Ok(());
    }
    let Pretended { kind, address } = pretended;
    let bucket = format!("pretended:{}:{}", kind.as_str(), hex::encode(Sha256::digest(address)));
    match store::limits::count(db, &bucket, Rate { events: 1, over: frequency }).await? {
        Some(wait) => Err(too_soon(wait, code)),
        None => Ok(()),
    }
}

/// What an answer takes is a multiple of this, where it must not be seen what was done for it.
const STEP: Duration = Duration::from_millis(250);

/// Does something that takes longer for some accounts than for others, and shows that to nobody.
pub(crate) async fn evenly<T>(work: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let outcome = work.await;
    let steps = begun.elapsed().as_millis() / STEP.as_millis() + 1;
    tokio::time::sleep_until(begun + STEP * u32::try_from(steps).unwrap_or(1)).await;
    outcome
}

/// Has the token of a kind be this one.
pub(crate) async fn put(db: &Db, user: &User, kind: TokenKind, token_hash: &str, relates_to: &str) -> Result<(), AuthError> {
    Ok(store::one_time_tokens::put(db, user.id, kind, token_hash, relates_to).await?)
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
