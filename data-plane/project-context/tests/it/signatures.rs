//! Tokens by every algorithm, against the keys as a secret, a JSON Web Key and a set of them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use p521::ecdsa::signature::{
    RandomizedSigner as _,
    rand_core::{CryptoRng, Error, RngCore},
};
use project_context::{CacheMetrics, JwtError, VerificationKeys, Verifier};
use serde_json::{Value, json};

const SECRET: &[u8] = b"a secret of more than thirty-two bytes, which every HMAC takes";

/// What signs, and the name of the key in a set.
struct Signer {
    name: &'static str,
    algorithm: &'static str,
    key: SigningKey,
}

enum SigningKey {
    Common(Algorithm, EncodingKey),
    P521(p521::ecdsa::SigningKey),
}

impl Signer {
    /// One for each algorithm.
    fn all() -> Vec<Self> {
        let rsa = || EncodingKey::from_rsa_pem(include_bytes!("keys/rsa.pem")).unwrap();
        let secret = || EncodingKey::from_secret(SECRET);
        let common = |name, algorithm: Algorithm, key| Self { name, algorithm: name, key: SigningKey::Common(algorithm, key) };
        vec![
            common("HS256", Algorithm::HS256, secret()),
            common("HS384", Algorithm::HS384, secret()),
            common("HS512", Algorithm::HS512, secret()),
            common("RS256", Algorithm::RS256, rsa()),
            common("RS384", Algorithm::RS384, rsa()),
            common("RS512", Algorithm::RS512, rsa()),
            common("PS256", Algorithm::PS256, rsa()),
            common("PS384", Algorithm::PS384, rsa()),
            common("PS512", Algorithm::PS512, rsa()),
            common("ES256", Algorithm::ES256, EncodingKey::from_ec_pem(include_bytes!("keys/p256.pem")).unwrap()),
            common("ES384", Algorithm::ES384, EncodingKey::from_ec_pem(include_bytes!("keys/p384.pem")).unwrap()),
            common("EdDSA", Algorithm::EdDSA, EncodingKey::from_ed_pem(include_bytes!("keys/ed25519.pem")).unwrap()),
            Self { name: "ES512", algorithm: "ES512", key: SigningKey::P521(p521_key()) },
        ]
    }

    /// The public key, with what it says about itself.
    fn jwk(&self, says: &[(&str, &str)]) -> Value {
        let mut jwk = match &self.key {
            SigningKey::Common(algorithm, key) => serde_json::to_value(Jwk::from_encoding_key(key, *algorithm).unwrap()).unwrap(),
            SigningKey::P521(key) => {
                let point = p521::ecdsa::VerifyingKey::from(key).to_encoded_point(false);
                let shown = |coordinate: &[u8]| URL_SAFE_NO_PAD.encode(coordinate);
                json!({"kty": "EC", "crv": "P-521", "x": shown(point.x().unwrap()), "y": shown(point.y().unwrap())})
            }
        };
        jwk.as_object_mut().unwrap().remove("alg");
        for (name, value) in says {
            jwk[*name] = json!(value);
        }
        jwk
    }

    fn token(&self, kid: Option<&str>) -> String {
        let claims = json!({"role": "web"});
        match &self.key {
            SigningKey::Common(algorithm, key) => {
                let header = Header { kid: kid.map(str::to_owned), ..Header::new(*algorithm) };
                jsonwebtoken::encode(&header, &claims, key).unwrap()
            }
            SigningKey::P521(key) => {
                let part = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
                let signed = format!("{}.{}", part(&json!({"alg": "ES512", "kid": kid})), part(&claims));
                let signature: p521::ecdsa::Signature = key.sign_with_rng(&mut Ones, signed.as_bytes());
                format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
            }
        }
    }
}

/// As good as chance for a key that everybody knows.
struct Ones;

impl RngCore for Ones {
    fn next_u32(&mut self) -> u32 {
        1
    }

