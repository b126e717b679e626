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

/// What upstream's page of variables has (docs of supabase/auth, November 2026), one of each kind for those that are repeated.
const DOCUMENTED: &str = "SITE_URL URI_ALLOW_LIST OPERATOR_TOKEN API_HOST API_PORT API_ENDPOINT API_REQUEST_ID_HEADER \
    API_MAX_REQUEST_DURATION DB_DRIVER DB_DATABASE_URL DB_MAX_POOL_SIZE DB_MAX_IDLE_POOL_SIZE DB_CONN_PERCENTAGE \
    DB_CONN_MAX_LIFETIME DB_CONN_MAX_IDLE_TIME DB_HEALTH_CHECK_PERIOD DB_MIGRATIONS_PATH DB_CLEANUP_ENABLED DB_ADVISOR_ENABLED \
    DB_ADVISOR_SAMPLING_INTERVAL DB_ADVISOR_OBSERVATION_INTERVAL LOG_LEVEL LOG_FILE LOG_SQL LOG_TSFORMAT LOG_DISABLE_COLORS \
    LOG_QUOTE_EMPTY_FIELDS LOG_FIELDS AUDIT_LOG_DISABLE_POSTGRES CORS_ALLOWED_HEADERS PROFILER_ENABLED PROFILER_HOST PROFILER_PORT \
    INDEX_WORKER_ENSURE_USER_SEARCH_INDEXES_EXIST INDEX_WORKER_MAX_USERS_THRESHOLD RELOADING_NOTIFY_ENABLED \
    RELOADING_POLLERENABLED RELOADING_POLLER_INTERVAL RELOADING_SIGNAL_ENABLED RELOADING_SIGNAL_NUMBER \
    RELOADING_GRACE_PERIOD_INTERVAL TRACING_ENABLED TRACING_EXPORTER TRACING_SERVICE_NAME TRACING_HOST TRACING_PORT TRACING_TAGS \
    METRICS_ENABLED METRICS_EXPORTER DISABLE_SIGNUP EXTERNAL_EMAIL_ENABLED EXTERNAL_EMAIL_MAGIC_LINK_ENABLED \
    EXTERNAL_EMAIL_AUTHORIZED_ADDRESSES EXTERNAL_PHONE_ENABLED JWT_SECRET JWT_EXP JWT_AUD JWT_ADMIN_GROUP_NAME JWT_ADMIN_ROLES \
    JWT_DEFAULT_GROUP_NAME JWT_ISSUER JWT_KEY_ID JWT_KEYS JWT_VALID_METHODS JWT_VALIDMETHODS EXTERNAL_GITHUB_ENABLED \
    EXTERNAL_GITHUB_CLIENT_ID EXTERNAL_GITHUB_SECRET EXTERNAL_GITHUB_REDIRECT_URI EXTERNAL_KEYCLOAK_URL EXTERNAL_GITLAB_API_URL \
    EXTERNAL_X_EMAIL_OPTIONAL EXTERNAL_GOOGLE_SKIP_NONCE_CHECK EXTERNAL_REDIRECTURL EXTERNAL_IOS_BUNDLE_ID \
    EXTERNAL_ALLOWED_ID_TOKEN_ISSUERS EXTERNAL_FLOW_STATE_EXPIRY_DURATION EXTERNAL_OIDC_PROVIDER_CACHE_TTL CUSTOM_OAUTH_ENABLED \
    CUSTOM_OAUTH_MAX_PROVIDERS CUSTOM_OAUTH_EXTERNAL_URL OAUTH_SERVER_ENABLED OAUTH_SERVER_ALLOW_DYNAMIC_REGISTRATION \
    OAUTH_SERVER_AUTHORIZATION_PATH OAUTH_SERVER_AUTHORIZATION_TTL OAUTH_SERVER_DEFAULT_SCOPE EXTERNAL_WEB3_SOLANA_ENABLED \
    EXTERNAL_WEB3_SOLANA_MAXIMUM_VALIDITY_DURATION EXTERNAL_WEB3_ETHEREUM_ENABLED \
    EXTERNAL_WEB3_ETHEREUM_MAXIMUM_VALIDITY_DURATION SAML_ENABLED SAML_PRIVATE_KEY SAML_PRIVATE_KEY_NEXT \
    SAML_ALLOW_ENCRYPTED_ASSERTIONS SAML_RELAY_STATE_VALIDITY_PERIOD SAML_EXTERNAL_URL SAML_RATE_LIMIT_ASSERTION SMS_AUTOCONFIRM \
    SMS_MAX_FREQUENCY SMS_OTP_EXP SMS_OTP_LENGTH SMS_PROVIDER SMS_TEMPLATE SMS_TEST_OTP SMS_TEST_OTP_VALID_UNTIL \
    SMS_TWILIO_ACCOUNT_SID SMS_TWILIO_AUTH_TOKEN SMS_TWILIO_MESSAGE_SERVICE_SID SMS_TWILIO_CONTENT_SID \
    SMS_TWILIO_VERIFY_ACCOUNT_SID SMS_TWILIO_VERIFY_AUTH_TOKEN SMS_TWILIO_VERIFY_MESSAGE_SERVICE_SID SMS_MESSAGEBIRD_ACCESS_KEY \
    SMS_MESSAGEBIRD_ORIGINATOR SMS_TEXTLOCAL_API_KEY SMS_TEXTLOCAL_SENDER SMS_VONAGE_API_KEY SMS_VONAGE_API_SECRET SMS_VONAGE_FROM \
    MFA_CHALLENGE_EXPIRY_DURATION MFA_FACTOR_EXPIRY_DURATION MFA_MAX_ENROLLED_FACTORS MFA_MAX_VERIFIED_FACTORS \
    MFA_RATE_LIMIT_CHALLENGE_AND_VERIFY MFA_TOTP_ENROLL_ENABLED MFA_TOTP_VERIFY_ENABLED MFA_PHONE_ENROLL_ENABLED \
    MFA_PHONE_VERIFY_ENABLED MFA_PHONE_OTP_LENGTH MFA_PHONE_MAX_FREQUENCY MFA_PHONE_TEMPLATE MFA_WEB_AUTHN_ENROLL_ENABLED \
    MFA_WEB_AUTHN_VERIFY_ENABLED MFA_RECOVERY_CODES_ENROLL_ENABLED MFA_RECOVERY_CODES_COUNT WEBAUTHN_RP_ID \
    WEBAUTHN_RP_DISPLAY_NAME WEBAUTHN_RP_ORIGINS WEBAUTHN_CHALLENGE_EXPIRY_DURATION PASSKEY_ENABLED PASSKEY_MAX_PASSKEYS_PER_USER \
    SESSIONS_TIMEBOX SESSIONS_INACTIVITY_TIMEOUT SESSIONS_ALLOW_LOW_AAL SESSIONS_SINGLE_PER_USER SESSIONS_TAGS \
    HOOK_CUSTOM_ACCESS_TOKEN_ENABLED HOOK_CUSTOM_ACCESS_TOKEN_URI HOOK_CUSTOM_ACCESS_TOKEN_SECRETS HOOK_AFTER_USER_CREATED_ENABLED \
    EXTERNAL_ANONYMOUS_USERS_ENABLED EXPERIMENTAL_SCIM_ENABLED SMTP_HOST SMTP_PORT SMTP_USER SMTP_PASS SMTP_ADMIN_EMAIL \
    SMTP_SENDER_NAME SMTP_MAX_FREQUENCY SMTP_HEADERS SMTP_LOGGING_ENABLED MAILER_AUTOCONFIRM MAILER_ALLOW_UNVERIFIED_EMAIL_SIGN_INS \
    MAILER_SECURE_EMAIL_CHANGE_ENABLED MAILER_OTP_EXP MAILER_OTP_LENGTH MAILER_URLPATHS_INVITE MAILER_EXTERNAL_HOSTS \
    MAILER_EMAIL_BACKGROUND_SENDING MAILER_EMAIL_VALIDATION_EXTENDED MAILER_EMAIL_VALIDATION_SERVICE_URL \
    MAILER_EMAIL_VALIDATION_BLOCKED_MX MAILER_TEMPLATE_MAX_SIZE MAILER_TEMPLATE_RELOADING_ENABLED MAILER_SUBJECTS_REAUTHENTICATION \
    MAILER_SUBJECTS_PASSWORD_CHANGED_NOTIFICATION MAILER_TEMPLATES_INVITE MAILER_TEMPLATES_MFA_FACTOR_UNENROLLED_NOTIFICATION \
    MAILER_NOTIFICATIONS_PASSWORD_CHANGED_ENABLED MAILER_TEST_OTP MAILER_TEST_OTP_VALID_UNTIL PASSWORD_MIN_LENGTH \
    PASSWORD_REQUIRED_CHARACTERS PASSWORD_HIBP_ENABLED PASSWORD_HIBP_FAIL_CLOSED PASSWORD_HIBP_USER_AGENT \
    PASSWORD_HIBP_BLOOM_ENABLED PASSWORD_HIBP_BLOOM_ITEMS RATE_LIMIT_HEADER RATE_LIMIT_EMAIL_SENT RATE_LIMIT_SMS_SENT \
    RATE_LIMIT_OTP RATE_LIMIT_VERIFY RATE_LIMIT_TOKEN_REFRESH RATE_LIMIT_SSO RATE_LIMIT_ANONYMOUS_USERS RATE_LIMIT_WEB3 \
    RATE_LIMIT_PASSKEY RATE_LIMIT_O_AUTH_DYNAMIC_CLIENT_REGISTER SECURITY_REFRESH_TOKEN_ROTATION_ENABLED \
    SECURITY_REFRESH_TOKEN_REUSE_INTERVAL SECURITY_REFRESH_TOKEN_ALLOW_REUSE SECURITY_REFRESH_TOKEN_ALGORITHM_VERSION \
    SECURITY_REFRESH_TOKEN_UPGRADE_PERCENTAGE SECURITY_CAPTCHA_ENABLED SECURITY_CAPTCHA_PROVIDER SECURITY_CAPTCHA_SECRET \
    SECURITY_CAPTCHA_TIMEOUT SECURITY_UPDATE_PASSWORD_REQUIRE_REAUTHENTICATION SECURITY_MANUAL_LINKING_ENABLED SESSION_KEY \
    MAX_VERIFIED_FACTORS EXTERNAL_SAML_ENABLED EXTERNAL_SKIP_NONCE_CHECK HOOK_CUSTOM_SMS_PROVIDER_ENABLED WEBHOOK_URL";

