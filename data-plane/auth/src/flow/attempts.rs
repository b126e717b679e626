//! Wrong guesses of one account's password or code.
//!
//! Whoever guesses can't keep the owner out. An account's wrong passwords are counted together, wherever they come from: so few may
//! there be that none is found. Once there were too many, only networks in which the account has a session still have a say, each
//! with a count of its own.

use std::net::{IpAddr, Ipv6Addr};

use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::{audience, one_time::used_up, sign_in::Who, verify::Proof};
use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    limits::{self, Limited, WRONG_CODES, WRONG_PASSWORDS},
    model::User,
    store::{self, Db},
};

/// Refuses where the password of an account was guessed too often; of one that is not there, too, so that nobody learns which
/// are.
pub(crate) async fn check_password(caller: &Caller, db: &Db, who: &Who, user: Option<&User>) -> Result<(), AuthError> {
    let account = digest(who);
    let Err(refusal) = limits::check(db, Limited::WrongPassword, WRONG_PASSWORDS, &account).await else { return Ok(()) };
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
    limits::check(db, Limited::WrongPassword, WRONG_PASSWORDS, &within(&account, caller.ip)).await
}

/// Counts a wrong password.
pub(crate) async fn wrong_password(caller: &Caller, who: &Who) -> Result<(), AuthError> {
    let account = digest(who);
    for whose in [&account, &within(&account, caller.ip)] {
        match caller.context.count(Limited::WrongPassword, WRONG_PASSWORDS, whose).await {
            // Who may try is told before.
            Err(error) if error.code() == Some(ErrorCode::OverRequestRateLimit) => {}
            outcome => outcome?,
        }
    }
    Ok(())
}

/// As long for every address.
fn digest(who: &Who) -> String {
    let (Who::Email(address) | Who::Phone(address)) = who;
    hex::encode(Sha256::digest(address))
}

/// An account's share of a network: what one owner has, mostly (`sessions::is_in_network` has the same).
fn within(account: &str, ip: IpAddr) -> String {
    let network = match ip.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4((ip.to_bits() & 0xffff_ff00).into()),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
    };
    format!("{account}:{network}")
}

/// Counts a wrong code. After too many, the codes that its user has are void; a new one has new attempts.
pub(crate) async fn wrong_code(caller: &Caller, proof: &Proof) -> Result<(), AuthError> {
    let db = caller.db().await?;
    let aud = audience(caller);
    let found = match proof {
        Proof::Hash(_) => return Ok(()),
        Proof::EmailCode { email, .. } => match store::users::find_by_email(&db, email, aud).await? {
            Some(user) => Some(user),
            None => store::users::find_by_email_change(&db, email, aud).await?,
        },
        Proof::PhoneCode { phone, .. } => match store::users::find_by_phone(&db, phone, aud).await? {
            Some(user) => Some(user),
            None => store::users::find_by_phone_change(&db, phone, aud).await?,
        },
    };
    drop(db);
    let Some(user) = found else { return Ok(()) };
    let sent_at = last_sent(&user).map_or(0, OffsetDateTime::unix_timestamp_nanos);
    match caller.context.count(Limited::WrongCode, WRONG_CODES, &format!("{}:{sent_at}", user.id)).await {
        Err(error) if error.code() == Some(ErrorCode::OverRequestRateLimit) => void(caller, &user).await,
        outcome => outcome,
    }
}

fn last_sent(user: &User) -> Option<OffsetDateTime> {
    [user.confirmation_sent_at, user.recovery_sent_at, user.email_change_sent_at, user.phone_change_sent_at]
        .into_iter()
        .flatten()
        .max()
}

async fn void(caller: &Caller, user: &User) -> Result<(), AuthError> {
    let tx = caller.begin().await?;
    let outcome = async {
        let mut user = super::lock(&tx, user.id).await?;
        user.confirmation_token.clear();
        user.recovery_token.clear();
        user.email_change_token_new.clear();
        user.email_change_token_current.clear();
        user.phone_change_token.clear();
        Ok(used_up(&tx, &mut user).await?)
    }
    .await;
    tx.end(outcome).await
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
