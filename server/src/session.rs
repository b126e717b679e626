//! Signing in with the admin token, and staying signed in by a cookie that only this server can have made.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, header};
use axum_extra::extract::cookie::{Cookie, Key, SameSite, SignedCookieJar};
use control_plane::MasterKey;
use gateway::Scheme;
use governor::{DefaultKeyedRateLimiter, Quota};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::config::Config;

const COOKIE: &str = "supacloud_session";
/// How long a sign-in holds, in seconds.
const LIFETIME_SECONDS: i64 = 7 * 24 * 60 * 60;
/// Wrong tokens that one address may present in a minute.
const FAILURES_PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
/// How long an address that presented more is refused, right token or wrong.
const BLOCKED: Duration = Duration::from_secs(60);
/// Addresses remembered before those whose time is over are dropped.
const REMEMBERED: usize = 10_000;

/// Who may enter, when an admin token is set.
#[derive(Clone)]
pub(crate) struct Sessions {
    token: Option<SecretString>,
    key: Key,
    failures: Arc<DefaultKeyedRateLimiter<IpAddr>>,
    blocked: Arc<Mutex<HashMap<IpAddr, Instant>>>,
    /// Sessions that were signed out before their time, with when that is; remembered until the server stops.
    ended: Arc<Mutex<HashMap<Uuid, i64>>>,
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

/// Why somebody does not get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// Nothing was presented.
    Nothing,
    /// What was presented is wrong.
    Wrong,
    /// Too much that was wrong was presented lately.
    TooOften,
}

impl Sessions {
    pub(crate) fn new(config: &Config, key: &MasterKey) -> Self {
        let token = config.server.admin_token.clone();
        // Another token makes another key: the cookies of the old one end with it.
        let context = token.as_ref().map(|token| token.expose_secret().as_bytes().to_vec()).unwrap_or_default();
        Self {
            token,
            key: Key::from(&key.derive("session cookie", &context)),
            failures: Arc::new(DefaultKeyedRateLimiter::keyed(Quota::per_minute(FAILURES_PER_MINUTE))),
            blocked: Arc::default(),
            ended: Arc::default(),
        }
    }

    /// Whether a token is asked for at all.
    pub(crate) const fn is_required(&self) -> bool {
        self.token.is_some()
    }

    /// Checks what a request presents: a bearer token or a session cookie.
    pub(crate) fn check(&self, headers: &HeaderMap, peer: IpAddr) -> Result<(), Denied> {
        if self.has_session(headers) {
            return Ok(());
        }
        let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        match authorization.and_then(|value| value.split_once(' ')) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => self.check_token(token.trim(), peer),
            Some(_) | None => Err(Denied::Nothing),
        }
    }

    /// Checks a token, in constant time. Wrong ones are counted by address.
    pub(crate) fn check_token(&self, presented: &str, peer: IpAddr) -> Result<(), Denied> {
        let Some(token) = &self.token else { return Ok(()) };
        let network = network_of(peer);
        if self.is_blocked(network) {
            return Err(Denied::TooOften);
        }
        let hash = |text: &str| Sha256::digest(text.as_bytes());
        if bool::from(hash(presented).ct_eq(&hash(token.expose_secret()))) {
            return Ok(());
        }
        if self.failures.check_key(&network).is_ok() {
            return Err(Denied::Wrong);
        }
        self.block(network);
        Err(Denied::TooOften)
    }

    fn is_blocked(&self, network: IpAddr) -> bool {
        let blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        blocked.get(&network).is_some_and(|since| since.elapsed() < BLOCKED)
    }

    fn block(&self, network: IpAddr) {
        let mut blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        if blocked.len() >= REMEMBERED {
            blocked.retain(|_, since| since.elapsed() < BLOCKED);
            self.failures.retain_recent();
        }
        blocked.insert(network, Instant::now());
    }

    fn has_session(&self, headers: &HeaderMap) -> bool {
        let Some((expires, id)) = self.session(headers) else { return false };
        expires > now() && !self.ended.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&id)
    }

    /// When the presented session ends, and which one it is.
    fn session(&self, headers: &HeaderMap) -> Option<(i64, Uuid)> {
        let cookie = SignedCookieJar::from_headers(headers, self.key.clone()).get(COOKIE)?;
        let (expires, id) = cookie.value().split_once('.')?;
        Some((expires.parse().ok()?, id.parse().ok()?))
    }

    /// Headers that begin a session.
    pub(crate) fn begin(&self, headers: &HeaderMap, scheme: Scheme) -> SignedCookieJar {
        let value = format!("{}.{}", now() + LIFETIME_SECONDS, Uuid::new_v4());
        SignedCookieJar::from_headers(headers, self.key.clone()).add(cookie(value, scheme))
    }

    /// Headers that end a session. A copy of its cookie is worth nothing afterwards.
    pub(crate) fn end(&self, headers: &HeaderMap, scheme: Scheme) -> SignedCookieJar {
        if let Some((expires, id)) = self.session(headers) {
            let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.retain(|_, expires| *expires > now());
            ended.insert(id, expires);
        }
        SignedCookieJar::from_headers(headers, self.key.clone()).remove(cookie(String::new(), scheme))
    }
}

