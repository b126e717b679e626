//! Tokens: why they are refused, by which key they are good, and where in them the role is.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::{
    Project, SECRET,
    program::{Program, Variables},
    project, project_with, token,
};

const WHO: &str = "create function who() returns text language sql stable as $$ select current_user::text $$";

/// The program for a project's database.
fn program(p: &Project) -> Variables {
    Variables::for_database(&p.database, "authenticator", p.database.port()).with("PGRST_DB_ANON_ROLE", "anon")
}

async fn who(program: &Program, token: &str) -> String {
    program.body(&format!("GET /rpc/who\nAuthorization: Bearer {token}")).await
}

fn signed(algorithm: Algorithm, secret: &[u8], kid: Option<&str>, claims: &Value) -> String {
    let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(secret)).unwrap()
}

/// A token that says this about its signature, of which there is none.
fn unsigned(header: &str) -> String {
    format!("{}.{}.", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(r#"{"role":"service_role"}"#))
}

#[tokio::test]
async fn a_refusal_says_why() {
    let p = project(WHO).await;
    let far = u32::MAX;
    let claims = |claims: Value| signed(Algorithm::HS256, SECRET.as_bytes(), None, &claims);
    for (token, code, details, message) in [
        (String::new(), "PGRST301", None, "Empty JWT is sent in Authorization header"),
        ("a".to_owned(), "PGRST301", None, "Expected 3 parts in JWT; got 1"),
        ("a.b.c.d.e".to_owned(), "PGRST301", None, "Expected 3 parts in JWT; got 5"),
        ("a.b.c".to_owned(), "PGRST301", None, "JWT cryptographic operation failed"),
        (unsigned("no json"), "PGRST301", None, "JWT cryptographic operation failed"),
        (unsigned(r#"{"alg":"none"}"#), "PGRST301", None, "Wrong or unsupported encoding algorithm"),
        (
            unsigned(r#"{"alg":"RS256"}"#),
            "PGRST301",
            Some("No suitable key was found to decode the JWT"),
            "No suitable key or wrong key type",
        ),
        (
            signed(Algorithm::HS256, b"another secret", None, &json!({})),
            "PGRST301",
            Some("None of the keys was able to decode the JWT"),
            "No suitable key or wrong key type",
        ),
        (claims(json!([])), "PGRST303", None, "Parsing claims failed"),
        (claims(json!({"exp": 1})), "PGRST303", None, "JWT expired"),
        (claims(json!({"nbf": far})), "PGRST303", None, "JWT not yet valid"),
        (claims(json!({"iat": far})), "PGRST303", None, "JWT issued at future"),
        (claims(json!({"exp": "1"})), "PGRST303", None, "The JWT 'exp' claim must be a number"),
        (claims(json!({"nbf": "1"})), "PGRST303", None, "The JWT 'nbf' claim must be a number"),
        (claims(json!({"iat": "1"})), "PGRST303", None, "The JWT 'iat' claim must be a number"),
        (claims(json!({"aud": 1})), "PGRST303", None, "The JWT 'aud' claim must be a string or an array of strings"),
    ] {
        let body = json!({"code": code, "details": details, "hint": null, "message": message});
        let expected = format!("401\nwww-authenticate: Bearer error=\"invalid_token\", error_description=\"{message}\"\n{body}");
        // Twice, as a token with a good signature is remembered.
        for _ in 0..2 {
            assert_eq!(p.show(&format!("GET /rpc/who\nAuthorization: Bearer {token}")).await, expected, "{token}");
        }
    }
}

#[tokio::test]
async fn without_an_anonymous_role_a_token_is_needed() {
    let p = project_with(WHO, &[("db_anon_role", "")]).await;
    let expected = "401\nwww-authenticate: Bearer\n\
                    {\"code\":\"PGRST302\",\"details\":null,\"hint\":null,\"message\":\"Anonymous access is disabled\"}";
    assert_eq!(p.show("GET /rpc/who").await, expected);
    // One that names no role is of no use.
    assert_eq!(p.show(&format!("GET /rpc/who\nAuthorization: Bearer {}", token(json!({})))).await, expected);
}

#[tokio::test]
async fn without_a_secret_no_token_is_good() {
    let p = project(WHO).await;
    let started = program(&p).with("PGRST_JWT_SECRET", "").start().await;
    assert_eq!(
        who(&started, &token(json!({"role": "service_role"}))).await,
        "500 {\"code\":\"PGRST300\",\"details\":null,\"hint\":null,\"message\":\"Server lacks JWT secret\"}"
    );
    assert_eq!(started.body("GET /rpc/who").await, "200 \"anon\"");
}

#[tokio::test]
async fn keys_of_a_set_are_chosen_by_their_name() {
    let p = project(WHO).await;
    let (named, nameless) = ([1; 64], [2; 64]);
    let key = |secret: [u8; 64]| json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(secret)});
    let mut keys = [key(named), key(nameless)];
    keys[0]["kid"] = json!("one");
    let set = json!({ "keys": keys }).to_string();
    let started = program(&p).with("PGRST_JWT_SECRET", &set).with("PGRST_JWT_CACHE_MAX_ENTRIES", "0").start().await;
    let (good, none, wrong) = (
        "\"service_role\"",
        "\"details\":\"No suitable key was found to decode the JWT\"",
        "\"details\":\"None of the keys was able to decode the JWT\"",
    );
    for (secret, kid, expected) in [
        (named, Some("one"), good),
        (named, None, good),
        (named, Some("two"), none),
        (nameless, None, good),
        (nameless, Some("one"), wrong),
        (nameless, Some("two"), none),
    ] {
        for algorithm in [Algorithm::HS256, Algorithm::HS512] {
            let answer = who(&started, &signed(algorithm, &secret, kid, &json!({"role": "service_role"}))).await;
            assert!(answer.contains(expected), "{kid:?}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_token_is_for_its_audience() {
    let p = project(WHO).await;
    let started = program(&p).with("PGRST_JWT_AUD", "https://us.example").start().await;
    for (aud, is_meant) in [
        (json!("https://us.example"), true),
        (json!(["them", "https://us.example"]), true),
        (json!([]), true),
        (json!(null), true),
        (json!("https://us.example/"), false),
        (json!(["them"]), false),
    ] {
        let answer = who(&started, &token(json!({"role": "service_role", "aud": aud}))).await;
        let expected = if is_meant { "200 \"service_role\"" } else { "\"message\":\"JWT not in audience\"" };
        assert!(answer.contains(expected), "{aud}: {answer}");
    }
    assert_eq!(who(&started, &token(json!({"role": "service_role"}))).await, "200 \"service_role\"");
}

#[tokio::test]
async fn the_role_is_where_a_json_path_leads() {
    let p = project(WHO).await;
    let claims = json!({"role": "nobody", "https://a.example/app": {"roles": ["other", "service_role", "authenticated"]}});
    for path in ["$['https://a.example/app'].roles[?search(@, '^serv')]", "$..roles[?@ != 'other']", "$.*.roles[1]"] {
        let started = program(&p).with("PGRST_JWT_ROLE_CLAIM_KEY", path).start().await;
        assert_eq!(who(&started, &token(claims.clone())).await, "200 \"service_role\"", "{path}");
        assert_eq!(who(&started, &token(json!({"role": "service_role"}))).await, "200 \"anon\"", "{path}");
    }
}

#[tokio::test]
async fn the_older_form_is_understood_with_a_warning() {
    let p = project(WHO).await;
    let mut started = program(&p).with("PGRST_JWT_ROLE_CLAIM_KEY", ".roles[?(@ ^== \"service\")]").start().await;
    assert!(started.log().contains("PGRST_JWT_ROLE_CLAIM_KEY is given in a form that is deprecated"), "{}", started.log());
    assert_eq!(who(&started, &token(json!({"roles": ["other", "service_role"]}))).await, "200 \"service_role\"");
    // In the database as well.
    p.set(&[("jwt_role_claim_key", ".app.role")]).await;
    p.database.connect("postgres").await.batch_execute("notify pgrst, 'reload config'").await.unwrap();
    started.logs("pgrst.jwt_role_claim_key is given in a form that is deprecated").await;
}

#[tokio::test]
async fn what_can_not_be_used_is_refused_at_the_start() {
    let p = project(WHO).await;
    for (variable, value) in [
        ("PGRST_JWT_ROLE_CLAIM_KEY", "role"),
        ("PGRST_JWT_ROLE_CLAIM_KEY", "$.roles["),
        ("PGRST_JWT_ROLE_CLAIM_KEY", ".roles[?(@ ~ \"a\")]"),
        ("PGRST_JWT_AUD", "http://[us"),
        ("PGRST_JWT_CACHE_MAX_ENTRIES", "-1"),
    ] {
        let (code, said) = program(&p).with(variable, value).ends().await;
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(&format!("{variable} is ")) && said.contains("; set it to "), "{said}");
    }
}
