//! Others whose tokens a project takes: where their keys are from, and which of them are of use. What signs them is asymmetric, and
//! each has a name (`kid`), as Supabase's guide "Third-party auth" demands.

use auth_settings::ThirdPartyKeys;
use control_plane_api::CreateThirdPartyAuth;
use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{error::Error, routes::Routes};

/// Of one project at most, and keys of one at most, so that what checks a token stays short.
pub(crate) const MAX_THIRD_PARTIES: usize = 20;
const MAX_KEYS: usize = 64;
/// Longest URL, and longest set of keys as text, in bytes.
const LONGEST_URL: usize = 2000;
const LONGEST_SET: usize = 256 * 1024;
/// Shortest modulus of RSA, in characters of base64url: 2048 bits.
const SHORTEST_MODULUS: usize = 341;

/// The members that only a private key has, or a secret.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// One of them as it is kept and as it goes into archives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ThirdParty {
    pub(crate) id: Uuid,
    pub(crate) source: Source,
    /// Public JSON Web Keys, as they were last read.
    pub(crate) keys: Vec<Value>,
    /// Unix milliseconds.
    pub(crate) inserted_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) resolved_at: i64,
}

/// Where keys are from, and whose tokens they are for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Source {
    pub(crate) oidc_issuer_url: Option<String>,
    pub(crate) jwks_url: Option<String>,
    pub(crate) custom_jwks: Option<Value>,
}

impl ThirdParty {
    /// Whether it has keys as they are kept, and a source as a request may name it.
    pub(crate) fn is_sound(&self) -> bool {
        let Source { oidc_issuer_url, jwks_url, custom_jwks } = self.source.clone();
        let is_source = Source::of(CreateThirdPartyAuth { oidc_issuer_url, jwks_url, custom_jwks }).is_ok();
        is_source && self.keys.len() <= MAX_KEYS && self.keys.iter().all(|key| public_key(key).as_ref() == Some(key))
    }

    /// As services get it.
    pub(super) fn in_force(&self) -> ThirdPartyKeys {
        ThirdPartyKeys { issuer: self.source.oidc_issuer_url.clone(), keys: self.keys.clone() }
    }
}

impl Source {
    /// What a request asks for, if it is one source.
    pub(crate) fn of(request: CreateThirdPartyAuth) -> Result<Self, Error> {
        let CreateThirdPartyAuth { oidc_issuer_url, jwks_url, custom_jwks } = request;
        let custom_jwks = match custom_jwks {
            // As Terraform and Pulumi write it.
            Some(Value::String(text)) => Some(serde_json::from_str(&text).map_err(|_| refused("custom_jwks", "is no JSON"))?),
            other => other.filter(|value| !value.is_null()),
        };
        for (field, url) in [("oidc_issuer_url", &oidc_issuer_url), ("jwks_url", &jwks_url)] {
            if url.as_ref().is_some_and(|url| !is_url(url)) {
                return Err(refused(field, "must be a URL such as https://id.example.com"));
            }
        }
        match (&oidc_issuer_url, &jwks_url, &custom_jwks) {
            (None, None, None) => {
                Err(refused("oidc_issuer_url", "is missing; so are jwks_url and custom_jwks. Give one of them"))
            }
            (_, Some(_), Some(_)) => Err(refused("custom_jwks", "and jwks_url can't be given both")),
            _ => Ok(Self { oidc_issuer_url, jwks_url, custom_jwks }),
        }
    }

    /// Whether the keys may change without anybody saying so.
    pub(crate) const fn is_elsewhere(&self) -> bool {
        self.custom_jwks.is_none()
    }

    /// Reads the keys that are of use now.
    pub(crate) async fn resolve(&self, routes: &dyn Routes) -> Result<Vec<Value>, Error> {
        match self {
            Self { custom_jwks: Some(set), .. } => {
                check_custom(set).and_then(|()| usable(set)).map_err(|why| refused("custom_jwks", &why))
            }
            Self { jwks_url: Some(url), .. } => {
                fetch_keys(routes, url).await.map_err(|why| refused("jwks_url", &format!("can't be used: {why}")))
            }
            Self { oidc_issuer_url, .. } => {
                let issuer = oidc_issuer_url.as_deref().unwrap_or_default();
                let keys = async { fetch_keys(routes, &discover(routes, issuer).await?).await };
                keys.await.map_err(|why| refused("oidc_issuer_url", &format!("can't be used: {why}")))
            }
        }
    }
}

fn refused(field: &'static str, why: &str) -> Error {
    Error::InvalidInput { field, message: format!("{field} {why}.") }
}

fn is_url(text: &str) -> bool {
    let rest = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    text.len() <= LONGEST_URL
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
        && rest.is_some_and(|rest| !rest.starts_with('/') && !rest.is_empty())
}

/// Where an issuer has its keys (OpenID Connect Discovery 1.0).
async fn discover(routes: &dyn Routes, issuer: &str) -> Result<String, String> {
    let document = routes.fetch(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))).await?;
    let reported = document["issuer"].as_str().unwrap_or_default();
    if reported.trim_end_matches('/') != issuer.trim_end_matches('/') {
        let shown: String = reported.chars().take(100).collect();
        return Err(format!("its discovery document is of the issuer {shown:?}"));
    }
    let url = document["jwks_uri"].as_str().filter(|url| is_url(url)).ok_or("its discovery document has no jwks_uri")?;
    if issuer.starts_with("https://") && !url.starts_with("https://") {
        return Err("its discovery document has a jwks_uri without TLS".to_owned());
    }
    Ok(url.to_owned())
}

async fn fetch_keys(routes: &dyn Routes, url: &str) -> Result<Vec<Value>, String> {
    usable(&routes.fetch(url).await?)
}