fn cookie(value: String, scheme: Scheme) -> Cookie<'static> {
    let mut cookie = Cookie::new(COOKIE, value);
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_secure(scheme == Scheme::Https);
    cookie.set_path("/");
    cookie.set_max_age(time::Duration::seconds(LIFETIME_SECONDS));
    cookie
}

/// Unix time in seconds.
fn now() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}

/// What attempts are counted by: an IPv4 address, or the /64 that an IPv6 address's owner has all of.
fn network_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(token: &str) -> Sessions {
        let variables = [("SUPACLOUD_SERVER__ADMIN_TOKEN".to_owned(), token.to_owned())].into();
        let key = MasterKey::load(Some(&"ab".repeat(32).into()), std::path::Path::new("/nonexistent"), false).unwrap();
        Sessions::new(&Config::load(None, &variables).unwrap(), &key)
    }

    fn cookie_of(sessions: &Sessions) -> HeaderMap {
        use axum::response::IntoResponse as _;
        let response = sessions.begin(&HeaderMap::new(), Scheme::Http).into_response();
        let set = response.headers()[header::SET_COOKIE].to_str().unwrap();
        assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/"), "{set}");
        assert!(!set.contains("Secure"), "{set}");
        let pair = set.split(';').next().unwrap();
        [(header::COOKIE, pair.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn a_session_holds_only_under_the_token_it_was_begun_with() {
        let peer = IpAddr::from([127, 0, 0, 1]);
        let first = sessions("0123456789abcdef");
        let headers = cookie_of(&first);
        assert_eq!(first.check(&headers, peer), Ok(()));
        assert_eq!(sessions("fedcba9876543210").check(&headers, peer), Err(Denied::Nothing));
        let forged = [(header::COOKIE, "supacloud_session=99999999999.00000000-0000-0000-0000-000000000000".parse().unwrap())]
            .into_iter()
            .collect();
        assert_eq!(first.check(&forged, peer), Err(Denied::Nothing));
    }

    #[test]
    fn a_copied_cookie_ends_with_its_session() {
        let (sessions, peer) = (sessions("0123456789abcdef"), IpAddr::from([127, 0, 0, 1]));
        let (first, second) = (cookie_of(&sessions), cookie_of(&sessions));
        let _ = sessions.end(&first, Scheme::Https);
        assert_eq!(sessions.check(&first, peer), Err(Denied::Nothing));
        assert_eq!(sessions.check(&second, peer), Ok(()), "another session goes on");
    }

    #[test]
    fn wrong_tokens_are_limited_by_address() {
        let sessions = sessions("0123456789abcdef");
        let peer = IpAddr::from([192, 0, 2, 1]);
        for _ in 0..FAILURES_PER_MINUTE.get() {
            assert_eq!(sessions.check_token("wrong", peer), Err(Denied::Wrong));
        }
        assert_eq!(sessions.check_token("wrong", peer), Err(Denied::TooOften));
        assert_eq!(sessions.check_token("0123456789abcdef", peer), Err(Denied::TooOften), "even the right one");
        assert_eq!(sessions.check_token("0123456789abcdef", IpAddr::from([192, 0, 2, 2])), Ok(()));
    }

    #[test]
    fn ipv6_is_counted_by_network() {
        assert_eq!(network_of("2001:db8::1".parse().unwrap()), network_of("2001:db8::ffff".parse().unwrap()));
        assert_ne!(network_of("2001:db8::1".parse().unwrap()), network_of("2001:db8:0:1::1".parse().unwrap()));
        assert_eq!(network_of("::ffff:1.2.3.4".parse().unwrap()), IpAddr::from([1, 2, 3, 4]));
    }
}
