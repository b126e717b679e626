//! Sign-in by an id token that an application got by itself.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use sha2::Digest as _;

use super::{World, claims, ec, jwk, provider, rsa_jwk, settings, sign, signed};
use crate::provider::{
    Profile, ProviderSettings, catalogue,
    engine::Engine,
    id_token::{IdTokenError, IdTokenGrant, issuer_of},
};

const GOOGLE: &str = "https://accounts.google.com";

async fn google() -> World {
    let world = World::new().await;
    world.is_issuer(GOOGLE, &[rsa_jwk(), jwk(&ec(), Algorithm::ES256, "e")]);
    world
}

async fn sign_in(engine: &Engine, name: &str, settings: &ProviderSettings, token: &str) -> Result<Profile, IdTokenError> {
    let grant = IdTokenGrant { id_token: token, access_token: None, nonce: None };
    engine.sign_in_with_id_token(&provider(name), settings, grant).await
}

fn hex_of(nonce: &str) -> String {
    hex::encode(sha2::Sha256::digest(nonce))
}

#[tokio::test]
async fn a_token_by_rsa_or_by_an_elliptic_curve_signs_in() {
    let world = google().await;
    let engine = world.engine();
    let more = json!({"sub": "1170", "email": "g@example.com", "email_verified": true, "name": "Gee", "picture": "https://a/1",
        "aud": ["other", "app.ios"], "hd": "example.com", "azp": "x"});
    let claims = claims(GOOGLE, more);
    for token in [signed(&claims), sign(&ec(), Algorithm::ES256, "e", &claims)] {
        let profile = sign_in(&engine, "google", &settings(), &token).await.unwrap();
        assert_eq!(
            Value::Object(profile.claims),
            json!({"iss": GOOGLE, "sub": "1170", "provider_id": "1170", "name": "Gee", "full_name": "Gee",
                "picture": "https://a/1", "avatar_url": "https://a/1", "email": "g@example.com", "email_verified": true,
                "phone_verified": false, "custom_claims": {"hd": "example.com"}})
        );
    }
    assert_eq!(world.asked().len(), 2, "the document and the keys are asked for once");
}

#[tokio::test]
async fn nonces_are_compared_by_their_hash() {
    let world = google().await;
    let engine = world.engine();
    let with = |nonce: Value| signed(&claims(GOOGLE, json!({"nonce": nonce})));
    let check = |token: String, nonce: Option<&'static str>, skip| {
        let engine = &engine;
        async move {
            let settings = ProviderSettings { skip_nonce_check: skip, ..settings() };
            let grant = IdTokenGrant { id_token: &token, access_token: None, nonce };
            engine.sign_in_with_id_token(&provider("google"), &settings, grant).await.map(drop).map_err(|error| error.to_string())
        }
    };
    let one = Err("Passed nonce and nonce in id_token should either both exist or not.".to_owned());
    assert_eq!(check(with(json!(hex_of("n"))), Some("n"), false).await, Ok(()));
    assert_eq!(check(with(json!(null)), None, false).await, Ok(()));
    assert_eq!(check(with(json!(hex_of("n"))), None, false).await, one);
    assert_eq!(check(with(json!(hex_of("n"))), Some(""), false).await, one);
    assert_eq!(check(with(json!(null)), Some("n"), false).await, one);
    assert_eq!(check(with(json!("n")), Some("n"), false).await, Err("Nonces mismatch".to_owned()));
    assert_eq!(check(with(json!(hex_of("n"))), Some("another"), false).await, Err("Nonces mismatch".to_owned()));
    assert_eq!(check(with(json!(hex_of("n"))), Some("another"), true).await, Ok(()));
    assert_eq!(check(with(json!(hex_of("n"))), None, true).await, Ok(()));
}

#[tokio::test]
async fn a_token_is_for_one_of_the_clients() {
    let world = google().await;
    for (audience, words) in [
        (json!("other"), "Unacceptable audience in id_token: [other]"),
        (json!(["a", "b"]), "Unacceptable audience in id_token: [a b]"),
        (json!(null), "Unacceptable audience in id_token: []"),
    ] {
        let token = signed(&claims(GOOGLE, json!({"aud": audience})));
        let refused = sign_in(&world.engine(), "google", &settings(), &token).await.unwrap_err();
        assert_eq!(refused.to_string(), words);
    }
    let nobody = ProviderSettings { client_ids: vec![String::new()], ..settings() };
    let token = signed(&claims(GOOGLE, json!({"aud": ""})));
    assert!(matches!(sign_in(&world.engine(), "google", &nobody, &token).await, Err(IdTokenError::Audience(_))));
}

