//! Each algorithm: signed here, verified here and by what checks REST's tokens; and the lives of a key.

use project_context::{VerificationKeys, Verifier};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;

const SECRET: &str = "super-secret-jwt-token-with-at-least-32-characters-long";

/// Made for these tests.
const RSA: &str = r#"{"kty":"RSA","n":"rOe4FiSPqbWApya9UKwLHLMVJJ1FeH62sL2qfoCw0G9I3IFviO4VuVnVeaU9GD9_ynjhXGUgVJqYE72FVVk3wjnlxmPhMasN-1rXGkgDcjjmHPAdEH7N4dA99q3mlwCieg7YAQyJVj_TeEG8B6daZtaXJ4Sx5SV5rEV58V1JlSnzXQxT_l1Nc6d8FhTta_ZmXcy95SPqIJ98bbgYcpFgMH05GAJPyT8jOgwUi9uZaRj2tb1FClKN32LbgZk7qV222vUYqQ7VuA-PHLFdyfif2EaXKKw0tkwKt8tzRpPBwln0bMWE-fhWLYrBLAdP15ljcOSKA-YVzjbGmx-axaf4vw","e":"AQAB","d":"QPhpUdi3KvwKtcR2ysN7AXPBdBqsqhRjLZJ3aEWPKyNF66WvdXKRMy6wap9Oj7f8muZFOGS_e0sD7hb-7Q0zSIZc8ulBC1rNTC_cOAHrWZZL0X_gS_x5_Go1fmXmCcOxSdAeFnbRfFlLaxq4PuABtjbYYX8ZIZOtXrBUm_-D0Mptmsd1HNR3gfVeCHYbCmb7QNDqiO9Z__N9Y9PvXhMZRBtwUwxp3zzHkixcC-YsGW9aVvcPkF8kU77fC28XlgfFr6nDbS1fNlwQJHwEy-KHOQJJoDKvzbPzediwcHz2OiAjmSGT-TQWQxUuB3rj0mU1VuRrdzrLzUbicw1RJXQRUQ","p":"6rOYgdg2cHKxfrEr82IeilX4IYM-ziL5gTK_F1DW1PzNaxmVz01DB21Q2aZoMlvwWZyWK1C1evaw3on2PMziqcJMgqeLOuIyiUg-DOViGZPJ1e0SPsq39SVMGpKLEnaPZ-x0ZRBZ_czwBanWD-09FJbmblOa3afGrPvAj2UiLKM","q":"vJiEecNraGc5D9Ea7AUfl5avFv0Z6Ko9c24wITumd2rGkPzl_sB8BwUDb17DopnbdeIQDvtjmaV8dry7-cwf8qKc3ok6ymMlXs9QOms3ih5h6DCu0GNrp3xfww7Vp_dgNKAIIvtE_ay56E5vFub1_4MMCNBkeD-GiVVbjKshCTU","dp":"zQuqqYXjycnqF-1hoHiQhfsllOG89QrJQH69Q_l0Nw_Fx1PK9hlh_hMbF4uybIy2JxQOfjk80_jB_So63lOBkx4VCfCmSwNjc1ySGWItmnrrUuKTlhg1Lw8utehhZ_f8waZq6gCnHnz1FX2TbsatHlfXaXvRSOVTRb2MNbr9aFE","dq":"mQ2lpTOkvSvYMS_gC171Do6pNZzeI-XUzRLFWJMSO6OZ1hyHgsEvZnr5GK7tUc5PPlHh-malpBGa-rmcS9MOslipuifgYFMqBtF0KJTOk_aoOkkX9eJZgaj8Bk7JsfCeUNb3A3yrtrswfIj6urlhNqVhZN3KS5QyWM2-6GARBWk","qi":"vIkMVCnjSURNyJErYhzCV9xn1CMPHks--VkcRKylfmpoCWv-mVPswQwHdpTIyE3lxNAY-2Ai2jfQ--IhtIJxEwNE8C62TmXYf5VNJgCzWJNXWG1UOCunuV9ne0nlUDvHjGliLvO6xdm0vXq3MH54FY6ex12WpzBPHsqShQIhhoo","kid":"rsa","alg":"RS256"}"#;
const EC: &str = r#"{"kty":"EC","x":"pikPE6G7RaW-hjSK2vrRTzugbcjx8Qc0efpFz309x2Y","y":"6SwUAlEm44EpGnt2o6v8wAPQBsGgJS-uAXS6dckmq-8","crv":"P-256","d":"00ThfM03k0X6cfp7db2UtKWTOGC21kqgIETLs9ySeBY","kid":"ec","alg":"ES256"}"#;
const ED: &str = r#"{"crv":"Ed25519","d":"NZ3-M6m5HZl233wE5rAdULox_kHF0MQHDwF_Dp8C7eI","x":"165erdk0r0b2kWTAgMIcfp2mm8sTeXlZhQnh-MRv-Uw","kty":"OKP","kid":"ed","alg":"EdDSA"}"#;
const OCT: &str = r#"{"kty":"oct","kid":"oct","alg":"HS256","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"}"#;

