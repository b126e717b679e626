//! Wrong guesses of one account's password or code.
//!
//! Whoever guesses can't keep the owner out. An account's wrong passwords are counted together, wherever they come from: so few may
//! there be that none is found. Once there were too many, only networks in which the account has a session still have a say, each
//! with a count of its own.

use std::net::IpAddr;

use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::{one_time::used_up, sign_in::Who};
use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    limits::{self, Limited, WRONG_CODES, WRONG_CODES_OF_ACCOUNT, WRONG_PASSWORDS},
    model::User,
    settings::Rate,
    store::{self, Db},
};

/// Refuses where the password of an account was guessed too often; of one that is not there, too, so that nobody learns which
/// are.
pub(crate) async fn check_password(caller: &Caller, db: &Db, who: &Who, user: Option<&User>) -> Result<(), AuthError> {
    let (Who::Email(address) | Who::Phone(address)) = who;
    check(caller, db, (Limited::WrongPassword, WRONG_PASSWORDS), address, user).await
}

/// The same of an account's codes. Links of messages lead in all the same.
pub(crate) async fn check_code(caller: &Caller, db: &Db, address: &str, user: Option<&User>) -> Result<(), AuthError> {
    check(caller, db, (Limited::WrongCodeOfAccount, WRONG_CODES_OF_ACCOUNT), address, user).await
}

async fn check(
    caller: &Caller,
    db: &Db,
    (limited, rate): (Limited, Rate),
    address: &str,
    user: Option<&User>,
) -> Result<(), AuthError> {
    let account = digest(address);
    let Err(refusal) = limits::check(db, limited, rate, &account).await else { return Ok(()) };
    if refusal.code() != Some(ErrorCode::OverRequestRateLimit) {
        return Err(refusal);
    }
    let is_known = match user {
        Some(user) => store::sessions::is_in_network(db, user.id, caller.ip).await?,
        None => false,
    };
    if !is_known {
        return Err(refusal);
    }
    limits::check(db, limited, rate, &within(&account, caller.ip)).await
}

/// What was found out of a password may be told: not where too many were wrong while it was compared, for many are compared at once.
/// Counts it where it was wrong.
pub(crate) async fn compared(caller: &Caller, db: &Db, who: &Who, user: Option<&User>, is_right: bool) -> Result<(), AuthError> {
    check_password(caller, db, who, user).await?;
    if is_right {
        return Ok(());
    }
    let (Who::Email(address) | Who::Phone(address)) = who;
    let account = digest(address);
    for whose in [&account, &within(&account, caller.ip)] {
        limits::note(db, Limited::WrongPassword, WRONG_PASSWORDS, whose).await?;
    }
    Ok(())
}

/// As long for every address.
fn digest(address: &str) -> String {
    hex::encode(Sha256::digest(address))
}

/// An account's share of a network: what one owner has, mostly (`sessions::is_in_network` has the same).
fn within(account: &str, ip: IpAddr) -> String {
    let network = match ip.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4((ip.to_bits() & 0xffff_ff00).into()),
        ip @ IpAddr::V6(_) => limits::whose(ip),
    };
    format!("{account}:{network}")
}

/// Counts a wrong code, of the account and of the message. After too many, the codes that its user has are void; a new message has
/// new attempts. `user` is locked.
pub(crate) async fn wrong_code(caller: &Caller, db: &Db, address: &str, user: Option<User>) -> Result<(), AuthError> {
    let account = digest(address);
    for whose in [&account, &within(&account, caller.ip)] {
        limits::note(db, Limited::WrongCodeOfAccount, WRONG_CODES_OF_ACCOUNT, whose).await?;
    }
    let sent_at = user.as_ref().and_then(last_sent).map_or(0, OffsetDateTime::unix_timestamp_nanos);
    let is_exhausted = limits::note(db, Limited::WrongCode, WRONG_CODES, &format!("{account}:{sent_at}")).await?;
    match user.filter(|_| is_exhausted) {
        Some(user) => void(db, user).await,
        None => Ok(()),
    }
}

/// Counts a wrong nonce of a user who is signed in. Whether there were too many: then none is taken until another one was sent.
pub(crate) async fn wrong_nonce(db: &Db, user: &User) -> Result<bool, AuthError> {
    let sent_at = user.reauthentication_sent_at.map_or(0, OffsetDateTime::unix_timestamp_nanos);
    limits::note(db, Limited::WrongCode, WRONG_CODES, &format!("{}:{sent_at}", user.id)).await
}

fn last_sent(user: &User) -> Option<OffsetDateTime> {
    [user.confirmation_sent_at, user.recovery_sent_at, user.email_change_sent_at, user.phone_change_sent_at]
        .into_iter()
        .flatten()
        .max()
}

async fn void(db: &Db, mut user: User) -> Result<(), AuthError> {
    user.confirmation_token.clear();
    user.recovery_token.clear();
    user.email_change_token_new.clear();
    user.email_change_token_current.clear();
    user.phone_change_token.clear();
    Ok(used_up(db, &mut user).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_network() {
        let network = |ip: &str| within("a", ip.parse().unwrap());
        assert_eq!(network("203.0.113.7"), "a:203.0.113.0");
        assert_eq!(network("::ffff:203.0.113.9"), "a:203.0.113.0");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "a:2001:db8:1:2::");
    }
}