#[test]
fn every_documented_variable_is_taken_or_has_its_reason() {
    let mut given = variables(LEAST);
    for name in DOCUMENTED.split_whitespace() {
        given.entry(format!("GOTRUE_{name}")).or_default();
    }
    let read = Settings::from_environment(&given).unwrap();
    assert!(read.unknown.is_empty(), "{:?}", read.unknown);
    for name in ["PORT", "DATABASE_URL", "DB_NAMESPACE", "API_EXTERNAL_URL", "REQUEST_ID_HEADER"] {
        assert!(super::OTHER_NAMES.iter().any(|(_, others)| others.contains(&name)), "{name}");
    }
}

/// As the example of upstream's repository and the command line's containers have them.
#[test]
fn values_of_upstreams_examples_are_taken() {
    let read = |lines: &str| Settings::from_environment(&variables(&format!("{LEAST}{lines}"))).unwrap();
    let given = read(
        "GOTRUE_JWT_KEYS=[]\nGOTRUE_LOG_LEVEL=debug\nGOTRUE_SMS_PROVIDER=twilio\nGOTRUE_SMS_TWILIO_ACCOUNT_SID=\n\
         GOTRUE_EXTERNAL_WORKOS_ENABLED=true\nGOTRUE_EXTERNAL_WORKOS_CLIENT_ID=\nGOTRUE_SECURITY_REFRESH_TOKEN_REUSE_INTERVAL=0\n\
         GOTRUE_HOOK_SEND_EMAIL_ENABLED=false\nGOTRUE_HOOK_SEND_EMAIL_URI=http://host.docker.internal:54321/functions/v1/mail\n\
         GOTRUE_HOOK_SEND_EMAIL_SECRETS=v1,whsec_VGhpcyBpcyBhbiBleGFtcGxlIG9mIGEgc2hvcnRlciBCYXNlNjQgc3RyaW5n\n\
         GOTRUE_RATE_LIMIT_EMAIL_SENT=360000\nGOTRUE_SMTP_MAX_FREQUENCY=1s\nGOTRUE_SECURITY_CAPTCHA_PROVIDER=\n\
         GOTRUE_MAILER_URLPATHS_INVITE=http://127.0.0.1:54321/auth/v1/verify\nGOTRUE_SAML_ENABLED=true",
    );
    assert!(given.settings.jwt.keys.is_empty(), "the secret signs");
    assert_eq!(given.log_level, Some("debug"));
    assert_eq!(given.ignored, [("GOTRUE_SAML_ENABLED".to_owned(), "there is no SAML")]);
    assert_eq!(given.unknown, [""; 0]);
    assert_eq!(read("GOTRUE_LOG_LEVEL=fatal").log_level, Some("error"));
    assert_eq!(read("").log_level, None);
    let wrong = errors(&format!("{LEAST}GOTRUE_LOG_LEVEL=loud\nGOTRUE_JWT_KEYS=[ ]]"));
    let why = "GOTRUE_JWT_KEYS must be a JSON array of JWKs, one of which signs (it is not a JSON array of keys)";
    let loud = "GOTRUE_LOG_LEVEL must be panic, fatal, error, warn, info, debug or trace, but is `loud`";
    assert_eq!(wrong, [why, loud]);
}
