//! Tokens, issuers and providers that mean no good.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use reqwest::Url;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{ANOTHER_RSA, RSA_PUBLIC, World, claims, ec, jwk, now, provider, rsa, rsa_jwk, settings, sign, signed};
use crate::outgoing::{
    http::{HttpClient, Options},
    testing::client,
};
use crate::provider::{
    engine::{Callback, Engine},
    http::{Call, Transport, TransportError},
    id_token::{BadToken, IdTokenError, IdTokenGrant},
    issuer::{FetchError, IssuerError},
};

const GOOGLE: &str = "https://accounts.google.com";

async fn refusal(engine: &Engine, token: &str) -> BadToken {
    let grant = IdTokenGrant { id_token: token, access_token: None, nonce: None };
    match engine.sign_in_with_id_token(&provider("google"), &settings(), grant).await {
        Err(error @ IdTokenError::Bad(_)) => {
            assert_eq!(error.to_string(), "Bad ID token");
            let IdTokenError::Bad(bad) = error else { unreachable!() };
            bad
        }
        other => panic!("{other:?}"),
    }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}.", part(header), part(claims))
}

#[tokio::test]
async fn no_signature_and_no_secret_is_taken() {
    let world = World::new().await;
    world.is_issuer(GOOGLE, &[rsa_jwk()]);
    let engine = world.engine();
    let claims = claims(GOOGLE, json!({}));
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let token = unsigned(&json!({"alg": alg, "kid": "r"}), &claims);
        assert!(matches!(refusal(&engine, &token).await, BadToken::Algorithm), "{alg}");
    }
    assert!(matches!(refusal(&engine, &unsigned(&json!({"kid": "r"}), &claims)).await, BadToken::Algorithm));
    // The public key as a secret, as the textbook has it.
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        let token = sign(&EncodingKey::from_secret(RSA_PUBLIC), algorithm, "r", &claims);
        assert!(matches!(refusal(&engine, &token).await, BadToken::Algorithm));
    }
    // An honest token of which the signature was cut off, or the claims exchanged.
    let honest = signed(&claims);
    let parts: Vec<&str> = honest.split('.').collect();
    let cut = format!("{}.{}.", parts[0], parts[1]);
    assert!(matches!(refusal(&engine, &cut).await, BadToken::Signature));
    let mut other = claims.clone();
    other["sub"] = json!("victim");
    let exchanged = format!("{}.{}.{}", parts[0], part(&other), parts[2]);
    assert!(matches!(refusal(&engine, &exchanged).await, BadToken::Signature));
}

#[tokio::test]
async fn a_secret_in_the_set_is_no_key() {
    let world = World::new().await;
    let secret = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode("secret"), "kid": "s", "alg": "HS256"});
    let for_encryption = {
        let mut key = rsa_jwk();
        key["use"] = json!("enc");
        key
    };
    world.is_issuer(GOOGLE, &[secret, for_encryption, json!({"kty": "?"}), json!(1)]);
    let claims = claims(GOOGLE, json!({}));
    let token = sign(&EncodingKey::from_secret(b"secret"), Algorithm::HS256, "s", &claims);
    assert!(matches!(refusal(&world.engine(), &token).await, BadToken::Algorithm));
    assert!(matches!(refusal(&world.engine(), &signed(&claims)).await, BadToken::Signature));
}

#[tokio::test]
async fn a_key_is_for_its_own_algorithm() {
    let world = World::new().await;
    let mut only_384 = rsa_jwk();
    only_384["alg"] = json!("RS384");
    world.is_issuer(GOOGLE, &[only_384, jwk(&ec(), Algorithm::ES256, "e")]);
    let claims = claims(GOOGLE, json!({}));
    assert!(matches!(refusal(&world.engine(), &signed(&claims)).await, BadToken::Signature));
    // The issuer says that it signs by RS256 and ES256 only.
    let token = sign(&rsa(), Algorithm::RS384, "r", &claims);
    assert!(matches!(refusal(&world.engine(), &token).await, BadToken::Algorithm));
    // The name of the other key.
    let token = sign(&rsa(), Algorithm::RS256, "e", &claims);
    assert!(matches!(refusal(&world.engine(), &token).await, BadToken::Signature));
}

