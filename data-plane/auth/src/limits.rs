//! How often somebody may ask, in total, by address and by account.
//!
//! Each count is made twice: in memory, so that a flood does not reach the database, and there, so that it survives a restart.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};

use crate::{
    context::AuthContext,
    error::{AuthError, ErrorCode},
    settings::Rate,
    store::{self, Db, StoreError},
};

/// Wrong passwords of one account, and of it from a network where it has a session. With what may come at once, no more than a
/// hundred within an hour (ASVS 2.2.1).
pub(crate) const WRONG_PASSWORDS: Rate = Rate::per_hour(50);

/// Wrong codes of one account, whatever messages they are of: as many as passwords, for the same reason.
pub(crate) const WRONG_CODES_OF_ACCOUNT: Rate = Rate::per_hour(50);

/// Wrong guesses of one code; after them it is void.
pub(crate) const WRONG_CODES: Rate = Rate { events: 10, over: Duration::from_secs(86_400) };

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limited {
    EmailSent,
    SmsSent,
    Verify,
    TokenRefresh,
    Sso,
    AnonymousUsers,
    Otp,
    Web3,
    Web3Message,
    Passkey,
    OauthRegister,
    Authorize,
    FactorVerify,
    WrongPassword,
    WrongCode,
    WrongCodeOfAccount,
}

impl Limited {
    fn as_str(self) -> &'static str {
        match self {
            Self::EmailSent => "email_sent",
            Self::SmsSent => "sms_sent",
            Self::Verify => "verify",
            Self::TokenRefresh => "token_refresh",
            Self::Sso => "sso",
            Self::AnonymousUsers => "anonymous_users",
            Self::Otp => "otp",
            Self::Web3 => "web3",
            Self::Web3Message => "web3_message",
            Self::Passkey => "passkey",
            Self::OauthRegister => "oauth_register",
            Self::Authorize => "authorize",
            Self::FactorVerify => "factor_verify",
            Self::WrongPassword => "wrong_password",
            Self::WrongCode => "wrong_code",
            Self::WrongCodeOfAccount => "wrong_code_of_account",
        }
    }

    fn bucket(self, whose: &str) -> String {
        format!("{}:{whose}", self.as_str())
    }
}

/// Whom the counters in memory know at most, each.
const MOST_REMEMBERED: usize = 50_000;

type Limiter = Arc<DefaultKeyedRateLimiter<String>>;

/// The counters in memory, made anew where their setting has changed.
#[derive(Debug)]
pub struct Limits {
    limiters: Mutex<HashMap<Limited, (Rate, Limiter)>>,
}

impl Limits {
    pub(crate) fn new() -> Self {
        Self { limiters: Mutex::new(HashMap::new()) }
    }

    fn count(&self, limited: Limited, rate: Rate, whose: &str) -> Result<(), AuthError> {
        let Some(events) = NonZeroU32::new(rate.events) else { return Err(refusal(limited, None)) };
        let Some(quota) = Quota::with_period((rate.over / rate.events).max(Duration::from_nanos(1))) else { return Ok(()) };
        let limiter = {
            let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
            let entry =
                limiters.entry(limited).or_insert_with(|| (rate, Arc::new(RateLimiter::keyed(quota.allow_burst(events)))));
            // The database counts as well. So memory may be forgotten as a whole, which takes no time: many addresses are how some
            // flood, and to look through them at each request would help them.
            if entry.0 != rate || entry.1.len() >= MOST_REMEMBERED {
                *entry = (rate, Arc::new(RateLimiter::keyed(quota.allow_burst(events))));
            }
            Arc::clone(&entry.1)
        };
        limiter
            .check_key(&whose.to_owned())
            .map_err(|not_until| refusal(limited, Some(not_until.wait_time_from(DefaultClock::default().now()))))
    }
}

impl AuthContext {
    /// Counts one request of somebody's. Takes a connection: not for within a transaction.
    ///
    /// # Errors
    /// There were too many; or there is no connection.
    pub(crate) async fn count(&self, limited: Limited, rate: Rate, whose: &str) -> Result<(), AuthError> {
        self.limits().count(limited, rate, whose)?;
        let db = self.db().await?;
        refused(limited, store::limits::count(&db, &limited.bucket(whose), rate).await?)
    }

    /// Refuses where the service sends no more messages now; counts nothing.
    pub(crate) async fn check_messages(&self, db: &Db, limited: Limited, rate: Rate) -> Result<(), AuthError> {
        if rate.events == 0 {
            return Err(refusal(limited, None));
        }
        check(db, limited, rate, &self.live().settings.api.external_url).await
    }

    /// Counts a message that the service sends, by its address: several that share a database have a limit each, as upstream.
    /// It is read now, and written beside the transaction: all messages of a service have one row, which no flow keeps locked
    /// to its end, and what is rolled back was tried.
    ///
    /// # Errors
    /// There were too many.
    pub(crate) async fn count_message(self: &Arc<Self>, db: &Db, limited: Limited, rate: Rate) -> Result<(), AuthError> {
        self.limits().count(limited, rate, "")?;
        let bucket = limited.bucket(&self.live().settings.api.external_url);
        refused(limited, store::limits::look(db, &bucket, rate).await?)?;
        let context = Arc::clone(self);
        tokio::spawn(async move {
            let written: Result<_, StoreError> = async {
                let db = context.db().await?;
                store::limits::count(&db, &bucket, rate).await
            }
            .await;
            if let Err(error) = written {
                tracing::warn!(?error, limit = limited.as_str(), "a message was counted in memory only");
            }
        });
        Ok(())
    }
}

/// Refuses who has asked too often already; counts nothing.
pub(crate) async fn check(db: &Db, limited: Limited, rate: Rate, whose: &str) -> Result<(), AuthError> {
    refused(limited, store::limits::look(db, &limited.bucket(whose), rate).await?)
}

/// Counts what is not refused. Whether there was too much of it already.
pub(crate) async fn note(db: &Db, limited: Limited, rate: Rate, whose: &str) -> Result<bool, AuthError> {
    Ok(store::limits::count(db, &limited.bucket(whose), rate).await?.is_some())
}

/// Whom an address is counted for. One customer has 2^64 addresses of IPv6 at least, to ask from another one each time.
pub(crate) fn whose(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
        ip @ IpAddr::V4(_) => ip,
    }
}

fn refused(limited: Limited, wait: Option<Duration>) -> Result<(), AuthError> {
    wait.map_or(Ok(()), |wait| Err(refusal(limited, Some(wait))))
}

fn refusal(limited: Limited, wait: Option<Duration>) -> AuthError {
    let error = match limited {
        Limited::EmailSent => AuthError::too_many(ErrorCode::OverEmailSendRateLimit, "email rate limit exceeded"),
        Limited::SmsSent => AuthError::too_many(ErrorCode::OverSmsSendRateLimit, "SMS rate limit exceeded"),
        _ => AuthError::too_many(ErrorCode::OverRequestRateLimit, "Request rate limit reached"),
    };
    match wait {
        Some(wait) => error.with_retry_after(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)),
        None => error,
    }
}