#[tokio::test]
async fn an_access_token_must_be_its_own() {
    let world = google().await;
    let hash = URL_SAFE_NO_PAD.encode(&sha2::Sha256::digest("at")[..16]);
    let engine = world.engine();
    for (at_hash, access_token, good) in [
        (json!(hash), Some("at"), true),
        (json!(hash), None, true),
        (json!(null), Some("at"), true),
        (json!(hash), Some("another"), false),
    ] {
        let token = signed(&claims(GOOGLE, json!({"at_hash": at_hash})));
        let grant = IdTokenGrant { id_token: &token, access_token, nonce: None };
        let outcome = engine.sign_in_with_id_token(&provider("google"), &settings(), grant).await;
        assert_eq!(outcome.is_ok(), good, "{at_hash} {access_token:?} {outcome:?}");
    }
}

#[tokio::test]
async fn a_directory_of_microsoft_is_any_or_the_configured_one() {
    const MINE: &str = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0";
    const OTHER: &str = "https://login.microsoftonline.com/11111111-6c67-4c5b-b112-36a304b66dad/v2.0";
    let world = World::new().await;
    world.is_issuer(MINE, &[rsa_jwk()]);
    world.is_issuer(OTHER, &[rsa_jwk()]);
    world.says(
        "login.microsoftonline.com/contoso.example/v2.0/.well-known/openid-configuration",
        json!({"issuer": MINE, "jwks_uri": format!("{MINE}/keys")}),
    );
    let more = json!({"email": "m@example.com", "name": "Mi", "preferred_username": "mi@contoso.example", "tid": "t", "ver": "2.0",
        "xms_edov": "1"});
    let token = |issuer, more: &Value| signed(&claims(issuer, more.clone()));
    let at = |base: &str| ProviderSettings { base_url: Some(format!("https://login.microsoftonline.com/{base}")), ..settings() };
    let engine = world.engine();
    let profile = sign_in(&engine, "azure", &settings(), &token(OTHER, &more)).await.unwrap();
    assert_eq!(
        Value::Object(profile.claims),
        json!({"iss": OTHER, "sub": "1", "provider_id": "1", "name": "Mi", "full_name": "Mi",
            "preferred_username": "mi@contoso.example", "email": "m@example.com", "email_verified": true, "phone_verified": false,
            "custom_claims": {"tid": "t"}})
    );
    for base in ["9188040d-6c67-4c5b-b112-36a304b66dad", "contoso.example"] {
        assert!(sign_in(&engine, "azure", &at(base), &token(MINE, &more)).await.is_ok(), "{base}");
        assert!(matches!(sign_in(&engine, "azure", &at(base), &token(OTHER, &more)).await, Err(IdTokenError::Bad(_))), "{base}");
    }
    assert!(sign_in(&engine, "azure", &at("organizations"), &token(OTHER, &more)).await.is_ok());
    let not_owned = json!({"email": "victim@example.com", "xms_edov": false});
    let profile = sign_in(&engine, "azure", &settings(), &token(MINE, &not_owned)).await.unwrap();
    assert_eq!(profile.claims["email_verified"], false);
}

#[tokio::test]
async fn others_that_sign_in_by_id_token() {
    let cases = [
        ("apple", None, "https://appleid.apple.com", json!({"email": "a@example.com", "email_verified": true})),
        ("facebook", None, "https://www.facebook.com", json!({"email": "a@example.com", "name": "N", "picture": "p"})),
        ("kakao", None, "https://kauth.kakao.com", json!({"email": "a@example.com", "nickname": "N", "picture": "p"})),
        (
            "keycloak",
            Some("https://sso.example.com/realms/mine/"),
            "https://sso.example.com/realms/mine",
            json!({"email": "a@example.com", "email_verified": true, "name": "N"}),
        ),
        (
            "linkedin_oidc",
            None,
            "https://www.linkedin.com/oauth",
            json!({"email": "a@example.com", "email_verified": "true", "given_name": "N"}),
        ),
        ("vercel_marketplace", None, "https://marketplace.vercel.com", json!({"user_email": "a@example.com", "user_name": "N"})),
    ];
    for (name, base, issuer, more) in cases {
        let world = World::new().await;
        world.is_issuer(issuer, &[rsa_jwk()]);
        let settings = ProviderSettings { base_url: base.map(str::to_owned), ..settings() };
        let token = signed(&claims(issuer, more));
        let profile = sign_in(&world.engine(), name, &settings, &token).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(profile.claims["email"], "a@example.com", "{name}");
        assert_eq!(profile.claims["email_verified"], true, "{name}");
        assert_eq!(profile.claims["iss"], issuer, "{name}");
        assert!(name == "apple" || profile.claims["name"] == "N", "{name}");
        if base.is_none() {
            assert_eq!(catalogue::find_by_issuer(&issuer_of(&token).unwrap()).unwrap().name, name);
        }
    }
    let token = signed(&claims("https://api.github.com", json!({})));
    let refused = sign_in(&World::new().await.engine(), "github", &settings(), &token).await;
    assert!(matches!(refused, Err(IdTokenError::NotSupported(_))));
}