/// What an administrator has pasted is told of what must not be there; in what an issuer publishes, it is left out.
fn check_custom(set: &Value) -> Result<(), String> {
    if set.to_string().len() > LONGEST_SET {
        return Err(format!("has more than {LONGEST_SET} bytes"));
    }
    let has_private = |jwk: &Value| PRIVATE.iter().any(|member| jwk.get(member).is_some());
    if set["keys"].as_array().is_some_and(|keys| keys.iter().any(has_private)) {
        return Err("has a private key or a shared secret; only public keys belong there".to_owned());
    }
    Ok(())
}

/// The keys of a set that tokens can be checked by.
fn usable(set: &Value) -> Result<Vec<Value>, String> {
    let keys = set["keys"].as_array().ok_or("has no JSON Web Key Set, {\"keys\": […]}")?;
    if keys.len() > MAX_KEYS {
        return Err(format!("has more than {MAX_KEYS} keys"));
    }
    let usable: Vec<_> = keys.iter().filter_map(public_key).collect();
    if usable.is_empty() {
        return Err("has no public key for signatures by RSA, ECDSA or EdDSA with a kid".to_owned());
    }
    Ok(usable)
}

/// The public members of a key that signs, is strong enough and has a name.
fn public_key(jwk: &Value) -> Option<Value> {
    let key: Jwk = serde_json::from_value(jwk.clone()).ok()?;
    let is_known = match &key.algorithm {
        AlgorithmParameters::RSA(key) => key.n.len() >= SHORTEST_MODULUS,
        AlgorithmParameters::EllipticCurve(key) => matches!(key.curve, EllipticCurve::P256 | EllipticCurve::P384),
        AlgorithmParameters::OctetKeyPair(key) => key.curve == EllipticCurve::Ed25519,
        _ => false,
    };
    let is_for_signatures = key.common.public_key_use.as_ref().is_none_or(|of| *of == PublicKeyUse::Signature);
    let is_named = key.common.key_id.as_ref().is_some_and(|kid| !kid.is_empty());
    if !(is_known && is_for_signatures && is_named) || DecodingKey::from_jwk(&key).is_err() {
        return None;
    }
    let members = jwk.as_object()?.iter().filter(|(name, _)| {
        let name = name.as_str();
        ["kty", "kid", "alg", "crv", "x", "y", "n", "e"].contains(&name)
    });
    let mut public: serde_json::Map<_, _> = members.map(|(name, value)| (name.clone(), value.clone())).collect();
    public.insert("use".to_owned(), json!("sig"));
    Some(Value::Object(public))
}

#[cfg(test)]
mod tests {
    use control_plane_api::SigningAlgorithm;
    use secrecy::ExposeSecret as _;

    use super::{super::MadeKey, *};

    fn made(algorithm: SigningAlgorithm) -> (Value, Value) {
        let jwk = MadeKey::generate(algorithm).unwrap().jwk;
        let private = serde_json::from_str(jwk.private.expose_secret()).unwrap();
        (jwk.public.map_or(Value::Null, Value::Object), private)
    }

    #[test]
    fn of_a_set_what_verifies_is_kept() {
        let (public, private) = made(SigningAlgorithm::Es256);
        let (_, secret) = made(SigningAlgorithm::Hs256);
        let with = |name: &str, value: Value| {
            let mut key = public.clone();
            key[name] = value;
            key
        };
        let useless = [
            secret.clone(),
            with("use", json!("enc")),
            with("kid", Value::Null),
            with("kid", json!("")),
            with("crv", json!("P-999")),
        ];
        for key in useless {
            assert!(usable(&json!({ "keys": [key] })).unwrap_err().contains("no public key"), "{key}");
        }
        let kept = usable(&json!({ "keys": [secret, private, { "kty": "of tomorrow" }] })).unwrap();
        assert_eq!(kept.len(), 1);
        assert!(kept[0].get("d").is_none() && kept[0]["kid"] == public["kid"] && kept[0]["x"] == public["x"]);
        for custom in [secret, private] {
            assert!(check_custom(&json!({ "keys": [custom] })).unwrap_err().contains("private key"));
        }
        assert!(check_custom(&json!({ "keys": [public] })).is_ok());
        assert!(usable(&json!([])).is_err() && usable(&json!({ "keys": vec![public; 65] })).is_err());
    }

    #[test]
    fn a_request_names_one_source() {
        let of = |request: Value| Source::of(serde_json::from_value(request).unwrap());
        let url = "https://id.example.com";
        for good in [
            json!({ "oidc_issuer_url": url }),
            json!({ "jwks_url": url }),
            json!({ "custom_jwks": { "keys": [] } }),
            json!({ "custom_jwks": "{\"keys\":[]}" }),
            json!({ "oidc_issuer_url": url, "jwks_url": url }),
            json!({ "oidc_issuer_url": url, "custom_jwks": { "keys": [] } }),
        ] {
            assert!(of(good.clone()).is_ok(), "{good}");
        }
        for (wrong, field) in [
            (json!({}), "oidc_issuer_url"),
            (json!({ "oidc_issuer_url": "id.example.com" }), "oidc_issuer_url"),
            (json!({ "jwks_url": "file:///etc/passwd" }), "jwks_url"),
            (json!({ "jwks_url": "https://a b" }), "jwks_url"),
            (json!({ "jwks_url": url, "custom_jwks": { "keys": [] } }), "custom_jwks"),
            (json!({ "custom_jwks": "keys" }), "custom_jwks"),
        ] {
            assert_eq!(of(wrong.clone()).unwrap_err().field(), Some(field), "{wrong}");
        }
    }
}
