//! JSON Web Keys (RFC 7518, section 6) as what signs and verifies.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::pkcs8::EncodePrivateKey as _;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, jwk::Jwk};
use rsa::{BigUint, RsaPrivateKey, pkcs1::EncodeRsaPrivateKey as _};
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use super::{JwtAlgorithm, JwtKey};

/// What a key signs to show that its halves belong together.
const PROBE: &[u8] = b"probe";

impl JwtAlgorithm {
    /// As the library that signs has it.
    #[must_use]
    pub fn of_signatures(self) -> Algorithm {
        match self {
            Self::Hs256 => Algorithm::HS256,
            Self::Rs256 => Algorithm::RS256,
            Self::Es256 => Algorithm::ES256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }
}

impl JwtKey {
    /// What verifies this key's signatures; `None` if it is no public key of its algorithm.
    #[must_use]
    pub fn verifier(&self) -> Option<DecodingKey> {
        let jwk: Option<Jwk> = serde_json::from_str(self.jwk.expose_secret()).ok();
        jwk.and_then(|jwk| DecodingKey::from_jwk(&jwk).ok())
    }

    /// What signs with this key; `None` if it is no private key of its algorithm, or its public half is not its own: what it
    /// signs would sign everybody out.
    #[must_use]
    pub fn signer(&self) -> Option<EncodingKey> {
        let (signer, algorithm) = (self.private_half()?, self.algorithm.of_signatures());
        let signature = jsonwebtoken::crypto::sign(PROBE, &signer, algorithm).ok()?;
        let agrees = jsonwebtoken::crypto::verify(&signature, PROBE, &self.verifier()?, algorithm);
        agrees.is_ok_and(|agrees| agrees).then_some(signer)
    }

    fn private_half(&self) -> Option<EncodingKey> {
        let members: Members = serde_json::from_str(self.jwk.expose_secret()).ok()?;
        match self.algorithm {
            JwtAlgorithm::Hs256 => Some(EncodingKey::from_secret(&bytes(members.k.as_ref())?)),
            JwtAlgorithm::Rs256 => {
                let der = members.rsa()?.to_pkcs1_der().ok()?;
                Some(EncodingKey::from_rsa_der(der.as_bytes()))
            }
            JwtAlgorithm::Es256 => {
                let key = p256::SecretKey::from_slice(&bytes(members.d.as_ref())?).ok()?;
                Some(EncodingKey::from_ec_der(key.to_pkcs8_der().ok()?.as_bytes()))
            }
            JwtAlgorithm::EdDsa => {
                let key = ed25519_dalek::SigningKey::try_from(bytes(members.d.as_ref())?.as_slice()).ok()?;
                Some(EncodingKey::from_ed_der(key.to_pkcs8_der().ok()?.as_bytes()))
            }
        }
    }
}

/// The members that make a key, each in base64url.
#[derive(Deserialize)]
struct Members {
    /// Of a shared secret.
    k: Option<String>,
    /// The private part.
    d: Option<String>,
    /// Modulus, exponent and primes of RSA. Primes that are not there are computed from the others.
    n: Option<String>,
    e: Option<String>,
    p: Option<String>,
    q: Option<String>,
}

impl Members {
    fn rsa(&self) -> Option<RsaPrivateKey> {
        let number = |member: &Option<String>| Some(BigUint::from_bytes_be(&bytes(member.as_ref())?));
        let primes = [number(&self.p), number(&self.q)].into_iter().collect::<Option<Vec<_>>>().unwrap_or_default();
        RsaPrivateKey::from_components(number(&self.n)?, number(&self.e)?, number(&self.d)?, primes).ok()
    }
}

fn bytes(member: Option<&String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(member?.trim_end_matches('=')).ok()
}