/// The first of these keys signs.
fn jwt(keys: &[&str]) -> Jwt {
    let set: Vec<Value> = keys
        .iter()
        .enumerate()
        .map(|(at, key)| {
            let mut key: Value = serde_json::from_str(key).unwrap();
            key["key_ops"] = if at == 0 { json!(["sign", "verify"]) } else { json!(["verify"]) };
            key
        })
        .collect();
    let keys = JwtKey::parse_set(&Value::from(set).to_string()).unwrap();
    Jwt { secret: SecretString::from(SECRET), keys, ..Jwt::default() }
}

fn keys(jwt: &Jwt) -> Keys {
    Keys::new(jwt).unwrap()
}

fn token(keys: &Keys) -> String {
    keys.sign(&json!({ "sub": "someone", "role": "authenticated", "exp": 4_000_000_000_u64 })).unwrap()
}

fn header(token: &str) -> (String, Option<String>) {
    let header = jsonwebtoken::decode_header(token).unwrap();
    (format!("{:?}", header.alg), header.kid)
}

#[test]
fn each_algorithm_signs_what_the_public_set_verifies() {
    for (key, algorithm, kid) in [(RSA, "RS256", "rsa"), (EC, "ES256", "ec"), (ED, "EdDSA", "ed")] {
        let keys = keys(&jwt(&[key]));
        let token = token(&keys);
        assert_eq!(header(&token), (algorithm.to_owned(), Some(kid.to_owned())));
        assert_eq!(keys.verify(&token).unwrap().sub, "someone");
        // As REST gets it, which never sees more than the public halves.
        let public = keys.public().to_string();
        let secret_part = serde_json::from_str::<Value>(key).unwrap()["d"].as_str().unwrap().to_owned();
        assert!(!public.contains(&secret_part), "{algorithm}");
        let rest = Verifier::new(VerificationKeys::parse(public.as_bytes()).unwrap(), None);
        rest.verify(&token).unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        let (signed, _) = token.rsplit_once('.').unwrap();
        let forged = format!("{signed}.{}", "A".repeat(86));
        assert!(rest.verify(&forged).is_err() && keys.verify(&forged).is_err(), "{algorithm}");
    }
    let keys = keys(&jwt(&[OCT]));
    assert_eq!(header(&token(&keys)), ("HS256".to_owned(), Some("oct".to_owned())));
    assert_eq!(keys.public(), &json!({ "keys": [] }), "a shared secret is shown to nobody");
}

#[test]
fn an_rsa_key_needs_no_primes() {
    let mut key: Value = serde_json::from_str(RSA).unwrap();
    for member in ["p", "q", "dp", "dq", "qi"] {
        key.as_object_mut().unwrap().remove(member);
    }
    let keys = keys(&jwt(&[&key.to_string()]));
    assert!(keys.verify(&token(&keys)).is_ok());
}

#[test]
fn without_a_listed_key_the_secret_signs() {
    let by_secret = keys(&Jwt { secret: SecretString::from(SECRET), ..Jwt::default() });
    let token = token(&by_secret);
    assert_eq!(header(&token), ("HS256".to_owned(), None));
    assert!(Verifier::new(VerificationKeys::hs256(SECRET.as_bytes()), None).verify(&token).is_ok());
    // And verifies after a key has taken over.
    assert!(keys(&jwt(&[EC])).verify(&token).is_ok());
}

#[test]
fn a_rotated_keys_tokens_are_good_until_it_is_revoked() {
    let token = token(&keys(&jwt(&[RSA])));
    let rotated = jwt(&[EC, RSA]);
    assert!(keys(&rotated).verify(&token).is_ok());
    let mut revoked = rotated;
    revoked.keys[1].verifies = false;
    let revoked = keys(&revoked);
    assert!(revoked.verify(&token).unwrap_err().to_string().contains("unrecognized JWT kid rsa"));
    assert!(!revoked.public().to_string().contains("\"rsa\""));
}

#[test]
fn a_key_can_not_be_used_as_one_of_another_algorithm() {
    // The public half as a shared secret: what a verifier falls for that believes the token's own algorithm.
    let keys = keys(&jwt(&[RSA]));
    let mut forged = Header::new(Algorithm::HS256);
    forged.kid = Some("rsa".to_owned());
    let claims = json!({ "sub": "someone", "exp": 4_000_000_000_u64 });
    let public = keys.public()["keys"][0].to_string();
    let token = jsonwebtoken::encode(&forged, &claims, &EncodingKey::from_secret(public.as_bytes())).unwrap();
    assert!(keys.verify(&token).is_err());
}

#[test]
fn keys_that_can_not_sign_are_refused_and_named() {
    let mut foreign: Value = serde_json::from_str(EC).unwrap();
    foreign["d"] = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE");
    let mut short: Value = serde_json::from_str(ED).unwrap();
    short["d"] = json!("AAAA");
    let mut wrong: Value = serde_json::from_str(RSA).unwrap();
    wrong["d"] = json!("AQAB");
    for (key, kid) in [(foreign, "ec"), (short, "ed"), (wrong, "rsa")] {
        let error = Keys::new(&jwt(&[&key.to_string()])).unwrap_err();
        assert!(matches!(&error, KeysError::Private { kid: named } if named == kid), "{kid}: {error}");
        assert!(!error.to_string().contains("AAAA"), "{error}");
    }
}
