//! Wallets that sign in: a message of EIP-4361, signed by an Ethereum or a Solana key.
//!
//! Owns what such a message says, whose signature is under it, and whether it was meant for this server and is of now. It deliberately
//! keeps nothing: the server sends no nonce (auth-js's messages for Ethereum have none), so that whoever calls it has to see that a message
//! is used once (`flow/web3.rs`). The crate `siwe` does not fit for the same reason: it refuses messages without a nonce, a chain or checksummed letters.
//!
//! Sources: eips.ethereum.org/EIPS/eip-4361, 191 and 55; github.com/phantom/sign-in-with-solana; Supabase's documentation, "Sign in
//! with Web3"; the service's OpenAPI document (`grant_type=web3`); supabase/auth's pull requests 1918, 2069 and 2688.

mod ethereum;
mod message;
mod solana;
#[cfg(test)]
mod tests;

use std::fmt;

use time::{Duration, OffsetDateTime};

use message::Message;

const SHORTEST: usize = 64;
const LONGEST: usize = 20 * 1024;

/// What the ids of its identities begin with.
const ETHEREUM_ID: &str = "web3:ethereum:0x";

/// Whose key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// secp256k1, an address of 20 bytes in hexadecimal.
    Ethereum,
    /// Ed25519, the key in base58 as the address.
    Solana,
}

/// What a message must comply with.
pub struct Rules<'a> {
    /// The present.
    pub now: OffsetDateTime,
    /// `GOTRUE_EXTERNAL_WEB3_<CHAIN>_MAXIMUM_VALIDITY_DURATION`: how long after it was issued a message is taken.
    pub maximum_validity: Duration,
    /// How far the wallet's clock may be ahead.
    pub clock_skew: Duration,
    /// Whether this server serves the application at a URL: the site's own, or one on the list of redirect URLs.
    pub is_allowed: &'a dyn Fn(&str) -> bool,
}

impl<'a> Rules<'a> {
    /// Ten minutes, and one of skew.
    pub fn new(now: OffsetDateTime, is_allowed: &'a dyn Fn(&str) -> bool) -> Self {
        Self { now, maximum_validity: Duration::minutes(10), clock_skew: Duration::minutes(1), is_allowed }
    }
}

impl fmt::Debug for Rules<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("now", &self.now).field("maximum_validity", &self.maximum_validity).finish_non_exhaustive()
    }
}

/// Who signed, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wallet {
    /// The chain.
    pub chain: Chain,
    /// On Ethereum in lower case: the same account must not be two users.
    pub address: String,
    /// The message's `Chain ID`.
    pub network: Option<String>,
    /// Who asked for it.
    pub domain: String,
    /// The page that asked for it.
    pub uri: String,
    /// What the user agreed to.
    pub statement: Option<String>,
}

impl Wallet {
    /// The identity's `provider_id`, and the claim `sub`. GoTrue stores an Ethereum address as its message has it (supabase/auth's
    /// issue 2264): identities that were loaded from a dump are found by [`other_forms`].
    pub fn provider_id(&self) -> String {
        format!("web3:{}:{}", self.chain.as_str(), self.address)
    }
}

/// How others may write an identity's id: an address of Ethereum as EIP-55 has it, and in capitals.
#[must_use]
pub fn other_forms(provider_id: &str) -> Option<Vec<String>> {
    let digits = provider_id.strip_prefix(ETHEREUM_ID)?;
    Some([ethereum::checksummed(digits), digits.to_ascii_uppercase()].map(|digits| format!("{ETHEREUM_ID}{digits}")).into())
}

/// Why nobody is signed in.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// 400 `web3_unsupported_chain`.
    #[error("Unsupported chain")]
    UnsupportedChain,
    /// 400 `validation_failed`: the request is not what it should be.
    #[error("{0}")]
    Invalid(String),
    /// 400 of OAuth's form, `invalid_grant`: the message is well-formed, and is not taken.
    #[error("{0}")]
    Refused(Refusal),
}

