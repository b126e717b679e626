//! Making a key, and taking in one that somebody else has made.

use auth_settings::JwtKey;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use control_plane_api::SigningAlgorithm;
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use rand::{TryRng as _, rngs::SysRng};
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Jwk;
use crate::error::{Error, SecretError};

/// Bits of an RSA key that is made, and of one that is taken in, at least and at most.
const RSA_BITS: usize = 2048;
const MOST_RSA_BITS: usize = 8192;
/// Bytes of a shared secret at least: as many as the signature has (RFC 7518, section 3.2), and at most.
const SECRET_BYTES: usize = 32;
const MOST_SECRET_BYTES: usize = 1024;
/// Longest member of a key, in characters: as long as the largest number.
const LONGEST_MEMBER: usize = MOST_RSA_BITS / 6 + 3;

/// A key that is not kept yet.
#[derive(Debug, Clone)]
pub(crate) struct MadeKey {
    pub(crate) id: Uuid,
    pub(crate) algorithm: SigningAlgorithm,
    pub(crate) jwk: Jwk,
}

impl MadeKey {
    /// From the system's random source. An RSA key may take a second; not for an async thread.
    pub(crate) fn generate(algorithm: SigningAlgorithm) -> Result<Self, Error> {
        let members = match algorithm {
            SigningAlgorithm::Hs256 => json!({ "kty": "oct", "k": text(&random()?) }),
            SigningAlgorithm::Es256 => p256_key()?,
            SigningAlgorithm::EdDsa => {
                let key = ed25519_dalek::SigningKey::from_bytes(&random()?);
                let (x, d) = (text(key.verifying_key().as_bytes()), text(key.as_bytes()));
                json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "d": d })
            }
            SigningAlgorithm::Rs256 => rsa_key()?,
        };
        let Value::Object(members) = members else { return Err(SecretError.into()) };
        Self::of(Uuid::new_v4(), algorithm, members).ok_or_else(|| SecretError.into())
    }

    /// A private JSON Web Key as the Management API takes it. Its `kid` becomes the id, where it has one. The error says what is
    /// wrong and never has a value.
    pub(crate) fn import(algorithm: SigningAlgorithm, jwk: &Value) -> Result<Self, Error> {
        let refuse = |message: String| Error::InvalidInput { field: "private_jwk", message: format!("private_jwk {message}") };
        let mut members = jwk.as_object().cloned().ok_or_else(|| refuse("must be a JSON Web Key, an object".to_owned()))?;
        let id = check_about(algorithm, &mut members).map_err(refuse)?;
        check_members(algorithm, &members).map_err(refuse)?;
        let no_pair = || refuse(format!("is no private key of {algorithm}, or its halves do not belong together"));
        Self::of(id.unwrap_or_else(Uuid::new_v4), algorithm, members).ok_or_else(no_pair)
    }

    /// The key of these members, if they are one: what it signs, its public half verifies.
    fn of(id: Uuid, algorithm: SigningAlgorithm, mut members: Map<String, Value>) -> Option<Self> {
        members.insert("kid".to_owned(), json!(id));
        members.insert("alg".to_owned(), json!(algorithm));
        members.insert("use".to_owned(), json!("sig"));
        members.insert("ext".to_owned(), json!(true));
        members.insert("key_ops".to_owned(), json!(["sign", "verify"]));
        let private = SecretString::from(Value::Object(members.clone()).to_string());
        let key = JwtKey::from_jwk(0, members).ok()?;
        key.signer()?;
        Some(Self { id, algorithm, jwk: Jwk { public: key.public, private } })
    }
}

/// Takes out what says something about the key, and answers its id.
fn check_about(algorithm: SigningAlgorithm, members: &mut Map<String, Value>) -> Result<Option<Uuid>, String> {
    let expected = [("alg", json!(algorithm)), ("use", json!("sig")), ("ext", json!(true))];
    for (name, expected) in expected {
        if members.remove(name).is_some_and(|value| value != expected) {
            return Err(format!("must have {expected} as its {name}, or none"));
        }
    }
    if let Some(operations) = members.remove("key_ops") {
        let both = [json!(["sign", "verify"]), json!(["verify", "sign"])];
        if !both.contains(&operations) {
            return Err("must have sign and verify as its key_ops, or none".to_owned());
        }
    }
    match members.remove("kid") {
        None => Ok(None),
        Some(kid) => {
            let id = kid.as_str().and_then(|kid| Uuid::try_parse(kid).ok());
            id.map(Some).ok_or_else(|| "must have a UUID as its kid, or none".to_owned())
        }
    }
}

/// That all members of the algorithm's keys are there, each a text, and nothing else.
fn check_members(algorithm: SigningAlgorithm, members: &Map<String, Value>) -> Result<(), String> {
    let (kty, crv, numbers): (_, _, &[&str]) = match algorithm {
        SigningAlgorithm::Hs256 => ("oct", None, &["k"]),
        SigningAlgorithm::Rs256 => ("RSA", None, &["n", "e", "d", "p", "q", "dp", "dq", "qi"]),
        SigningAlgorithm::Es256 => ("EC", Some("P-256"), &["x", "y", "d"]),
        SigningAlgorithm::EdDsa => ("OKP", Some("Ed25519"), &["x", "d"]),
    };
    let fixed = [("kty", Some(kty)), ("crv", crv)].into_iter().filter_map(|(name, value)| Some((name, value?)));
    for (name, value) in fixed.clone() {
        if members.get(name).and_then(Value::as_str) != Some(value) {
            return Err(format!("must have {value:?} as its {name} to be a key of {algorithm}"));
        }
    }
    let is_known = |name: &str| numbers.contains(&name) || fixed.clone().any(|(fixed, _)| fixed == name);
    if let Some(name) = members.keys().find(|name| !is_known(name)) {
        return Err(format!("has {:?}, which is no part of a key of {algorithm}", name.chars().take(20).collect::<String>()));
    }
    for name in numbers {
        check_number(name, members.get(*name).and_then(Value::as_str))?;
    }
    Ok(())
}

