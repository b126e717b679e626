//! Public keys in COSE, as they are stored, and their signatures.

use ed25519_dalek::{Signature as EdSignature, VerifyingKey as EdKey};
use p256::ecdsa::{Signature as P256Signature, VerifyingKey as P256Key, signature::Verifier};
use rsa::{BigUint, RsaPublicKey, pkcs1v15, sha2::Sha256};

use super::{Error, cbor::Value};

/// What is offered, in this order: ES256, EdDSA, RS256 (Windows Hello on old machines).
pub(super) const ALGORITHMS: [i32; 3] = [-7, -8, -257];

const KEY_TYPE: i128 = 1;
const ALGORITHM: i128 = 3;
const CURVE: i128 = -1;
const X: i128 = -2;
const Y: i128 = -3;
const RSA_N: i128 = -1;
const RSA_E: i128 = -2;

pub(super) enum PublicKey {
    Es256(P256Key),
    EdDsa(EdKey),
    Rs256(pkcs1v15::VerifyingKey<Sha256>),
}

impl PublicKey {
    pub(super) fn parse(cose: &[u8]) -> Result<Self, Error> {
        let map = Value::read_all(cose)?;
        let integer = |key| map.integer_key(key).and_then(Value::integer);
        let bytes = |key| map.integer_key(key).and_then(Value::bytes).ok_or(Error::Malformed("its key lacks a part"));
        let invalid = || Error::Malformed("its key is none");
        match (integer(KEY_TYPE), integer(ALGORITHM)) {
            (Some(2), Some(-7)) => {
                let (x, y) = (bytes(X)?, bytes(Y)?);
                if integer(CURVE) != Some(1) || x.len() != 32 || y.len() != 32 {
                    return Err(invalid());
                }
                let point = [&[4], x, y].concat();
                P256Key::from_sec1_bytes(&point).map(Self::Es256).map_err(|_| invalid())
            }
            (Some(1), Some(-8)) => {
                let x: [u8; 32] = bytes(X)?.try_into().map_err(|_| invalid())?;
                let key = EdKey::from_bytes(&x).map_err(|_| invalid())?;
                // A key of small order accepts signatures of nobody.
                if integer(CURVE) != Some(6) || key.is_weak() {
                    return Err(invalid());
                }
                Ok(Self::EdDsa(key))
            }
            (Some(3), Some(-257)) => {
                let (n, e) = (bytes(RSA_N)?, bytes(RSA_E)?);
                if !(256..=512).contains(&n.len()) || e.len() > 4 {
                    return Err(invalid());
                }
                let key = RsaPublicKey::new(BigUint::from_bytes_be(n), BigUint::from_bytes_be(e)).map_err(|_| invalid())?;
                Ok(Self::Rs256(pkcs1v15::VerifyingKey::new(key)))
            }
            _ => Err(Error::Algorithm),
        }
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Error> {
        match self {
            Self::Es256(key) => P256Signature::from_der(signature).and_then(|signature| key.verify(message, &signature)),
            Self::EdDsa(key) => EdSignature::from_slice(signature).and_then(|signature| key.verify_strict(message, &signature)),
            Self::Rs256(key) => pkcs1v15::Signature::try_from(signature).and_then(|signature| key.verify(message, &signature)),
        }
        .map_err(|_| Error::Signature)
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};

    use super::*;

    /// Made by openssl: `genrsa 2048`, `dgst -sha256 -sign` of `message`.
    const N: &str = "c1becac5f1ce5859b18f0f58e63490e71b033bf21ba9d7569f9a978efc806ab2c4de2f9b0ed16534fefdbd24cc8cd3740bd99fa8a0557aa3153757364b1081d0cbdb70515b137e613ba9477db7f8f9fd0ae74e74ffcd13e90372398088743ac3229adfa988b6a1cbdcfa61fc5317a3952b3c0baec746a98c1d41e22d718e4135316ea5e10ff7f48fdb12c739cd5bfe32e00eb959404ecf5b3ee94c7be2a5a8cea948f3becd69e8b0237c8c7d85ac4ebac5ab7611a2c4a1985790ba7b582ec9801b46ad2e6304fa90903f981d27862cfde1b22ffb8efe8672284d206d63911409407532aa3fd46e055e21bced7d052a9ab8bb96bb0d72d19f55cdf0678c4f94f5";
    const SIGNATURE: &str = "51230c9cff2a645ab15c42f7ffc529a8d994372c3d70ef93b2b022b868f08936b0ae67717fac88b6d2caf6705415e4ccb665651b2786abcb459b9b8ca32112a3d94100a2802ddaacc1b4b85f80a529d180cbc3af96d7883b9b47c21671a0c656523a2d0e9c988999826e2afc46bfba36e0066a6713beca9bfe1399cde9482f2e1ef17acec2530d6e621e4b8cf4e2851fb29a99dcdf9aa7cb6110d73db9562e779d01fadb945911f91a0c6dc7d6aac01d7615fb4e3a7ad4dbee9340437bf5238eed9c5c1b1401d84a8a6523515af4f741b156c5366f265379c7237d2aafc02dd12d9e8bd068409accd3c8954b3d10e1efd2246a1d341f1514c1e193d815106345";

    #[test]
    fn rs256() {
        let head = [0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20, 0x59, 0x01, 0x00];
        let cose = [head.as_slice(), &hex::decode(N).unwrap(), &[0x21, 0x43, 0x01, 0x00, 0x01]].concat();
        let key = PublicKey::parse(&cose).unwrap();
        let signature = hex::decode(SIGNATURE).unwrap();
        key.verify(b"message", &signature).unwrap();
        assert!(matches!(key.verify(b"massage", &signature), Err(Error::Signature)));
        assert!(matches!(key.verify(b"message", &signature[1..]), Err(Error::Signature)));
    }

    #[test]
    fn eddsa() {
        let signer = SigningKey::from_bytes(&[7; 32]);
        let head = [0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20];
        let cose = |key: &[u8]| [head.as_slice(), key].concat();
        let key = PublicKey::parse(&cose(signer.verifying_key().as_bytes())).unwrap();
        key.verify(b"message", &signer.sign(b"message").to_bytes()).unwrap();
        assert!(matches!(key.verify(b"massage", &signer.sign(b"message").to_bytes()), Err(Error::Signature)));
        // The neutral element, under which everything is signed by anybody.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        assert!(PublicKey::parse(&cose(&neutral)).is_err());
    }

    #[test]
    fn other_algorithms() {
        // ES384
        assert!(matches!(PublicKey::parse(&[0xa2, 0x01, 0x02, 0x03, 0x38, 0x22]), Err(Error::Algorithm)));
        assert!(matches!(PublicKey::parse(&[0xa0]), Err(Error::Algorithm)));
        assert!(matches!(PublicKey::parse(&[0xa2, 0x01, 0x02, 0x03, 0x26]), Err(Error::Malformed(_))));
    }
}