/// Why a well-formed message is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is of another key, or of another message.
    Signature,
    /// The URI is not encrypted.
    Http(Chain),
    /// The URI is none of the web.
    Scheme(Chain),
    /// The URI is another application's.
    Uri(Chain),
    /// The domain is not the URI's, or is another application's.
    Domain(Chain),
    /// `Not Before` is to come.
    NotYetValid(Chain),
    /// `Expiration Time` has passed.
    Expired(Chain),
    /// `Issued At` is longer ago than a message is valid.
    TooOld(Chain),
    /// `Issued At` is to come.
    InTheFuture(Chain),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature => f.write_str("Signature does not match address in message"),
            Self::Http(chain) => write!(
                f,
                "Signed {chain} message is using URI which uses HTTP and hostname is not localhost, only HTTPS is allowed"
            ),
            Self::Scheme(chain) => write!(f, "Signed {chain} message is using URI which does not use HTTPS"),
            Self::Uri(chain) => write!(
                f,
                "Signed {chain} message is using URI which is not allowed on this server, message was signed for another app"
            ),
            Self::Domain(chain) => write!(
                f,
                "Signed {chain} message is using a Domain that does not match the one in URI which is not allowed on this server"
            ),
            Self::NotYetValid(chain) => write!(f, "Signed {chain} message becomes valid in the future"),
            Self::Expired(chain) => write!(f, "Signed {chain} message is expired"),
            Self::TooOld(chain) => write!(f, "{chain} message was issued too long ago"),
            Self::InTheFuture(chain) => write!(f, "{chain} message was issued too far in the future"),
        }
    }
}

impl Chain {
    /// The request's `chain`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        match text {
            "ethereum" => Ok(Self::Ethereum),
            "solana" => Ok(Self::Solana),
            _ => Err(Error::UnsupportedChain),
        }
    }

    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ethereum => "ethereum",
            Self::Solana => "solana",
        }
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ethereum => "Ethereum",
            Self::Solana => "Solana",
        })
    }
}

/// The wallet that signed `message`, if it was for this server and now.
pub fn verify(chain: Chain, message: &str, signature: &str, rules: &Rules<'_>) -> Result<Wallet, Error> {
    if message.len() < SHORTEST {
        return Err(Error::Invalid("message is too short".to_owned()));
    }
    if message.len() > LONGEST {
        return Err(Error::Invalid("message must not exceed 20KB".to_owned()));
    }
    // Both take the message's bytes as they are: nothing that was not signed is read from it.
    let parsed = match chain {
        Chain::Ethereum => ethereum::read(message, signature)?,
        Chain::Solana => solana::read(message, signature)?,
    };
    check(chain, &parsed, rules).map_err(Error::Refused)?;
    Ok(Wallet {
        chain,
        address: parsed.address,
        network: parsed.chain_id,
        domain: parsed.domain,
        uri: parsed.uri.into_string(),
        statement: parsed.statement,
    })
}

fn check(chain: Chain, message: &Message, rules: &Rules<'_>) -> Result<(), Refusal> {
    let local = message.is_local();
    match message.uri.scheme().as_str().to_ascii_lowercase().as_str() {
        "https" => {}
        "http" if local => {}
        "http" => return Err(Refusal::Http(chain)),
        _ => return Err(Refusal::Scheme(chain)),
    }
    if !(rules.is_allowed)(message.uri.as_str()) {
        return Err(Refusal::Uri(chain));
    }
    let same = message.authority().eq_ignore_ascii_case(&message.domain);
    if !same || !local && !(rules.is_allowed)(&format!("https://{}/", message.domain)) {
        return Err(Refusal::Domain(chain));
    }
    if message.not_before.is_some_and(|from| rules.now < from) {
        return Err(Refusal::NotYetValid(chain));
    }
    if message.expiration.is_some_and(|until| rules.now >= until) {
        return Err(Refusal::Expired(chain));
    }
    // Differences, which cannot leave the calendar as sums can.
    let age = rules.now - message.issued_at;
    if age > rules.maximum_validity {
        return Err(Refusal::TooOld(chain));
    }
    if -age > rules.clock_skew {
        return Err(Refusal::InTheFuture(chain));
    }
    Ok(())
}
