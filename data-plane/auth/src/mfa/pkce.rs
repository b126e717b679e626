//! Proof Key for Code Exchange, RFC 7636.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use super::{Error, tokens_equal};

/// What a client said when it began, and must know the preimage of when it exchanges its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeChallenge {
    /// The verifier itself.
    Plain(String),
    /// Its SHA-256 in URL-safe base64.
    S256(String),
}

impl CodeChallenge {
    /// From the request's `code_challenge_method` (case does not matter) and `code_challenge`.
    pub fn new(method: &str, challenge: &str) -> Result<Self, Error> {
        check_code_challenge(challenge)?;
        match method.to_ascii_lowercase().as_str() {
            "plain" => Ok(Self::Plain(challenge.to_owned())),
            "s256" => Ok(Self::S256(challenge.to_owned())),
            _ => Err(Error::ChallengeMethod(method.to_owned())),
        }
    }

    /// As `flow_state.code_challenge_method` stores it.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Plain(_) => "plain",
            Self::S256(_) => "s256",
        }
    }

    /// As `flow_state.code_challenge` stores it.
    pub fn challenge(&self) -> &str {
        match self {
            Self::Plain(challenge) | Self::S256(challenge) => challenge,
        }
    }

    /// Whether this is the preimage. If not: 400 `bad_code_verifier`.
    pub fn verify(&self, verifier: &str) -> bool {
        match self {
            Self::Plain(challenge) => tokens_equal(challenge, verifier),
            Self::S256(challenge) => tokens_equal(challenge, &URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))),
        }
    }
}

/// Refuses what is no challenge of RFC 7636, 4.2, with GoTrue's texts.
pub fn check_code_challenge(challenge: &str) -> Result<(), Error> {
    if !(43..=128).contains(&challenge.len()) {
        return Err(Error::ChallengeLength);
    }
    if !challenge.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)) {
        return Err(Error::ChallengeCharacters);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_example_of_the_rfc() {
        let s256 = CodeChallenge::new("S256", CHALLENGE).unwrap();
        assert!(s256.verify(VERIFIER) && !s256.verify(CHALLENGE) && !s256.verify(""));
        let plain = CodeChallenge::new("plain", VERIFIER).unwrap();
        assert!(plain.verify(VERIFIER) && !plain.verify(CHALLENGE) && !plain.verify(""));
        assert_eq!((s256.method(), plain.method(), s256.challenge()), ("s256", "plain", CHALLENGE));
    }

    #[test]
    fn what_is_no_challenge() {
        assert!(matches!(CodeChallenge::new("s512", CHALLENGE), Err(Error::ChallengeMethod(_))));
        assert!(matches!(CodeChallenge::new("s256", &"a".repeat(42)), Err(Error::ChallengeLength)));
        assert!(matches!(CodeChallenge::new("s256", &"a".repeat(129)), Err(Error::ChallengeLength)));
        assert!(matches!(CodeChallenge::new("s256", &"a ".repeat(40)), Err(Error::ChallengeCharacters)));
    }
}
