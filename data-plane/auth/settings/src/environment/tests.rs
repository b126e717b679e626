use std::time::Duration;

use secrecy::ExposeSecret;

use super::{IGNORED, Variables};
use crate::{MailKind, PoolSize, Rate, RefreshTokens, Settings, SmsProvider, Template};

fn variables(lines: &str) -> Variables {
    lines.lines().filter_map(|line| line.trim().split_once('=')).map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}

const LEAST: &str = "GOTRUE_SITE_URL=http://localhost:3000\nAPI_EXTERNAL_URL=http://localhost:9999/\nGOTRUE_JWT_SECRET=hush\n\
                     DATABASE_URL=postgres://localhost/a\n";

fn settings(more: &str) -> Settings {
    Settings::from_environment(&variables(&format!("{LEAST}{more}"))).unwrap().settings
}

fn errors(lines: &str) -> Vec<String> {
    let error = Settings::from_environment(&variables(lines)).unwrap_err();
    error.0.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_needed_is_all_that_is_needed() {
    let mut given = settings("");
    assert_eq!(given.api.external_url, "http://localhost:9999");
    assert_eq!(given.jwt.secret.expose_secret(), "hush");
    let unset = Settings::default();
    given.api = unset.api.clone();
    given.db.url = None;
    assert_eq!(format!("{given:?}"), format!("{unset:?}"));
    assert_eq!(
        errors(""),
        [
            "API_EXTERNAL_URL must be this service's URL as browsers see it (`https://api.example.com/auth/v1`)",
            "GOTRUE_SITE_URL must be the application's URL (`https://app.example.com`)",
            "DATABASE_URL must be the database's URL (`postgres://user:password@host/database`)",
            "GOTRUE_JWT_SECRET must be the secret that signs tokens",
        ]
    );
}

#[test]
fn the_names_of_the_image_and_of_its_compose_file_are_taken() {
    let given = Settings::from_environment(&variables(
        "GOTRUE_API_HOST=0.0.0.0\nGOTRUE_API_PORT=9999\nPORT=1\nGOTRUE_DB_DATABASE_URL=postgres://db/x\n\
         API_EXTERNAL_URL=https://a.test/auth/v1\nGOTRUE_SITE_URL=https://a.test\nGOTRUE_JWT_SECRET=s\nGOTRUE_DB_DRIVER=postgres\n\
         GOTRUE_EXTERNAL_PHONE_ENABLED=true\nGOTRUE_SMTP_PORT=\nDB_NAMESPACE=other\nGOTRUE_NONSENSE=1\nHOME=/root",
    ))
    .unwrap();
    assert_eq!((given.settings.api.host.as_str(), given.settings.api.port), ("0.0.0.0", 9999));
    assert_eq!(given.settings.db.url.as_ref().map(|url| url.expose_secret()), Some("postgres://db/x"));
    assert_eq!(given.settings.db.schema, "other");
    assert_eq!(given.settings.smtp.port, 587, "an empty variable is not set");
    assert!(given.settings.signup.phone);
    assert_eq!(given.unknown, ["GOTRUE_NONSENSE"]);
    assert_eq!(given.ignored, [("GOTRUE_DB_DRIVER".to_owned(), "PostgreSQL is the only one")]);
}

#[test]
fn every_kind_of_value_arrives() {
    let given = settings(
        "GOTRUE_JWT_EXP=7200\nGOTRUE_JWT_AUD=authenticated\nGOTRUE_JWT_ADMIN_ROLES=service_role, boss\n\
         GOTRUE_JWT_KEYS=[{\"kty\":\"oct\",\"k\":\"aGk\",\"kid\":\"k\",\"key_ops\":[\"sign\"]}]\n\
         GOTRUE_SMTP_MAX_FREQUENCY=1s\nGOTRUE_MAILER_OTP_LENGTH=20\nGOTRUE_MAILER_OTP_EXP=600\n\
         GOTRUE_MAILER_SUBJECTS_MAGIC_LINK=Hello\nGOTRUE_MAILER_TEMPLATES_INVITE=http://t.test/i.html\n\
         GOTRUE_MAILER_TEMPLATES_RECOVERY=<p>{{ .Token }}</p>\nGOTRUE_MAILER_URLPATHS_INVITE=/auth/v1/verify\n\
         GOTRUE_MAILER_NOTIFICATIONS_MFA_FACTOR_ENROLLED_ENABLED=true\nGOTRUE_SMTP_HEADERS={\"X-A\":[\"b\"]}\n\
         GOTRUE_SMS_PROVIDER=twilio\nGOTRUE_SMS_TWILIO_ACCOUNT_SID=AC\nGOTRUE_SMS_TWILIO_AUTH_TOKEN=hush\n\
         GOTRUE_SMS_TEST_OTP=+49 1:123456,492:654321\nGOTRUE_SMS_TEST_OTP_VALID_UNTIL=2030-01-01T00:00:00Z\n\
         GOTRUE_SESSIONS_TIMEBOX=24h\nGOTRUE_SESSIONS_TAGS=web,ios\nGOTRUE_RATE_LIMIT_EMAIL_SENT=100/5m\n\
         GOTRUE_RATE_LIMIT_O_AUTH_DYNAMIC_CLIENT_REGISTER=7\nGOTRUE_PASSWORD_MIN_LENGTH=3\n\
         GOTRUE_PASSWORD_REQUIRED_CHARACTERS=abc:123\nGOTRUE_EXTERNAL_GOOGLE_ENABLED=true\n\
         GOTRUE_EXTERNAL_GOOGLE_CLIENT_ID=one,two\nGOTRUE_EXTERNAL_GOOGLE_SECRET=hush\nGOTRUE_DB_CONN_PERCENTAGE=50\n\
         GOTRUE_HOOK_SEND_SMS_URI=pg-functions://postgres/public/f\nGOTRUE_SECURITY_CAPTCHA_ENABLED=true\n\
         GOTRUE_SECURITY_REFRESH_TOKEN_ALGORITHM_VERSION=2\nGOTRUE_SECURITY_REFRESH_TOKEN_UPGRADE_PERCENTAGE=100\n\
         GOTRUE_SECURITY_CAPTCHA_SECRET=hush\nGOTRUE_SECURITY_DB_ENCRYPTION_ENCRYPT=true\n\
         GOTRUE_SECURITY_DB_ENCRYPTION_ENCRYPTION_KEY_ID=new\nGOTRUE_SECURITY_DB_ENCRYPTION_ENCRYPTION_KEY=hush\n\
         GOTRUE_SECURITY_DB_ENCRYPTION_DECRYPTION_KEYS=old:hush\n\
         GOTRUE_URI_ALLOW_LIST=https://{a,b}.test/**,https://c.test",
    );
    assert_eq!(given.jwt.exp, Duration::from_secs(7200));
    assert_eq!(given.jwt.admin_roles, ["service_role", "boss"]);
    assert_eq!(given.jwt.signing_key().map(|key| key.kid.as_str()), Some("k"));
    assert_eq!(given.mailer.max_frequency, Duration::from_secs(1));
    assert_eq!((given.mailer.otp_length, given.mailer.otp_exp), (6, Duration::from_secs(600)));
    assert_eq!(given.mailer.subjects[&MailKind::MagicLink], "Hello");
    assert_eq!(given.mailer.templates[&MailKind::Invite], Template::Url("http://t.test/i.html".to_owned()));
    assert_eq!(given.mailer.templates[&MailKind::Recovery], Template::Body("<p>{{ .Token }}</p>".to_owned()));
    assert_eq!(given.mailer.url_path(MailKind::Invite), "/auth/v1/verify");
    assert!(given.mailer.notifies(MailKind::MfaFactorEnrolled) && !given.mailer.notifies(MailKind::PasswordChanged));
    assert_eq!(given.smtp.headers["X-A"], ["b"]);
    assert!(matches!(&given.sms.provider, Some(SmsProvider::Twilio { account_sid, .. }) if account_sid == "AC"));
    assert_eq!(given.sms.test_otp.code("491", time::OffsetDateTime::UNIX_EPOCH), Some("123456"));
    assert_eq!(given.sessions.timebox, Some(Duration::from_secs(86_400)));
    assert_eq!(given.sessions.tags, ["web", "ios"]);
    assert_eq!(given.rate_limits.email_sent, Rate::per_five_minutes(100));
    assert_eq!(given.rate_limits.oauth_dynamic_client_register, Rate::per_five_minutes(7));
    assert_eq!(given.password.min_length, 6);
    assert_eq!(given.password.required_characters, ["abc", "123"]);
    assert_eq!(given.external.enabled("google").map(|google| google.client_ids.len()), Some(2));
    assert_eq!(given.db.max_pool_size, Some(PoolSize::Percent(50)));
    assert!(given.security.captcha.is_some());
    let refresh_tokens = (given.security.refresh_tokens, given.security.refresh_token_upgrade_percentage);
    assert_eq!(refresh_tokens, (RefreshTokens::Signed, 100));
    let encryption = &given.security.db_encryption;
    assert_eq!((encryption.encrypt_with.as_deref(), encryption.keys.len()), (Some("new"), 2));
    assert!(given.allows_redirect("https://b.test/x"));
    assert!(!format!("{given:?}").contains("hush"), "secrets stay out of what is printed");
}

#[test]
fn what_is_wrong_is_named_and_secrets_are_not_shown() {
    let lines = format!(
        "{LEAST}GOTRUE_DISABLE_SIGNUP=maybe\nGOTRUE_JWT_EXP=soon\nGOTRUE_JWT_KEYS=hush\nGOTRUE_SMS_PROVIDER=pigeon\n\
         GOTRUE_SESSIONS_TIMEBOX=0s\nGOTRUE_HOOK_SEND_EMAIL_URI=https://a.test\nGOTRUE_HOOK_SEND_EMAIL_SECRETS=hush\n\
         GOTRUE_URI_ALLOW_LIST=https://[\nGOTRUE_MAILER_AUTOCONFIRM=true\nGOTRUE_MAILER_ALLOW_UNVERIFIED_EMAIL_SIGN_INS=true"
    );
    let errors = errors(&lines);
    let expected = [
        "GOTRUE_JWT_EXP must be a duration (`90s`, `1h30m`), but is `soon`",
        "GOTRUE_JWT_KEYS must be a JSON array of JWKs, one of which signs (it is not a JSON array of keys)",
        "GOTRUE_DISABLE_SIGNUP must be true or false, but is `maybe`",
        "GOTRUE_URI_ALLOW_LIST must be a comma-separated list of URLs and patterns, but is `https://[`",
        "GOTRUE_MAILER_ALLOW_UNVERIFIED_EMAIL_SIGN_INS must be false while GOTRUE_MAILER_AUTOCONFIRM is true, but is `true`",
        "GOTRUE_SMS_PROVIDER must be one of messagebird, textlocal, twilio, twilio_verify, vonage, but is `pigeon`",
        "GOTRUE_SESSIONS_TIMEBOX must be a duration above 0 (`24h`), but is `0s`",
        "GOTRUE_HOOK_SEND_EMAIL_SECRETS must be secrets of Standard Webhooks with `|` between them (`v1,whsec_…`)",
    ];
    assert_eq!(errors, expected);
}

#[test]
fn nothing_is_both_taken_and_ignored() {
    let mut reader = super::Reader { variables: &Variables::new(), asked: Default::default(), errors: Vec::new() };
    super::section::all(&mut reader);
    for (start, _) in IGNORED {
        assert!(!reader.asked.iter().any(|name| name.starts_with(start)), "{start}");
    }
}

#[test]
fn the_readme_names_what_is_taken_and_what_is_ignored() {
    let readme = include_str!("../../../README.md");
    let mut reader = super::Reader { variables: &Variables::new(), asked: Default::default(), errors: Vec::new() };
    super::section::all(&mut reader);
    // One of each kind stands for its kind.
    let repeated =
        ["MAILER_SUBJECTS_", "MAILER_TEMPLATES_", "MAILER_URLPATHS_", "MAILER_NOTIFICATIONS_", "HOOK_", "MFA_", "EXTERNAL_"];
    let plain = |name: &&String| !repeated.iter().any(|kind| name.contains(kind)) && !name.starts_with("GOTRUE_API_API_");
    let others = [
        "GOTRUE_DB_DB_NAMESPACE",
        "GOTRUE_DB_NAMESPACE",
        "GOTRUE_API_EXTERNAL_URL",
        "GOTRUE_API_REQUEST_ID_HEADER",
        "GOTRUE_JWT_VALIDMETHODS",
        "GOTRUE_RATE_LIMIT_OAUTH_DYNAMIC_CLIENT_REGISTER",
    ];
    for name in reader.asked.iter().filter(plain).filter(|name| !others.contains(&name.as_str())) {
        assert!(readme.contains(name.as_str()), "{name}");
    }
    for (start, _) in IGNORED {
        assert!(readme.contains(start), "{start}");
    }
    for provider in crate::external::PROVIDERS {
        assert!(readme.contains(&format!("`{}`", provider.to_uppercase())), "{provider}");
    }
}
