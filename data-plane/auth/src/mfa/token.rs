//! Codes and tokens: random, and compared in constant time.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::RngExt;
use sha2::{Digest, Sha224};
use subtle::ConstantTimeEq;

use super::Error;

/// Before the hash of a token whose link ends in a code exchange.
pub const PKCE_PREFIX: &str = "pkce_";
const REFRESH_TOKEN: usize = 12;
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A code for a message: digits, leading zeros included, each code as likely as any other.
pub fn numeric_code(digits: u8) -> Result<String, Error> {
    if !(6..=10).contains(&digits) {
        return Err(Error::Digits(digits));
    }
    let number = rand::rng().random_range(0..10_u64.pow(u32::from(digits)));
    Ok(format!("{number:0width$}", width = usize::from(digits)))
}

/// What is stored and sent as `token_hash` of a code: of the address (or phone number) with the code, so that it is of no use for
/// another account.
pub fn one_time_token_hash(address: &str, code: &str) -> String {
    hex::encode(Sha224::new().chain_update(address).chain_update(code).finalize())
}

/// The hash as a flow by PKCE stores it.
pub fn pkce_token(hash: &str) -> String {
    format!("{PKCE_PREFIX}{hash}")
}

/// Whether the stored hash is the one of this code, whichever flow it was made for.
pub fn stored_token_hash(stored: &str, address: &str, code: &str) -> bool {
    tokens_equal(stored.strip_prefix(PKCE_PREFIX).unwrap_or(stored), &one_time_token_hash(address, code))
}

/// 128 bits in URL-safe base64: states, nonces, confirmation tokens.
pub fn secure_token() -> String {
    URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 16]>())
}

/// A refresh token of version 1: twelve characters of lower-case base32, 60 bits.
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
        // SHA-224 of "abc", from FIPS 180.
        let abc = "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7";
        assert_eq!(one_time_token_hash("ab", "c"), abc);
        assert!(stored_token_hash(abc, "ab", "c") && stored_token_hash(&pkce_token(abc), "ab", "c"));
        assert!(!stored_token_hash(abc, "ab", "d") && !stored_token_hash("", "ab", "c"));
    }

    #[test]
    fn tokens() {
        assert_eq!(secure_token().len(), 22);
        let token = refresh_token();
        assert!(token.len() == 12 && token.bytes().all(|byte| BASE32.contains(&byte)));
        assert_ne!(refresh_token(), refresh_token());
        assert!(tokens_equal("a", "a") && !tokens_equal("a", "b") && !tokens_equal("a", "ab") && !tokens_equal("", ""));
    }
}