fn check_number(name: &str, value: Option<&str>) -> Result<(), String> {
    let value = value.filter(|value| value.len() <= LONGEST_MEMBER);
    let bytes = value.and_then(|value| BASE64_URL_SAFE_NO_PAD.decode(value).ok());
    let bytes = bytes.ok_or_else(|| format!("must have {name}, in base64url without padding"))?;
    match name {
        "e" if value != Some("AQAB") => Err("must have AQAB as its e".to_owned()),
        "n" if bytes.first() == Some(&0) || !(RSA_BITS..=MOST_RSA_BITS).contains(&(bytes.len() * 8)) => {
            Err(format!("must have an n of {RSA_BITS} to {MOST_RSA_BITS} bits"))
        }
        "k" if !(SECRET_BYTES..=MOST_SECRET_BYTES).contains(&bytes.len()) => {
            Err(format!("must have a k of {SECRET_BYTES} to {MOST_SECRET_BYTES} bytes"))
        }
        _ => Ok(()),
    }
}

fn p256_key() -> Result<Value, SecretError> {
    // One in 2^32 is no number of the curve.
    loop {
        let Ok(key) = p256::SecretKey::from_slice(&random()?) else { continue };
        let point = key.public_key().to_encoded_point(false);
        let (Some(x), Some(y)) = (point.x(), point.y()) else { continue };
        return Ok(json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y), "d": text(&key.to_bytes()) }));
    }
}

fn rsa_key() -> Result<Value, SecretError> {
    let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, RSA_BITS).map_err(|_| SecretError)?;
    let number = |number: &rsa::BigUint| text(&number.to_bytes_be());
    let [p, q] = key.primes() else { return Err(SecretError) };
    let (Some(dp), Some(dq), Some(qi)) = (key.dp(), key.dq(), key.crt_coefficient()) else { return Err(SecretError) };
    Ok(json!({
        "kty": "RSA", "n": number(key.n()), "e": number(key.e()), "d": number(key.d()), "p": number(p), "q": number(q),
        "dp": number(dp), "dq": number(dq), "qi": number(&qi),
    }))
}

fn random() -> Result<[u8; 32], SecretError> {
    let mut bytes = [0; 32];
    SysRng.try_fill_bytes(&mut bytes).map_err(|_| SecretError)?;
    Ok(bytes)
}

fn text(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn private(key: &MadeKey) -> Value {
        serde_json::from_str(key.jwk.private.expose_secret()).unwrap()
    }

    #[test]
    fn what_is_made_can_be_taken_in_and_its_public_half_has_nothing_private() {
        for algorithm in SigningAlgorithm::ALL {
            let key = MadeKey::generate(algorithm).unwrap();
            let again = MadeKey::import(algorithm, &private(&key)).unwrap();
            assert_eq!((again.id, private(&again)), (key.id, private(&key)), "the kid is the id");
            let Some(public) = key.jwk.public else {
                assert_eq!(algorithm, SigningAlgorithm::Hs256);
                continue;
            };
            assert_eq!((&public["kid"], &public["alg"]), (&json!(key.id), &json!(algorithm)));
            for secret in ["d", "p", "q", "dp", "dq", "qi", "k"] {
                assert!(!public.contains_key(secret), "{algorithm}: {secret}");
            }
            assert!(!format!("{:?}", again.jwk).contains(private(&again)["d"].as_str().unwrap()));
        }
    }

    #[test]
    fn what_is_no_key_of_the_algorithm_is_refused_by_what_is_wrong() {
        let ec = private(&MadeKey::generate(SigningAlgorithm::Es256).unwrap());
        let with = |name: &str, value: Value| {
            let mut key = ec.clone();
            key[name] = value;
            key
        };
        let short = json!({ "kty": "oct", "k": text(&[7; 31]) });
        let small = json!({ "kty": "RSA", "n": text(&[0xff; 128]), "e": "AQAB" });
        let another = private(&MadeKey::generate(SigningAlgorithm::Es256).unwrap());
        for (algorithm, key, word) in [
            (SigningAlgorithm::Es256, json!("text"), "object"),
            (SigningAlgorithm::EdDsa, ec.clone(), "alg"),
            (SigningAlgorithm::Es256, with("kid", json!("mine")), "UUID"),
            (SigningAlgorithm::Es256, with("key_ops", json!(["sign"])), "key_ops"),
            (SigningAlgorithm::Es256, with("use", json!("enc")), "use"),
            (SigningAlgorithm::Es256, with("crv", json!("P-384")), "crv"),
            (SigningAlgorithm::Es256, with("nonsense", json!(1)), "nonsense"),
            (SigningAlgorithm::Es256, with("d", json!("?")), "base64url"),
            (SigningAlgorithm::Es256, with("d", another["d"].clone()), "do not belong together"),
            (SigningAlgorithm::Es256, with("x", json!("AAAA")), "do not belong together"),
            (SigningAlgorithm::Es256, with("d", json!("A".repeat(3000))), "base64url"),
            (SigningAlgorithm::Hs256, short, "32"),
            (SigningAlgorithm::Rs256, small, "2048"),
        ] {
            let error = MadeKey::import(algorithm, &key).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
            assert!(!error.contains(another["d"].as_str().unwrap()));
        }
    }
}
