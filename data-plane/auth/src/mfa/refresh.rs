//! Refresh tokens of version 2: a session's id and a number, signed with a key that only this session has.
//!
//! Upstream's documentation (supabase/auth's pull request 2216) says what such a token holds and gives no layout; this one is ours:
//! a byte for the version, the session's id, the number (big-endian) and HMAC-SHA-256 of all that, in URL-safe base64.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::RngExt as _;
use secrecy::zeroize::Zeroizing;
use sha2::Sha256;
use uuid::Uuid;

const VERSION: u8 = 2;
/// What is signed: version, session and number.
const SIGNED: usize = 1 + 16 + 8;
const SIGNATURE: usize = 32;

/// What signs the refresh tokens of one session.
#[derive(Clone)]
pub struct RefreshKey(Zeroizing<[u8; 32]>);

impl fmt::Debug for RefreshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshKey([redacted])")
    }
}

impl RefreshKey {
    /// Another one than any other.
    pub fn generate() -> Self {
        Self(Zeroizing::new(rand::rng().random()))
    }

    /// Of a text that [`Self::to_base64`] has made.
    pub fn from_base64(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
        Some(Self(Zeroizing::new(<[u8; 32]>::try_from(bytes.as_slice()).ok()?)))
    }

    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(*self.0))
    }

    /// The same token each time.
    pub fn token(&self, session: Uuid, number: i64) -> String {
        let mut bytes = Vec::with_capacity(SIGNED + SIGNATURE);
        bytes.push(VERSION);
        bytes.extend(session.as_bytes());
        bytes.extend(number.to_be_bytes());
        let signature = self.mac(&bytes).finalize().into_bytes();
        bytes.extend(signature);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn mac(&self, signed: &[u8]) -> Hmac<Sha256> {
        #[expect(clippy::unwrap_used, reason = "HMAC takes a key of any length")]
        let mac = Hmac::<Sha256>::new_from_slice(&*self.0).unwrap();
        mac.chain_update(signed)
    }
}

/// A token that came. Whose it says it is tells nothing before it [is signed by](Self::is_signed_by) that session's key.
#[derive(Clone)]
pub struct SignedRefreshToken {
    bytes: [u8; SIGNED + SIGNATURE],
    pub session_id: Uuid,
    pub number: i64,
}

impl fmt::Debug for SignedRefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedRefreshToken").field("session_id", &self.session_id).finish_non_exhaustive()
    }
}

impl SignedRefreshToken {
    /// `None`: it has not this form; one of version 1 never has.
    pub fn parse(token: &str) -> Option<Self> {
        let bytes: [u8; SIGNED + SIGNATURE] = URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        let (version, rest) = bytes.split_first()?;
        let (session, rest) = rest.split_first_chunk()?;
        let (number, _) = rest.split_first_chunk()?;
        let (session_id, number) = (Uuid::from_bytes(*session), i64::from_be_bytes(*number));
        (*version == VERSION).then_some(Self { bytes, session_id, number })
    }

    /// In constant time.
    pub fn is_signed_by(&self, key: &RefreshKey) -> bool {
        let (signed, signature) = self.bytes.split_at(SIGNED);
        key.mac(signed).verify_slice(signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_kept_as_text() {
        let key = RefreshKey::generate();
        let again = RefreshKey::from_base64(&key.to_base64()).unwrap();
        assert_eq!(again.token(Uuid::nil(), 1), key.token(Uuid::nil(), 1));
        assert_ne!(RefreshKey::generate().token(Uuid::nil(), 1), key.token(Uuid::nil(), 1));
        for text in ["", "AAAA", "?", &format!("{}=", &*key.to_base64())] {
            assert!(RefreshKey::from_base64(text).is_none(), "{text}");
        }
        assert_eq!(format!("{key:?}"), "RefreshKey([redacted])");
    }

    #[test]
    fn what_has_another_form_is_none() {
        let token = RefreshKey::generate().token(Uuid::from_u128(1), 7);
        assert_eq!(token.len(), 76);
        for text in ["", "abcdefghijkl", &token[1..], &format!("{token}A"), &format!("{token}="), &token.replacen('A', "B", 1)] {
            assert!(SignedRefreshToken::parse(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_token_is_its_sessions_and_whole(session: u128, number: i64, at in 0..76_usize, other: u8) {
            let key = RefreshKey::generate();
            let token = key.token(Uuid::from_u128(session), number);
            let parsed = SignedRefreshToken::parse(&token).unwrap();
            prop_assert_eq!((parsed.session_id, parsed.number), (Uuid::from_u128(session), number));
            prop_assert!(parsed.is_signed_by(&key) && !parsed.is_signed_by(&RefreshKey::generate()));
            // With one character changed for another it is no token, or not signed.
            let other = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[usize::from(other) % 64];
            let mut changed = token.clone().into_bytes();
            changed[at] = other;
            let changed = String::from_utf8(changed).unwrap();
            let is_good = SignedRefreshToken::parse(&changed).is_some_and(|parsed| parsed.is_signed_by(&key));
            prop_assert_eq!(is_good, changed == token);
        }
    }
}
