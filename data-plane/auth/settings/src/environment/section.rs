//! Which variable is which setting.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Reader, value};
use crate::external::PROVIDERS;
use crate::hooks::{is_hook_secret, is_hook_uri};
use crate::{
    AllowList, Captcha, CaptchaProvider, DbEncryption, Hook, JwtKey, MailKind, PoolSize, Provider, RefreshTokens, Settings,
    SmsProvider, Template, TestOtps,
};

pub(super) fn all(reader: &mut Reader<'_>) -> Settings {
    let mut settings = Settings::default();
    service(reader, &mut settings);
    jwt(reader, &mut settings);
    signup(reader, &mut settings);
    mail(reader, &mut settings);
    sms(reader, &mut settings);
    security(reader, &mut settings);
    mfa(reader, &mut settings);
    limits(reader, &mut settings);
    external(reader, &mut settings);
    hooks(reader, &mut settings);
    servers(reader, &mut settings);
    settings
}

fn service(reader: &mut Reader<'_>, settings: &mut Settings) {
    let api = &mut settings.api;
    let url = reader.required("API_EXTERNAL_URL", "this service's URL as browsers see it (`https://api.example.com/auth/v1`)");
    url.trim_end_matches('/').clone_into(&mut api.external_url);
    if !url.is_empty() && !is_web_url(&url) {
        reader.wrong("API_EXTERNAL_URL", "a URL that begins with http:// or https://");
    }
    api.site_url = reader.required("SITE_URL", "the application's URL (`https://app.example.com`)");
    reader.text("API_HOST", &mut api.host);
    reader.number("API_PORT", &mut api.port);
    api.request_id_header = reader.optional("API_REQUEST_ID_HEADER");
    reader.duration("API_MAX_REQUEST_DURATION", &mut api.max_request_duration);
    let db = &mut settings.db;
    db.url = Some(reader.required("DB_DATABASE_URL", "the database's URL (`postgres://user:password@host/database`)").into());
    reader.text("DB_NAMESPACE", &mut db.schema);
    let (mut connections, mut percent) = (0, 0);
    reader.number("DB_MAX_POOL_SIZE", &mut connections);
    reader.number::<u8>("DB_CONN_PERCENTAGE", &mut percent);
    db.max_pool_size = match (percent.min(100), connections) {
        (0, 0) => None,
        (0, connections) => Some(PoolSize::Connections(connections)),
        (percent, _) => Some(PoolSize::Percent(percent)),
    };
    reader.optional_duration("DB_CONN_MAX_LIFETIME", &mut db.conn_max_lifetime);
    reader.optional_duration("DB_CONN_MAX_IDLE_TIME", &mut db.conn_max_idle_time);
    reader.flag("DB_CLEANUP_ENABLED", &mut db.cleanup_enabled);
    reader.list("CORS_ALLOWED_HEADERS", &mut settings.cors.allowed_headers);
    reader.flag("AUDIT_LOG_DISABLE_POSTGRES", &mut settings.audit_log.disable_postgres);
}

fn is_web_url(url: &str) -> bool {
    ["http://", "https://"].iter().any(|start| url.strip_prefix(start).is_some_and(|rest| !rest.is_empty()))
}

fn jwt(reader: &mut Reader<'_>, settings: &mut Settings) {
    let jwt = &mut settings.jwt;
    jwt.secret = reader.required("JWT_SECRET", "the secret that signs tokens").into();
    reader.text("JWT_KEY_ID", &mut jwt.key_id);
    reader.seconds("JWT_EXP", &mut jwt.exp);
    if jwt.exp.is_zero() {
        jwt.exp = Duration::from_secs(3600);
    }
    reader.text("JWT_AUD", &mut jwt.aud);
    reader.list("JWT_ADMIN_ROLES", &mut jwt.admin_roles);
    reader.text("JWT_DEFAULT_GROUP_NAME", &mut jwt.default_group_name);
    jwt.issuer = reader.optional("JWT_ISSUER");
    reader.list("JWT_VALID_METHODS", &mut jwt.valid_methods);
    // A compose file says `[]` where there are none yet; then it is the secret that signs.
    let has_keys = |set: &String| !matches!(serde_json::from_str::<Vec<serde_json::Value>>(set), Ok(keys) if keys.is_empty());
    if let Some(set) = reader.optional("JWT_KEYS").filter(has_keys) {
        match JwtKey::parse_set(&set) {
            Ok(keys) => jwt.keys = keys,
            Err(error) => {
                reader.wrong_secret("JWT_KEYS", format!("a JSON array of JWKs, one of which signs ({error})"));
            }
        }
    }
}