    fn next_u64(&mut self) -> u64 {
        1
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.fill(1);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Ones {}

fn p521_key() -> p521::ecdsa::SigningKey {
    p521::ecdsa::SigningKey::from_slice(&[1; 66]).unwrap()
}

fn verifier(keys: &str) -> Verifier {
    Verifier::new(VerificationKeys::parse(keys.as_bytes()).unwrap(), None)
}

fn outcome(verifier: &Verifier, token: &str) -> Result<(), JwtError> {
    verifier.verify(token).map(|claims| assert_eq!(claims.role(), Some("web")))
}

/// With its signature's first byte another one.
fn spoilt(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    signature[0] ^= 1;
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn every_algorithm_by_key_and_by_set() {
    let signers = Signer::all();
    let set: Vec<Value> = signers.iter().map(|signer| signer.jwk(&[("kid", signer.name), ("alg", signer.algorithm)])).collect();
    let set = verifier(&json!({ "keys": set }).to_string());
    for signer in &signers {
        let name = signer.name;
        let token = signer.token(None);
        for says in [&[][..], &[("alg", name)], &[("use", "sig"), ("alg", name)]] {
            let alone = verifier(&signer.jwk(says).to_string());
            assert_eq!(outcome(&alone, &token), Ok(()), "{name} {says:?}");
            assert_eq!(outcome(&alone, &spoilt(&token)), Err(JwtError::WrongKey), "{name} {says:?}");
        }
        assert_eq!(outcome(&set, &token), Ok(()), "{name}");
        assert_eq!(outcome(&set, &signer.token(Some(name))), Ok(()), "{name}");
        assert_eq!(outcome(&set, &signer.token(Some("another"))), Err(JwtError::NoSuitableKey), "{name}");
        // The right key, but named as one that is for something else.
        let other = if name == "HS256" { "RS256" } else { "HS256" };
        assert_eq!(outcome(&set, &signer.token(Some(other))), Err(JwtError::NoSuitableKey), "{name}");
    }
}

#[test]
fn a_secret_is_for_one_algorithm_and_a_project_s_for_whatever_a_token_names() {
    let verifier = verifier(std::str::from_utf8(SECRET).unwrap());
    let of_project = Verifier::new(VerificationKeys::hs256(SECRET), None);
    for signer in Signer::all() {
        let expected = if signer.name == "HS256" { Ok(()) } else { Err(JwtError::NoSuitableKey) };
        assert_eq!(outcome(&verifier, &signer.token(None)), expected, "{}", signer.name);
        assert_eq!(outcome(&verifier, &signer.token(Some("1"))), Err(JwtError::NoSuitableKey), "{}", signer.name);
        assert_eq!(outcome(&of_project, &signer.token(Some("1"))), expected, "{}", signer.name);
    }
}

#[test]
fn a_token_that_names_no_key_tries_each() {
    let signers = Signer::all();
    let right = signers.iter().find(|signer| signer.name == "HS512").unwrap();
    let wrong = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode([7; 64]), "kid": "wrong"});
    let keys = verifier(&json!({"keys": [wrong, right.jwk(&[]), right.jwk(&[("kid", "right")])]}).to_string());
    for (kid, expected) in [
        (None, Ok(())),
        (Some("right"), Ok(())),
        (Some("wrong"), Err(JwtError::WrongKey)),
        // The one without a name is for nobody who asks for one.
        (Some("other"), Err(JwtError::NoSuitableKey)),
    ] {
        assert_eq!(outcome(&keys, &right.token(kid)), expected, "{kid:?}");
    }
}

#[test]
fn a_key_for_encryption_checks_nothing() {
    let signers = Signer::all();
    let key = signers.iter().find(|signer| signer.name == "RS256").unwrap();
    let foreign = json!({"kty": "RSA", "alg": "RSA-OAEP", "use": "enc", "n": "AQAB", "e": "AQAB"});
    let set = verifier(&json!({"keys": [foreign, key.jwk(&[("use", "enc")])]}).to_string());
    assert_eq!(outcome(&set, &key.token(None)), Err(JwtError::NoSuitableKey));
}

#[test]
fn tokens_with_a_good_signature_are_remembered_up_to_a_number() {
    let metrics = |requests, hits, evictions| CacheMetrics { requests, hits, evictions };
    let key = EncodingKey::from_secret(SECRET);
    let token = |claims: Value| jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap();
    let (good, expired) = (token(json!({"role": "web"})), token(json!({"role": "web", "exp": 1})));
    let made = |max_entries| Verifier::new(VerificationKeys::hs256(SECRET), None).with_cache(max_entries);

    let verifier = made(2);
    for _ in 0..2 {
        assert_eq!(outcome(&verifier, &good), Ok(()));
        assert_eq!(outcome(&verifier, &expired), Err(JwtError::Expired));
    }
    assert_eq!(verifier.cache_metrics(), metrics(4, 2, 0), "one that has expired is remembered, too");
    for _ in 0..2 {
        assert_eq!(outcome(&verifier, &spoilt(&good)), Err(JwtError::WrongKey));
    }
    assert_eq!(verifier.cache_metrics(), metrics(6, 2, 0), "one that is not signed is not");
    assert_eq!(outcome(&verifier, &token(json!({"role": "web", "n": 1}))), Ok(()));
    assert_eq!(verifier.cache_metrics(), metrics(7, 2, 1));

    let next = made(2).in_place_of(&verifier);
    assert_eq!(outcome(&next, &good), Ok(()));
    assert_eq!(next.cache_metrics(), metrics(8, 2, 1), "it counts on, and knows no token");

    let off = made(0);
    for _ in 0..2 {
        assert_eq!(outcome(&off, &good), Ok(()));
    }
    assert_eq!(off.cache_metrics(), metrics(0, 0, 0));
}