#[tokio::test]
async fn another_key_another_issuer_and_another_time_are_refused() {
    let world = World::new().await;
    world.is_issuer(GOOGLE, &[rsa_jwk()]);
    world.is_issuer("https://evil.example", &[rsa_jwk()]);
    let engine = world.engine();
    let forged = sign(&EncodingKey::from_rsa_pem(ANOTHER_RSA).unwrap(), Algorithm::RS256, "r", &claims(GOOGLE, json!({})));
    assert!(matches!(refusal(&engine, &forged).await, BadToken::Signature));
    for issuer in [json!("https://evil.example"), json!("https://accounts.google.com/"), json!(""), json!(null), json!([GOOGLE])]
    {
        let token = signed(&claims(GOOGLE, json!({"iss": issuer})));
        assert!(matches!(refusal(&engine, &token).await, BadToken::OtherIssuer), "{issuer}");
    }
    assert_eq!(world.times_asked("evil.example/.well-known/openid-configuration"), 0);
    for (times, expired) in [
        (json!({"exp": now() - 1}), true),
        (json!({"exp": null}), true),
        (json!({"exp": "9999999999"}), true),
        (json!({"exp": -1e300}), true),
        (json!({"iat": now() + 3600}), false),
        (json!({"nbf": now() + 3600}), false),
    ] {
        match refusal(&engine, &signed(&claims(GOOGLE, times.clone()))).await {
            BadToken::Expired => assert!(expired, "{times}"),
            BadToken::Future => assert!(!expired, "{times}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_token_without_a_user_is_refused() {
    let world = World::new().await;
    world.is_issuer(GOOGLE, &[rsa_jwk()]);
    for sub in [json!(""), json!(null), json!(5)] {
        let token = signed(&claims(GOOGLE, json!({"sub": sub})));
        let grant = IdTokenGrant { id_token: &token, access_token: None, nonce: None };
        let refused = world.engine().sign_in_with_id_token(&provider("google"), &settings(), grant).await.unwrap_err();
        assert_eq!(refused.to_string(), "Missing sub claim in id_token");
    }
}

#[tokio::test]
async fn what_is_no_token_costs_no_call() {
    let world = World::new().await;
    let engine = world.engine();
    let claims = claims(GOOGLE, json!({}));
    let critical = format!("{}.{}.AAAA", part(&json!({"alg": "RS256", "crit": ["x"]})), part(&claims));
    let deep = URL_SAFE_NO_PAD.encode(format!("{{\"a\":{}", "[".repeat(20_000)));
    let deep = format!("{}.{deep}.AAAA", part(&json!({"alg": "RS256"})));
    for token in ["", "a", "a.b", "a.b.c", "..", "a.b.c.d.e", &"a".repeat(1_000_000), &critical, &deep] {
        assert!(matches!(refusal(&engine, token).await, BadToken::Form), "{}", &token[..token.len().min(80)]);
    }
    assert!(world.asked().is_empty());
}

#[tokio::test]
async fn keys_are_renewed_for_an_unknown_name_but_not_at_every_token() {
    let world = World::new().await;
    world.is_issuer(GOOGLE, &[rsa_jwk()]);
    world.says("accounts.google.com/keys", json!({"keys": [rsa_jwk(), jwk(&ec(), Algorithm::ES256, "new")]}));
    let claims = claims(GOOGLE, json!({}));
    let rotated = sign(&ec(), Algorithm::ES256, "new", &claims);
    let impatient = world.impatient_engine();
    let grant = |id_token| IdTokenGrant { id_token, access_token: None, nonce: None };
    let old = signed(&claims);
    impatient.sign_in_with_id_token(&provider("google"), &settings(), grant(&old)).await.unwrap();
    impatient.sign_in_with_id_token(&provider("google"), &settings(), grant(&rotated)).await.unwrap();
    assert_eq!(world.times_asked("accounts.google.com/keys"), 2);

    let patient = world.engine();
    for number in 0..20 {
        let invented = sign(&rsa(), Algorithm::RS256, &format!("invented {number}"), &claims);
        assert!(matches!(refusal(&patient, &invented).await, BadToken::Signature));
    }
    assert_eq!(world.times_asked("accounts.google.com/keys"), 3);
}

#[tokio::test]
async fn a_huge_set_of_keys_is_refused() {
    let many = json!({"keys": vec![json!({"kty": "?"}); 65]});
    let large = json!({"keys": [{"kty": "x".repeat(300_000)}]});
    let weak = {
        let mut key = rsa_jwk();
        key["n"] = json!("AQAB");
        key
    };
    for (keys, too_large) in [(many, true), (large, true), (json!({"keys": [weak]}), false)] {
        let world = World::new().await;
        world.says(
            "accounts.google.com/.well-known/openid-configuration",
            json!({"issuer": GOOGLE, "jwks_uri": format!("{GOOGLE}/keys")}),
        );
        world.says("accounts.google.com/keys", keys);
        match refusal(&world.engine(), &signed(&claims(GOOGLE, json!({})))).await {
            BadToken::Issuer(IssuerError::Keys(FetchError::TooLarge)) => assert!(too_large),
            BadToken::Signature => assert!(!too_large),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn keys_come_over_tls_only() {
    for uri in ["http://accounts.google.com/keys", "file:///etc/passwd", "keys"] {
        let world = World::new().await;
        world.says("accounts.google.com/.well-known/openid-configuration", json!({"issuer": GOOGLE, "jwks_uri": uri}));
        let refused = refusal(&world.engine(), &signed(&claims(GOOGLE, json!({})))).await;
        assert!(matches!(refused, BadToken::Issuer(IssuerError::Keys(FetchError::Address))), "{uri} {refused:?}");
    }
}

/// Answers for ever, or says nothing.
async fn endless(speaks: bool) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                if speaks {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                    while stream.write_all(&[b' '; 65536]).await.is_ok() {}
                } else {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap()
}

#[tokio::test]
async fn an_endless_answer_is_given_up() {
    let refused = Transport::send(&client(), Call::get(endless(true).await)).await;
    assert!(matches!(refused, Err(TransportError::TooLarge)), "{refused:?}");
}

#[tokio::test]
async fn silence_is_given_up() {
    let options =
        Options { allowed_networks: vec!["127.0.0.0/8".parse().unwrap()], time: Duration::from_millis(50), ..Options::default() };
    let client = HttpClient::new(options).unwrap();
    let refused = Transport::send(&client, Call::get(endless(false).await)).await;
    assert!(matches!(refused, Err(TransportError::TooSlow)), "{refused:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let world = World::new().await;
    world.says_with(302, "discord.com/api/oauth2/token", "");
    let callback = Callback { code: "co", verifier: None, request_token: None };
    let refused = world.engine().exchange(&provider("discord"), &settings(), &callback).await.unwrap_err();
    assert_eq!(refused.to_string(), "the provider refused: status 302");
    assert_eq!(world.asked().len(), 1);
}

#[test]
fn nothing_secret_is_printed() {
    let call = Call::get(Url::parse("https://user:pw@h.example/p?access_token=secret").unwrap())
        .header("authorization", "secret".into());
    assert_eq!(format!("{call:?}"), "GET https://h.example/p");
    let grant = IdTokenGrant { id_token: "secret", access_token: Some("secret"), nonce: Some("secret") };
    assert!(!format!("{grant:?} {:?}", settings()).contains("s3cret") && !format!("{grant:?}").contains("secret"));
}