fn signup(reader: &mut Reader<'_>, settings: &mut Settings) {
    let signup = &mut settings.signup;
    reader.flag("DISABLE_SIGNUP", &mut signup.disabled);
    reader.flag("EXTERNAL_ANONYMOUS_USERS_ENABLED", &mut signup.anonymous_users);
    reader.flag("EXTERNAL_EMAIL_ENABLED", &mut signup.email);
    reader.flag("EXTERNAL_EMAIL_MAGIC_LINK_ENABLED", &mut signup.magic_link);
    reader.list("EXTERNAL_EMAIL_AUTHORIZED_ADDRESSES", &mut signup.authorized_addresses);
    reader.flag("EXTERNAL_PHONE_ENABLED", &mut signup.phone);
    reader.parsed(
        "URI_ALLOW_LIST",
        "a comma-separated list of URLs and patterns",
        |list| AllowList::parse(list).ok(),
        &mut settings.uri_allow_list,
    );
}

fn mail(reader: &mut Reader<'_>, settings: &mut Settings) {
    let mailer = &mut settings.mailer;
    reader.flag("MAILER_AUTOCONFIRM", &mut mailer.autoconfirm);
    reader.flag("MAILER_ALLOW_UNVERIFIED_EMAIL_SIGN_INS", &mut mailer.allow_unverified_email_sign_ins);
    if mailer.autoconfirm && mailer.allow_unverified_email_sign_ins {
        reader.wrong("MAILER_ALLOW_UNVERIFIED_EMAIL_SIGN_INS", "false while GOTRUE_MAILER_AUTOCONFIRM is true");
    }
    reader.seconds("MAILER_OTP_EXP", &mut mailer.otp_exp);
    or_default(&mut mailer.otp_exp, 86_400);
    otp_length(reader, "MAILER_OTP_LENGTH", &mut mailer.otp_length);
    reader.flag("MAILER_SECURE_EMAIL_CHANGE_ENABLED", &mut mailer.secure_email_change_enabled);
    reader.duration("SMTP_MAX_FREQUENCY", &mut mailer.max_frequency);
    or_default(&mut mailer.max_frequency, 60);
    reader.list("MAILER_EXTERNAL_HOSTS", &mut mailer.external_hosts);
    reader.flag("MAILER_EMAIL_VALIDATION_EXTENDED", &mut mailer.email_validation_extended);
    for kind in MailKind::ALL {
        let name = kind.name().to_uppercase();
        if let Some(subject) = reader.optional(&format!("MAILER_SUBJECTS_{name}")) {
            mailer.subjects.insert(kind, subject);
        }
        if let Some(template) = reader.optional(&format!("MAILER_TEMPLATES_{name}")) {
            mailer.templates.insert(kind, Template::from(template));
        }
        match kind.event() {
            Some(event) => {
                let mut on = false;
                reader.flag(&format!("MAILER_NOTIFICATIONS_{}_ENABLED", event.to_uppercase()), &mut on);
                if on {
                    mailer.notifications.insert(kind);
                }
            }
            None => {
                if let Some(path) = reader.optional(&format!("MAILER_URLPATHS_{name}")) {
                    mailer.url_paths.insert(kind, path);
                }
            }
        }
    }
    test_otps(reader, "MAILER", &mut mailer.test_otp);
    let smtp = &mut settings.smtp;
    smtp.host = reader.optional("SMTP_HOST");
    reader.number("SMTP_PORT", &mut smtp.port);
    reader.text("SMTP_USER", &mut smtp.user);
    smtp.pass = reader.optional("SMTP_PASS").map(Into::into);
    reader.text("SMTP_ADMIN_EMAIL", &mut smtp.admin_email);
    reader.text("SMTP_SENDER_NAME", &mut smtp.sender_name);
    let headers = |text: &str| serde_json::from_str(text).ok();
    reader.parsed("SMTP_HEADERS", r#"a JSON object (`{"X-Name": ["value"]}`)"#, headers, &mut smtp.headers);
}

fn sms(reader: &mut Reader<'_>, settings: &mut Settings) {
    let sms = &mut settings.sms;
    reader.flag("SMS_AUTOCONFIRM", &mut sms.autoconfirm);
    reader.duration("SMS_MAX_FREQUENCY", &mut sms.max_frequency);
    or_default(&mut sms.max_frequency, 60);
    reader.seconds("SMS_OTP_EXP", &mut sms.otp_exp);
    or_default(&mut sms.otp_exp, 60);
    otp_length(reader, "SMS_OTP_LENGTH", &mut sms.otp_length);
    if let Some(template) = reader.optional("SMS_TEMPLATE") {
        sms.template = template.replace("\\n", "\n");
    }
    // All credentials are asked for, so that those of another provider are not unknown.
    let chosen = reader.optional("SMS_PROVIDER");
    for name in SmsProvider::NAMES {
        let provider = SmsProvider::from_parts(name, |part| reader.optional(&format!("SMS_{}", part.to_uppercase())));
        if chosen.as_deref() == Some(name) {
            sms.provider = provider;
        }
    }
    if chosen.is_some() && sms.provider.is_none() {
        reader.wrong("SMS_PROVIDER", "one of messagebird, textlocal, twilio, twilio_verify, vonage");
    }
    test_otps(reader, "SMS", &mut sms.test_otp);
}

fn test_otps(reader: &mut Reader<'_>, of: &str, otps: &mut TestOtps) {
    let read = |text: &str| TestOtps::parse(text, ':').ok();
    reader.parsed(&format!("{of}_TEST_OTP"), "pairs `who:code` with commas between them", read, &mut otps.codes);
    let read = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok().map(Some);
    reader.parsed(&format!("{of}_TEST_OTP_VALID_UNTIL"), "a time (`2027-01-31T08:00:00Z`)", read, &mut otps.valid_until);
}

/// As upstream: a length outside of 6 to 10 is 6.
fn otp_length(reader: &mut Reader<'_>, name: &str, into: &mut usize) {
    reader.number(name, into);
    if !(6..=10).contains(into) {
        *into = 6;
    }
}

/// As upstream: nothing given and 0 are the same.
fn or_default(duration: &mut Duration, seconds: u64) {
    if duration.is_zero() {
        *duration = Duration::from_secs(seconds);
    }
}

fn security(reader: &mut Reader<'_>, settings: &mut Settings) {
    let password = &mut settings.password;
    reader.number("PASSWORD_MIN_LENGTH", &mut password.min_length);
    password.min_length = password.min_length.max(6);
    if let Some(sets) = reader.optional("PASSWORD_REQUIRED_CHARACTERS") {
        password.required_characters = value::character_sets(&sets);
    }
    reader.flag("PASSWORD_HIBP_ENABLED", &mut password.hibp_enabled);
    reader.flag("PASSWORD_HIBP_FAIL_CLOSED", &mut password.hibp_fail_closed);
    reader.text("PASSWORD_HIBP_USER_AGENT", &mut password.hibp_user_agent);
    let security = &mut settings.security;
    let mut captcha = false;
    reader.flag("SECURITY_CAPTCHA_ENABLED", &mut captcha);
    let (mut provider, mut timeout) = (CaptchaProvider::HCaptcha, Duration::from_secs(10));
    reader.parsed("SECURITY_CAPTCHA_PROVIDER", "hcaptcha or turnstile", CaptchaProvider::of, &mut provider);
    reader.duration("SECURITY_CAPTCHA_TIMEOUT", &mut timeout);
    match (captcha, reader.optional("SECURITY_CAPTCHA_SECRET")) {
        (true, Some(secret)) => security.captcha = Some(Captcha { provider, secret: secret.into(), timeout }),
        (true, None) => reader.wrong_secret("SECURITY_CAPTCHA_SECRET", "the captcha provider's secret".to_owned()),
        (false, _) => {}
    }
    reader.flag("SECURITY_MANUAL_LINKING_ENABLED", &mut security.manual_linking_enabled);
    reader.flag("SECURITY_REFRESH_TOKEN_ROTATION_ENABLED", &mut security.refresh_token_rotation_enabled);
    reader.seconds("SECURITY_REFRESH_TOKEN_REUSE_INTERVAL", &mut security.refresh_token_reuse_interval);
    reader.flag("SECURITY_REFRESH_TOKEN_ALLOW_REUSE", &mut security.refresh_token_allow_reuse);
    let version = &mut security.refresh_tokens;
    reader.parsed("SECURITY_REFRESH_TOKEN_ALGORITHM_VERSION", "0, 1 or 2", RefreshTokens::of, version);
    let percentage = |text: &str| text.parse().ok().filter(|percentage| *percentage <= 100_u8);
    let upgraded = &mut security.refresh_token_upgrade_percentage;
    reader.parsed("SECURITY_REFRESH_TOKEN_UPGRADE_PERCENTAGE", "a whole number up to 100", percentage, upgraded);
    let reauthentication = &mut security.update_password_require_reauthentication;
    reader.flag("SECURITY_UPDATE_PASSWORD_REQUIRE_REAUTHENTICATION", reauthentication);
    let current = &mut security.update_password_require_current_password;
    reader.flag("SECURITY_UPDATE_PASSWORD_REQUIRE_CURRENT_PASSWORD", current);
    reader.flag("SECURITY_SB_FORWARDED_FOR_ENABLED", &mut security.sb_forwarded_for_enabled);
    encryption(reader, &mut security.db_encryption);
    let sessions = &mut settings.sessions;
    reader.optional_duration("SESSIONS_TIMEBOX", &mut sessions.timebox);
    reader.optional_duration("SESSIONS_INACTIVITY_TIMEOUT", &mut sessions.inactivity_timeout);
    reader.optional_duration("SESSIONS_ALLOW_LOW_AAL", &mut sessions.allow_low_aal);
    reader.flag("SESSIONS_SINGLE_PER_USER", &mut sessions.single_per_user);
    reader.list("SESSIONS_TAGS", &mut sessions.tags);
}

fn encryption(reader: &mut Reader<'_>, of: &mut DbEncryption) {
    let mut encrypts = false;
    reader.flag("SECURITY_DB_ENCRYPTION_ENCRYPT", &mut encrypts);
    let mut others = Vec::new();
    reader.list("SECURITY_DB_ENCRYPTION_DECRYPTION_KEYS", &mut others);
    for pair in others {
        match pair.split_once(':') {
            Some((id, key)) => drop(of.keys.insert(id.to_owned(), key.into())),
            None => reader
                .wrong_secret("SECURITY_DB_ENCRYPTION_DECRYPTION_KEYS", "pairs `id:key` with commas between them".to_owned()),
        }
    }
    match (reader.optional("SECURITY_DB_ENCRYPTION_ENCRYPTION_KEY_ID"), reader.optional("SECURITY_DB_ENCRYPTION_ENCRYPTION_KEY"))
    {
        (Some(id), Some(key)) => {
            of.keys.insert(id.clone(), key.into());
            of.encrypt_with = Some(id).filter(|_| encrypts);
        }
        _ if encrypts => {
            let expected = "32 bytes in URL-safe base64, and GOTRUE_SECURITY_DB_ENCRYPTION_ENCRYPTION_KEY_ID its name".to_owned();
            reader.wrong_secret("SECURITY_DB_ENCRYPTION_ENCRYPTION_KEY", expected);
        }
        _ => {}
    }
}

fn mfa(reader: &mut Reader<'_>, settings: &mut Settings) {
    let mfa = &mut settings.mfa;
    for (name, factor) in [("TOTP", &mut mfa.totp), ("PHONE", &mut mfa.phone.factor), ("WEB_AUTHN", &mut mfa.web_authn)] {
        reader.flag(&format!("MFA_{name}_ENROLL_ENABLED"), &mut factor.enroll_enabled);
        reader.flag(&format!("MFA_{name}_VERIFY_ENABLED"), &mut factor.verify_enabled);
    }
    otp_length(reader, "MFA_PHONE_OTP_LENGTH", &mut mfa.phone.otp_length);
    reader.duration("MFA_PHONE_MAX_FREQUENCY", &mut mfa.phone.max_frequency);
    or_default(&mut mfa.phone.max_frequency, 60);
    if let Some(template) = reader.optional("MFA_PHONE_TEMPLATE") {
        mfa.phone.template = template.replace("\\n", "\n");
    }
    reader.number("MFA_MAX_ENROLLED_FACTORS", &mut mfa.max_enrolled_factors);
    reader.number("MFA_MAX_VERIFIED_FACTORS", &mut mfa.max_verified_factors);
    // As upstream: not shorter than five minutes.
    let least = Duration::from_secs(300);
    reader.seconds("MFA_CHALLENGE_EXPIRY_DURATION", &mut mfa.challenge_expiry);
    mfa.challenge_expiry = mfa.challenge_expiry.max(least);
    reader.duration("MFA_FACTOR_EXPIRY_DURATION", &mut mfa.factor_expiry);
    mfa.factor_expiry = mfa.factor_expiry.max(least);
    let usual = mfa.challenge_and_verify.over;
    let rate = |text: &str| value::rate(text, usual);
    reader.parsed("MFA_RATE_LIMIT_CHALLENGE_AND_VERIFY", "a number a minute", rate, &mut mfa.challenge_and_verify);
    reader.flag("PASSKEY_ENABLED", &mut settings.passkeys.enabled);
    reader.number("PASSKEY_MAX_PASSKEYS_PER_USER", &mut settings.passkeys.max_per_user);
    let web_authn = &mut settings.web_authn;
    reader.text("WEBAUTHN_RP_DISPLAY_NAME", &mut web_authn.rp_display_name);
    reader.text("WEBAUTHN_RP_ID", &mut web_authn.rp_id);
    reader.list("WEBAUTHN_RP_ORIGINS", &mut web_authn.rp_origins);
    reader.duration("WEBAUTHN_CHALLENGE_EXPIRY_DURATION", &mut web_authn.challenge_expiry);
}

fn limits(reader: &mut Reader<'_>, settings: &mut Settings) {
    let limits = &mut settings.rate_limits;
    limits.header = reader.optional("RATE_LIMIT_HEADER");
    for (name, limit) in limits.named_mut() {
        let usual = limit.over;
        let name = format!("RATE_LIMIT_{}", name.to_uppercase());
        reader.parsed(&name, "a number, or a number and a time (`30/1h`)", |text| value::rate(text, usual), limit);
    }
}

fn external(reader: &mut Reader<'_>, settings: &mut Settings) {
    let external = &mut settings.external;
    for name in PROVIDERS {
        let variable = |part: &str| format!("EXTERNAL_{}_{part}", name.to_uppercase());
        let mut provider = Provider::default();
        reader.flag(&variable("ENABLED"), &mut provider.enabled);
        reader.list(&variable("CLIENT_ID"), &mut provider.client_ids);
        provider.secret = reader.optional(&variable("SECRET")).map(Into::into);
        reader.text(&variable("REDIRECT_URI"), &mut provider.redirect_uri);
        reader.text(&variable("URL"), &mut provider.url);
        reader.text(&variable("API_URL"), &mut provider.api_url);
        reader.flag(&variable("SKIP_NONCE_CHECK"), &mut provider.skip_nonce_check);
        reader.flag(&variable("EMAIL_OPTIONAL"), &mut provider.email_optional);
        if provider.enabled || !provider.client_ids.is_empty() {
            external.providers.insert(name.to_owned(), provider);
        }
    }
    reader.text("EXTERNAL_REDIRECTURL", &mut external.redirect_url);
    reader.text("EXTERNAL_IOS_BUNDLE_ID", &mut external.ios_bundle_id);
    reader.list("EXTERNAL_ALLOWED_ID_TOKEN_ISSUERS", &mut external.allowed_id_token_issuers);
    reader.duration("EXTERNAL_FLOW_STATE_EXPIRY_DURATION", &mut external.flow_state_expiry);
    external.flow_state_expiry = external.flow_state_expiry.max(Duration::from_secs(300));
    for (name, web3) in [("SOLANA", &mut external.web3_solana), ("ETHEREUM", &mut external.web3_ethereum)] {
        reader.flag(&format!("EXTERNAL_WEB3_{name}_ENABLED"), &mut web3.enabled);
        reader.duration(&format!("EXTERNAL_WEB3_{name}_MAXIMUM_VALIDITY_DURATION"), &mut web3.maximum_validity);
    }
}

fn hooks(reader: &mut Reader<'_>, settings: &mut Settings) {
    for (name, hook) in settings.hooks.named_mut() {
        let variable = |part: &str| format!("HOOK_{}_{part}", name.to_uppercase());
        reader.flag(&variable("ENABLED"), &mut hook.enabled);
        reader.text(&variable("URI"), &mut hook.uri);
        if !hook.uri.is_empty() && !is_hook_uri(&hook.uri) {
            reader.wrong(&variable("URI"), "`pg-functions://postgres/<schema>/<function>`, https, or http on this machine");
        }
        let secrets = reader.optional(&variable("SECRETS")).unwrap_or_default();
        hook.secrets = Hook::secrets_from(&secrets);
        let over_http = !hook.uri.starts_with("pg-functions:");
        if over_http && !secrets.split('|').filter(|secret| !secret.is_empty()).all(is_hook_secret) {
            let expected = "secrets of Standard Webhooks with `|` between them (`v1,whsec_…`)";
            reader.wrong_secret(&variable("SECRETS"), expected.to_owned());
        }
    }
}

fn servers(reader: &mut Reader<'_>, settings: &mut Settings) {
    let saml = &mut settings.saml;
    reader.flag("SAML_ENABLED", &mut saml.enabled);
    saml.private_key = reader.optional("SAML_PRIVATE_KEY").map(Into::into);
    reader.flag("SAML_ALLOW_ENCRYPTED_ASSERTIONS", &mut saml.allow_encrypted_assertions);
    reader.duration("SAML_RELAY_STATE_VALIDITY_PERIOD", &mut saml.relay_state_validity);
    reader.text("SAML_EXTERNAL_URL", &mut saml.external_url);
    reader.number("SAML_RATE_LIMIT_ASSERTION", &mut saml.rate_limit_assertion);
    let server = &mut settings.oauth_server;
    reader.flag("OAUTH_SERVER_ENABLED", &mut server.enabled);
    reader.flag("OAUTH_SERVER_ALLOW_DYNAMIC_REGISTRATION", &mut server.allow_dynamic_registration);
    reader.text("OAUTH_SERVER_AUTHORIZATION_PATH", &mut server.authorization_path);
    reader.duration("OAUTH_SERVER_AUTHORIZATION_TTL", &mut server.authorization_ttl);
    reader.text("OAUTH_SERVER_DEFAULT_SCOPE", &mut server.default_scope);
    let custom = &mut settings.custom_oauth;
    reader.flag("CUSTOM_OAUTH_ENABLED", &mut custom.enabled);
    reader.number("CUSTOM_OAUTH_MAX_PROVIDERS", &mut custom.max_providers);
    reader.text("CUSTOM_OAUTH_EXTERNAL_URL", &mut custom.external_url);
}
