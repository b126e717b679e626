use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use super::field::{FIELDS, Form, Kind};
use super::{Document, KEPT_WITHOUT_EFFECT, ProjectFacts, is_secret};
use crate::{Settings, SmsProvider};

const REF: &str = "abcdefghijklmnopqrst";
/// Keys, types and ranges of both documents: the Management API's of 2026-06, and what the command line 3.1.0 expects.
const CONTRACT: &str = include_str!("contract.json");

fn contract() -> Map<String, Value> {
    serde_json::from_str(CONTRACT).unwrap()
}

fn facts() -> ProjectFacts {
    ProjectFacts {
        external_url: "https://ref.example.com/auth/v1".to_owned(),
        jwt_secret: "hush".into(),
        keys: crate::ProjectKeys::default(),
        saml_private_key: None,
    }
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn with(base: &Document, patch: Value) -> Document {
    base.apply(&object(patch), REF).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn refused(patch: Value) -> Vec<String> {
    Document::default().apply(&object(patch), REF).unwrap_err().iter().map(ToString::to_string).collect()
}

fn is_of(value: &Value, kind: &Value) -> bool {
    match kind["type"].as_str().unwrap() {
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => {
            value.as_str().is_some_and(|text| kind.get("enum").is_none_or(|all| all.as_array().unwrap().contains(&json!(text))))
        }
        other => panic!("{other}"),
    }
}

/// Something that the key may hold and does not hold by default.
fn other_value(key: &str) -> Value {
    let field = super::field::find(key).unwrap();
    match &field.kind {
        Kind::Flag => json!(!field.default().as_bool().unwrap()),
        Kind::Int(from, _) => json!(if field.default() == json!(from + 1) { from + 2 } else { from + 1 }),
        Kind::Hours => json!(1.5),
        Kind::OneOf(all) => json!(all.last().unwrap()),
        Kind::Text(form) => json!(match form {
            Form::Any => "something",
            Form::Address => "https://app.example.com",
            Form::Domain => "example.com",
            Form::Email => "a@example.com",
            Form::HookSecrets => "v1,whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            Form::HookUri => "pg-functions://postgres/public/hook",
            Form::Host => "smtp.example.com",
            Form::Origins => "https://example.com,http://localhost:3000",
            Form::Path => "/consent",
            Form::Patterns => "https://*.example.com/**",
            Form::Port => "2525",
            Form::Tags => "web, ios",
            Form::TestOtp => "491511=123456",
            Form::Time => "2030-01-01T00:00:00Z",
            Form::WebUrl => "https://sso.example.com",
        }),
    }
}

/// What must be set for this key to have an effect.
fn base(key: &str) -> Document {
    let needed = match key {
        "security_captcha_enabled" => json!({"security_captcha_secret": "s"}),
        "security_captcha_secret" => json!({}),
        "security_captcha_provider" => json!({"security_captcha_enabled": true, "security_captcha_secret": "s"}),
        "db_max_pool_size_unit" => json!({"db_max_pool_size": 10}),
        _ => match SmsProvider::NAMES.iter().rev().find(|name| key.starts_with(&format!("sms_{name}_"))) {
            Some(name) => json!({"sms_provider": name}),
            None if key.starts_with("hook_") => json!({key.rsplit_once('_').unwrap().0.to_owned() + "_uri": "https://a.test"}),
            None if key.starts_with("external_") && !key.ends_with("_enabled") => {
                let provider =
                    super::super::external::PROVIDERS.iter().rev().find(|name| key.starts_with(&format!("external_{name}_")));
                json!({format!("external_{}_enabled", provider.unwrap()): true})
            }
            None => json!({}),
        },
    };
    with(&Document::default(), needed)
}

/// Everything that the settings say, with the secrets that `Debug` does not tell apart.
fn all_of(settings: &Settings) -> String {
    let secret = match &settings.sms.provider {
        Some(SmsProvider::Twilio { auth_token, .. } | SmsProvider::TwilioVerify { auth_token, .. }) => auth_token.expose_secret(),
        Some(SmsProvider::MessageBird { access_key, .. }) => access_key.expose_secret(),
        Some(SmsProvider::TextLocal { api_key, .. }) => api_key.expose_secret(),
        Some(SmsProvider::Vonage { api_secret, .. }) => api_secret.expose_secret(),
        None => "",
    };
    format!("{settings:?} {secret}")
}

#[test]
fn every_key_of_both_contracts_is_answered_with_its_type() {
    let contract = contract();
    assert_eq!(contract.len(), 238);
    assert_eq!(FIELDS.iter().map(|field| field.key).collect::<Vec<_>>(), contract_keys(&contract));
    let full = contract.keys().filter(|key| !key.contains("autoconfirm")).fold(Document::default(), |document, key| {
        let needed = base(key).kept().clone();
        let document = document.apply(&needed, REF).unwrap();
        match key.as_str() {
            "security_captcha_enabled" | "mailer_allow_unverified_email_sign_ins" => document,
            _ => with(&document, json!({key.as_str(): other_value(key)})),
        }
    });
    for document in [Document::default(), full] {
        let response = document.to_response(REF);
        for (key, kind) in &contract {
            let value = &response[key];
            let fits = is_of(value, kind) || (value.is_null() && kind["nullable"] == json!(true));
            assert!(fits, "{key}: {value} is not {kind}");
        }
        assert_eq!(response.len(), 238);
    }
}

fn contract_keys(contract: &Map<String, Value>) -> Vec<&str> {
    let mut keys: Vec<_> = contract.keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn every_key_that_is_patched_has_an_effect_or_a_reason() {
    for key in contract().keys() {
        let base = base(key);
        let mut patch = json!({key.as_str(): other_value(key)});
        if key == "security_captcha_secret" {
            patch["security_captcha_enabled"] = json!(true);
        }
        let patched = with(&base, patch);
        let kept = KEPT_WITHOUT_EFFECT.iter().any(|(without, _)| without == key);
        let differs = all_of(&base.to_settings(&facts())) != all_of(&patched.to_settings(&facts()));
        assert_eq!(differs, !kept, "{key}");
        assert!(patched.kept().contains_key(key), "{key}");
        // And back.
        let back = patched.apply(&object(json!({key.as_str(): null, "security_captcha_enabled": null})), REF);
        assert!(!back.unwrap().kept().contains_key(key), "{key}");
    }
}

#[test]
fn what_the_contract_refuses_is_refused() {
    for (key, kind) in contract() {
        let mut wrong = vec![json!([]), json!({})];
        match kind["type"].as_str().unwrap() {
            "boolean" => wrong.extend([json!("true"), json!(1)]),
            "integer" => wrong.extend([json!("1"), json!(1.5), json!(-1), json!(true), json!(1_i64 << 40)]),
            "number" => wrong.extend([json!("1"), json!(-0.5)]),
            _ => wrong.extend([json!(1), json!(true), json!("a\0b")]),
        }
        for (bound, beyond) in [("minimum", -1), ("maximum", 1)] {
            wrong.extend(kind.get(bound).and_then(Value::as_i64).map(|bound| json!(bound + beyond)));
        }
        if kind.get("enum").is_some() {
            wrong.push(json!("something"));
        }
        for value in wrong {
            let refused = Document::default().apply(&object(json!({key.as_str(): value})), REF);
            assert!(refused.is_err(), "{key}: {value}");
        }
    }
}

#[test]
fn a_patch_is_taken_whole_or_not_at_all() {
    let errors =
        refused(json!({"site_url": "a,b", "jwt_exp": 700_000, "smtp_admin_email": "x", "typo": 1, "disable_signup": true}));
    let expected = [
        "site_url must be an absolute URL without a comma",
        "jwt_exp must be a whole number from 0 to 604800",
        "smtp_admin_email must be an e-mail address",
        "typo must be a key of the Auth settings",
    ];
    let mut errors_sorted = errors.clone();
    errors_sorted.sort_by_key(|error| expected.iter().position(|expected| expected == error));
    assert_eq!(errors_sorted, expected);
}

#[test]
fn texts_have_their_forms() {
    let wrong = [
        ("site_url", "javascript:alert(1)"),
        ("site_url", ""),
        ("saml_external_url", "app://x"),
        ("smtp_host", "a b"),
        ("smtp_host", "smtp.example.com:25"),
        ("smtp_host", "https://smtp.example.com"),
        ("smtp_port", "0"),
        ("smtp_port", "http"),
        ("uri_allow_list", "https://["),
        ("sessions_tags", "a b"),
        ("sms_test_otp", "49151=abc"),
        ("sms_test_otp", "1234567890123456=1"),
        ("sms_test_otp_valid_until", "tomorrow"),
        ("hook_send_sms_uri", "http://a.test"),
        ("hook_send_sms_secrets", "whsec"),
        ("oauth_server_authorization_path", "//evil.test"),
        ("webauthn_rp_id", "https://example.com"),
        ("webauthn_rp_id", "example..com"),
        ("webauthn_rp_origins", "https://example.com/path"),
    ];
    for (key, value) in wrong {
        assert_eq!(refused(json!({key: value})).len(), 1, "{key}: {value}");
    }
}

#[test]
fn a_mail_server_is_a_name_or_an_address() {
    for host in ["localhost", "smtp.example.com.", "smtp_relay", "127.0.0.1", "::1", ""] {
        let _ = with(&Document::default(), json!({"smtp_host": host}));
    }
}

#[test]
fn what_belongs_together_is_looked_at_together() {
    assert_eq!(refused(json!({"security_captcha_enabled": true})).len(), 1);
    assert_eq!(refused(json!({"mailer_autoconfirm": true, "mailer_allow_unverified_email_sign_ins": true})).len(), 1);
    assert_eq!(refused(json!({"hook_send_email_enabled": true})).len(), 1);
}

#[test]
fn only_what_differs_is_kept() {
    let document =
        with(&Document::default(), json!({"jwt_exp": 3600, "mailer_otp_length": 6.0, "site_url": null, "smtp_pass": ""}));
    assert!(document.kept().is_empty());
    let document = with(&document, json!({"jwt_exp": 60.0, "smtp_host": ""}));
    assert_eq!(Value::Object(document.kept().clone()), json!({"jwt_exp": 60, "smtp_host": ""}));
    assert_eq!(document.to_settings(&facts()).smtp.host, None);
    assert_eq!(Document::from_kept(document.kept()), Ok(document));
}

#[test]
fn secrets_are_shown_as_hashes_and_can_be_sent_back() {
    let document = with(&Document::default(), json!({"smtp_pass": "hush", "external_github_secret": "quiet"}));
    let response = document.to_response(REF);
    assert_eq!(response["smtp_pass"], "690d21bc9d0fa98ede29158aa1478b49d678faca6432a123c7f39e94b53f8d01");
    let shown = format!("{response:?} {document:?} {:?}", document.to_settings(&facts()));
    assert!(!shown.contains("hush") && !shown.contains("quiet"), "{shown}");
    assert_eq!(with(&document, Value::Object(response)), document);
    let secrets: Vec<_> = FIELDS.iter().map(|field| field.key).filter(|key| is_secret(key)).collect();
    let named = |key: &&str| ["secret", "pass", "token", "access_key"].iter().any(|word| key.ends_with(word));
    for key in FIELDS.iter().map(|field| field.key).filter(|key| named(key) && !key.contains("enabled")) {
        assert!(secrets.contains(&key), "{key}");
    }
    assert_eq!(secrets.len(), 36);
}

#[test]
fn a_project_without_a_document_has_upstream_s_settings_but_for_what_a_platform_sets() {
    let mut given = Document::default().to_settings(&facts());
    let unset = Settings::default();
    assert_eq!(given.api.site_url, "http://localhost:3000");
    assert_eq!(given.jwt.aud, "authenticated");
    assert_eq!(given.mailer.otp_exp, Duration::from_secs(3600));
    assert_eq!(given.security.refresh_token_reuse_interval, Duration::from_secs(10));
    assert_eq!(given.sms.template, "Your code is {{ .Code }}");
    given.api = unset.api.clone();
    given.jwt = unset.jwt.clone();
    given.mailer.otp_exp = unset.mailer.otp_exp;
    given.security.refresh_token_reuse_interval = unset.security.refresh_token_reuse_interval;
    given.sms.template.clear();
    given.mfa.phone.template.clear();
    assert_eq!(format!("{given:?}"), format!("{unset:?}"));
}

#[test]
fn hours_are_hours() {
    let document = with(&Document::default(), json!({"sessions_timebox": 24, "sessions_inactivity_timeout": 0.5}));
    let sessions = document.to_settings(&facts()).sessions;
    assert_eq!(sessions.timebox, Some(Duration::from_secs(86_400)));
    assert_eq!(sessions.inactivity_timeout, Some(Duration::from_secs(1800)));
}

#[test]
fn a_provider_s_further_clients_are_audiences() {
    let patch = json!({"external_google_enabled": true, "external_google_client_id": "web", "external_google_additional_client_ids": "ios, android"});
    let settings = with(&Document::default(), patch).to_settings(&facts());
    assert_eq!(settings.external.enabled("google").unwrap().client_ids, ["web", "ios", "android"]);
}
