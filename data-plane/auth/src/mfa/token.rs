//! Codes and tokens: random, and compared in constant time.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::RngExt;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest, Sha224};
use subtle::ConstantTimeEq;

use super::Error;

/// Before the hash of a token whose link ends in a code exchange.
pub const PKCE_PREFIX: &str = "pkce_";
const REFRESH_TOKEN: usize = 26;
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A code for a message: digits, leading zeros included, each code as likely as any other.
pub fn numeric_code(digits: u8) -> Result<String, Error> {
    if !(6..=10).contains(&digits) {
        return Err(Error::Digits(digits));
    }
    let number = rand::rng().random_range(0..10_u64.pow(u32::from(digits)));
    Ok(format!("{number:0width$}", width = usize::from(digits)))
}

/// The key by which a message's link (`token_hash`) follows from its code. GoTrue's is the hash of address and code, so that whoever
/// knows the address has as few links to try as there are codes, and no account to count the tries of. Of these, nobody without the
/// key can make one. As upstream, what a link has is what is stored: who reads the database has links, as tests of applications do,
/// but no code.
pub struct LinkKey(SecretString);

impl LinkKey {
    /// From the project's own secret, for this alone.
    #[must_use]
    pub fn new(secret: &SecretString) -> Self {
        Self(hex::encode(mac(secret, |mac| mac.update(b"one-time token"))).into())
    }

    /// What the link of a message with this code has, so that it is of no use for another account.
    pub fn link(&self, address: &str, code: &str) -> String {
        hex::encode(mac(&self.0, |mac| {
            mac.update(&address.len().to_be_bytes());
            mac.update(address.as_bytes());
            mac.update(code.as_bytes());
        }))
    }

    /// Whether what is stored is of this code, whichever flow it was made for.
    pub fn is_of_code(&self, stored: &str, address: &str, code: &str) -> bool {
        let stored = stored.strip_prefix(PKCE_PREFIX).unwrap_or(stored);
        // Both are looked at, so that the time does not tell whose it is.
        tokens_equal(stored, &self.link(address, code)) | tokens_equal(stored, &upstream_link(address, code))
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey")
    }
}

fn mac(key: &SecretString, say: impl FnOnce(&mut Hmac<Sha224>)) -> Vec<u8> {
    #[expect(clippy::unwrap_used, reason = "HMAC takes a key of any length")]
    let mut mac = Hmac::<Sha224>::new_from_slice(key.expose_secret().as_bytes()).unwrap();
    say(&mut mac);
    mac.finalize().into_bytes().to_vec()
}

/// A link as a flow by PKCE has it.
pub fn pkce_link(link: &str) -> String {
    format!("{PKCE_PREFIX}{link}")
}

/// GoTrue's link of a code.
fn upstream_link(address: &str, code: &str) -> String {
    hex::encode(Sha224::new().chain_update(address).chain_update(code).finalize())
}

/// 128 bits in URL-safe base64: states, nonces, confirmation tokens.
pub fn secure_token() -> String {
    URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 16]>())
}

/// A refresh token of version 1: lower-case base32 as upstream's, but of 130 bits instead of 60 (ASVS 3.2.2 asks for 64).
pub fn refresh_token() -> String {
    let mut random = rand::rng();
    (0..REFRESH_TOKEN).map(|_| char::from(BASE32[random.random_range(0..BASE32.len())])).collect()
}

/// Compares without saying by its time where two texts differ; their lengths are no secret. Two empty ones are not equal: a column
/// that holds no token matches none.
pub fn tokens_equal(one: &str, other: &str) -> bool {
    !one.is_empty() && bool::from(one.as_bytes().ct_eq(other.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes() {
        for digits in 6..=10 {
            let code = numeric_code(digits).unwrap();
            assert!(code.len() == usize::from(digits) && code.bytes().all(|byte| byte.is_ascii_digit()));
        }
        assert!(matches!(numeric_code(5), Err(Error::Digits(5))));
        assert!(matches!(numeric_code(11), Err(Error::Digits(11))));
    }

    #[test]
    fn each_digit_is_as_likely() {
        let mut seen = [[0_u32; 10]; 6];
        for _ in 0..20_000 {
            for (place, digit) in numeric_code(6).unwrap().bytes().enumerate() {
                seen[place][usize::from(digit - b'0')] += 1;
            }
        }
        // 2000 are expected; a deviation of 300 is seven standard deviations.
        assert!(seen.iter().flatten().all(|count| count.abs_diff(2_000) < 300), "{seen:?}");
    }

    #[test]
    fn hashes_of_tokens() {
        let (key, other) = (LinkKey::new(&"secret".into()), LinkKey::new(&"another".into()));
        let link = key.link("ab", "c");
        for link in [link.clone(), pkce_link(&link)] {
            assert!(key.is_of_code(&link, "ab", "c"));
            assert!(
                !key.is_of_code(&link, "ab", "d") && !key.is_of_code(&link, "a", "bc") && !other.is_of_code(&link, "ab", "c")
            );
        }
        assert!(!key.is_of_code("", "ab", "c"));
    }

    #[test]
    fn what_gotrue_has_stored_is_good() {
        let key = LinkKey::new(&"secret".into());
        // SHA-224 of "abc", from FIPS 180.
        let abc = "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7".to_owned();
        for stored in [abc.clone(), pkce_link(&abc)] {
            assert!(key.is_of_code(&stored, "ab", "c") && !key.is_of_code(&stored, "ab", "d"));
        }
        assert_ne!(key.link("ab", "c"), abc);
    }

    #[test]
    fn tokens() {
        assert_eq!(secure_token().len(), 22);
        let token = refresh_token();
        assert!(token.len() == REFRESH_TOKEN && token.bytes().all(|byte| BASE32.contains(&byte)));
        assert_ne!(refresh_token(), refresh_token());
        assert!(tokens_equal("a", "a") && !tokens_equal("a", "b") && !tokens_equal("a", "ab") && !tokens_equal("", ""));
    }
}
