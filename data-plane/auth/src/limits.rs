//! How often somebody may ask, in total and by address.

use std::{collections::HashMap, num::NonZeroU32, sync::Mutex, time::Duration};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::{
    error::{AuthError, ErrorCode},
    settings::Rate,
};

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
    Passkey,
    OauthRegister,
    FactorVerify,
}

/// Counters, made anew where their setting has changed.
#[derive(Debug)]
pub struct Limits {
    limiters: Mutex<HashMap<Limited, (Rate, std::sync::Arc<DefaultKeyedRateLimiter<String>>)>>,
}

impl Limits {
    pub(crate) fn new() -> Self {
        Self { limiters: Mutex::new(HashMap::new()) }
    }

    /// Counts one request of somebody's.
    pub(crate) fn count(&self, limited: Limited, rate: Rate, whose: &str) -> Result<(), AuthError> {
        let Some(events) = NonZeroU32::new(rate.events) else { return Err(refusal(limited)) };
        let Some(quota) = Quota::with_period((rate.over / rate.events).max(Duration::from_nanos(1))) else { return Ok(()) };
        let limiter = {
            let mut limiters = self.limiters.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let entry = limiters
                .entry(limited)
                .or_insert_with(|| (rate, std::sync::Arc::new(RateLimiter::keyed(quota.allow_burst(events)))));
            if entry.0 != rate {
                *entry = (rate, std::sync::Arc::new(RateLimiter::keyed(quota.allow_burst(events))));
            }
            std::sync::Arc::clone(&entry.1)
        };
        if limiter.len() > 10_000 {
            limiter.retain_recent();
        }
        limiter.check_key(&whose.to_owned()).map_err(|_| refusal(limited))
    }
}

fn refusal(limited: Limited) -> AuthError {
    match limited {
        Limited::EmailSent => AuthError::too_many(ErrorCode::OverEmailSendRateLimit, "email rate limit exceeded"),
        Limited::SmsSent => AuthError::too_many(ErrorCode::OverSmsSendRateLimit, "sms rate limit exceeded"),
        _ => AuthError::too_many(ErrorCode::OverRequestRateLimit, "Request rate limit reached"),
    }
}
