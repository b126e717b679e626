//! The document's keys: what each may hold, what it holds where nothing was set, and which are secret.

use serde_json::{Value, json};

/// One key.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) key: &'static str,
    pub(super) kind: Kind,
    default: Default,
    pub(super) secret: bool,
}

#[derive(Debug)]
pub(super) enum Kind {
    Flag,
    /// From, to.
    Int(i64, i64),
    /// A number of hours, not negative.
    Hours,
    Text(Form),
    OneOf(&'static [&'static str]),
}

/// What a text must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Any,
    /// An absolute URL without a comma; an app's own scheme, too.
    Address,
    Domain,
    Email,
    HookSecrets,
    HookUri,
    Host,
    Origins,
    Path,
    Patterns,
    Port,
    Tags,
    TestOtp,
    Time,
    WebUrl,
}

#[derive(Clone, Copy, Debug)]
enum Default {
    None,
    Flag(bool),
    Int(i64),
    Text(&'static str),
}

impl Field {
    /// What the key holds where nothing was set.
    pub(super) fn default(&self) -> Value {
        match self.default {
            Default::None => Value::Null,
            Default::Flag(on) => json!(on),
            Default::Int(number) => json!(number),
            Default::Text(text) => json!(text),
        }
    }
}

pub(super) fn find(key: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.key == key)
}

const fn flag(key: &'static str, on: bool) -> Field {
    Field { key, kind: Kind::Flag, default: Default::Flag(on), secret: false }
}

const fn int(key: &'static str, from: i64, to: i64, default: Option<i64>) -> Field {
    let default = match default {
        Some(number) => Default::Int(number),
        None => Default::None,
    };
    Field { key, kind: Kind::Int(from, to), default, secret: false }
}

const fn hours(key: &'static str) -> Field {
    Field { key, kind: Kind::Hours, default: Default::Int(0), secret: false }
}

const fn text(key: &'static str, form: Form, default: Option<&'static str>) -> Field {
    let default = match default {
        Some(text) => Default::Text(text),
        None => Default::None,
    };
    Field { key, kind: Kind::Text(form), default, secret: false }
}

const fn secret(key: &'static str, form: Form) -> Field {
    Field { key, kind: Kind::Text(form), default: Default::None, secret: true }
}

const fn one_of(key: &'static str, all: &'static [&'static str]) -> Field {
    Field { key, kind: Kind::OneOf(all), default: Default::None, secret: false }
}

/// The choices that the Management API gives; any other set of characters has no key.
const PASSWORD_CHARACTERS: [&str; 4] = [
    "",
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:0123456789",
    "abcdefghijklmnopqrstuvwxyz:ABCDEFGHIJKLMNOPQRSTUVWXYZ:0123456789",
    r#"abcdefghijklmnopqrstuvwxyz:ABCDEFGHIJKLMNOPQRSTUVWXYZ:0123456789:!@#$%^&*()_+-=[]{};'\\:"|<>?,./`~"#,
];

/// All keys, by name.
pub(super) static FIELDS: [Field; 238] = [
    int("api_max_request_duration", 1, 3600, Some(10)),
    flag("custom_oauth_enabled", true),
    int("custom_oauth_max_providers", 0, i32::MAX as i64, Some(0)),
    int("db_max_pool_size", 1, 10000, None),
    one_of("db_max_pool_size_unit", &["connections", "percent"]),
    flag("disable_signup", false),
    flag("external_anonymous_users_enabled", false),
    text("external_apple_additional_client_ids", Form::Any, None),
    text("external_apple_client_id", Form::Any, None),
    flag("external_apple_email_optional", false),
    flag("external_apple_enabled", false),
    secret("external_apple_secret", Form::Any),
    text("external_azure_client_id", Form::Any, None),
    flag("external_azure_email_optional", false),
    flag("external_azure_enabled", false),
    secret("external_azure_secret", Form::Any),
    text("external_azure_url", Form::Any, None),
    text("external_bitbucket_client_id", Form::Any, None),
    flag("external_bitbucket_email_optional", false),
    flag("external_bitbucket_enabled", false),
    secret("external_bitbucket_secret", Form::Any),
    text("external_discord_client_id", Form::Any, None),
    flag("external_discord_email_optional", false),
    flag("external_discord_enabled", false),
    secret("external_discord_secret", Form::Any),
    flag("external_email_enabled", true),
    text("external_facebook_client_id", Form::Any, None),
    flag("external_facebook_email_optional", false),
    flag("external_facebook_enabled", false),
    secret("external_facebook_secret", Form::Any),
    text("external_figma_client_id", Form::Any, None),
    flag("external_figma_email_optional", false),
    flag("external_figma_enabled", false),
    secret("external_figma_secret", Form::Any),
    text("external_github_client_id", Form::Any, None),
    flag("external_github_email_optional", false),
    flag("external_github_enabled", false),
    secret("external_github_secret", Form::Any),
    text("external_gitlab_client_id", Form::Any, None),
    flag("external_gitlab_email_optional", false),
    flag("external_gitlab_enabled", false),
    secret("external_gitlab_secret", Form::Any),
    text("external_gitlab_url", Form::Any, None),
    text("external_google_additional_client_ids", Form::Any, None),
    text("external_google_client_id", Form::Any, None),
    flag("external_google_email_optional", false),
    flag("external_google_enabled", false),
    secret("external_google_secret", Form::Any),
    flag("external_google_skip_nonce_check", false),
    text("external_kakao_client_id", Form::Any, None),
    flag("external_kakao_email_optional", false),
    flag("external_kakao_enabled", false),
    secret("external_kakao_secret", Form::Any),
    text("external_keycloak_client_id", Form::Any, None),
    flag("external_keycloak_email_optional", false),
    flag("external_keycloak_enabled", false),
    secret("external_keycloak_secret", Form::Any),
    text("external_keycloak_url", Form::Any, None),
    text("external_linkedin_oidc_client_id", Form::Any, None),
    flag("external_linkedin_oidc_email_optional", false),
    flag("external_linkedin_oidc_enabled", false),
    secret("external_linkedin_oidc_secret", Form::Any),
    text("external_notion_client_id", Form::Any, None),
    flag("external_notion_email_optional", false),
    flag("external_notion_enabled", false),
    secret("external_notion_secret", Form::Any),
    flag("external_phone_enabled", false),
    text("external_slack_client_id", Form::Any, None),
    flag("external_slack_email_optional", false),
    flag("external_slack_enabled", false),
    text("external_slack_oidc_client_id", Form::Any, None),
    flag("external_slack_oidc_email_optional", false),
    flag("external_slack_oidc_enabled", false),
    secret("external_slack_oidc_secret", Form::Any),
    secret("external_slack_secret", Form::Any),
    text("external_spotify_client_id", Form::Any, None),
    flag("external_spotify_email_optional", false),
    flag("external_spotify_enabled", false),
    secret("external_spotify_secret", Form::Any),
    text("external_twitch_client_id", Form::Any, None),
    flag("external_twitch_email_optional", false),
    flag("external_twitch_enabled", false),
    secret("external_twitch_secret", Form::Any),
    text("external_twitter_client_id", Form::Any, None),
    flag("external_twitter_email_optional", false),
    flag("external_twitter_enabled", false),
    secret("external_twitter_secret", Form::Any),
    flag("external_web3_ethereum_enabled", false),
    flag("external_web3_solana_enabled", false),
    text("external_workos_client_id", Form::Any, None),
    flag("external_workos_enabled", false),
    secret("external_workos_secret", Form::Any),
    text("external_workos_url", Form::Any, None),
    text("external_x_client_id", Form::Any, None),
    flag("external_x_email_optional", false),
    flag("external_x_enabled", false),
    secret("external_x_secret", Form::Any),
    text("external_zoom_client_id", Form::Any, None),
    flag("external_zoom_email_optional", false),
    flag("external_zoom_enabled", false),
    secret("external_zoom_secret", Form::Any),
    flag("hook_after_user_created_enabled", false),
    secret("hook_after_user_created_secrets", Form::HookSecrets),
    text("hook_after_user_created_uri", Form::HookUri, None),
    flag("hook_before_user_created_enabled", false),
    secret("hook_before_user_created_secrets", Form::HookSecrets),
    text("hook_before_user_created_uri", Form::HookUri, None),
    flag("hook_custom_access_token_enabled", false),
    secret("hook_custom_access_token_secrets", Form::HookSecrets),
    text("hook_custom_access_token_uri", Form::HookUri, None),
    flag("hook_mfa_verification_attempt_enabled", false),
    secret("hook_mfa_verification_attempt_secrets", Form::HookSecrets),
    text("hook_mfa_verification_attempt_uri", Form::HookUri, None),
    flag("hook_password_verification_attempt_enabled", false),
    secret("hook_password_verification_attempt_secrets", Form::HookSecrets),
    text("hook_password_verification_attempt_uri", Form::HookUri, None),
    flag("hook_send_email_enabled", false),
    secret("hook_send_email_secrets", Form::HookSecrets),
    text("hook_send_email_uri", Form::HookUri, None),
    flag("hook_send_sms_enabled", false),
    secret("hook_send_sms_secrets", Form::HookSecrets),
    text("hook_send_sms_uri", Form::HookUri, None),
    int("jwt_exp", 0, 604800, Some(3600)),
    flag("mailer_allow_unverified_email_sign_ins", false),
    flag("mailer_autoconfirm", false),
    flag("mailer_notifications_email_changed_enabled", false),
    flag("mailer_notifications_identity_linked_enabled", false),
    flag("mailer_notifications_identity_unlinked_enabled", false),
    flag("mailer_notifications_mfa_factor_enrolled_enabled", false),
    flag("mailer_notifications_mfa_factor_unenrolled_enabled", false),
    flag("mailer_notifications_password_changed_enabled", false),
    flag("mailer_notifications_phone_changed_enabled", false),
    int("mailer_otp_exp", 0, i32::MAX as i64, Some(3600)),
    int("mailer_otp_length", 6, 10, Some(6)),
    flag("mailer_secure_email_change_enabled", true),
    text("mailer_subjects_confirmation", Form::Any, None),
    text("mailer_subjects_email_change", Form::Any, None),
    text("mailer_subjects_email_changed_notification", Form::Any, None),
    text("mailer_subjects_identity_linked_notification", Form::Any, None),
    text("mailer_subjects_identity_unlinked_notification", Form::Any, None),
    text("mailer_subjects_invite", Form::Any, None),
    text("mailer_subjects_magic_link", Form::Any, None),
    text("mailer_subjects_mfa_factor_enrolled_notification", Form::Any, None),
    text("mailer_subjects_mfa_factor_unenrolled_notification", Form::Any, None),
    text("mailer_subjects_password_changed_notification", Form::Any, None),
    text("mailer_subjects_phone_changed_notification", Form::Any, None),
    text("mailer_subjects_reauthentication", Form::Any, None),
    text("mailer_subjects_recovery", Form::Any, None),
    text("mailer_templates_confirmation_content", Form::Any, None),
    text("mailer_templates_email_change_content", Form::Any, None),
    text("mailer_templates_email_changed_notification_content", Form::Any, None),
    text("mailer_templates_identity_linked_notification_content", Form::Any, None),
    text("mailer_templates_identity_unlinked_notification_content", Form::Any, None),
    text("mailer_templates_invite_content", Form::Any, None),
    text("mailer_templates_magic_link_content", Form::Any, None),
    text("mailer_templates_mfa_factor_enrolled_notification_content", Form::Any, None),
    text("mailer_templates_mfa_factor_unenrolled_notification_content", Form::Any, None),
    text("mailer_templates_password_changed_notification_content", Form::Any, None),
    text("mailer_templates_phone_changed_notification_content", Form::Any, None),
    text("mailer_templates_reauthentication_content", Form::Any, None),
    text("mailer_templates_recovery_content", Form::Any, None),
    int("mfa_max_enrolled_factors", 0, i32::MAX as i64, Some(10)),
    flag("mfa_phone_enroll_enabled", false),
    int("mfa_phone_max_frequency", 0, i16::MAX as i64, Some(60)),
    int("mfa_phone_otp_length", 6, 10, Some(6)),
    text("mfa_phone_template", Form::Any, Some("Your code is {{ .Code }}")),
    flag("mfa_phone_verify_enabled", false),
    flag("mfa_totp_enroll_enabled", true),
    flag("mfa_totp_verify_enabled", true),
    flag("mfa_web_authn_enroll_enabled", false),
    flag("mfa_web_authn_verify_enabled", false),
    text("nimbus_oauth_client_id", Form::Any, None),
    secret("nimbus_oauth_client_secret", Form::Any),
    flag("nimbus_oauth_email_optional", false),
    flag("oauth_server_allow_dynamic_registration", false),
    text("oauth_server_authorization_path", Form::Path, None),
    flag("oauth_server_enabled", false),
    flag("passkey_enabled", false),
    flag("password_hibp_enabled", false),
    int("password_min_length", 6, i16::MAX as i64, Some(6)),
    one_of("password_required_characters", &PASSWORD_CHARACTERS),
    int("rate_limit_anonymous_users", 1, i32::MAX as i64, Some(30)),
    int("rate_limit_email_sent", 1, i32::MAX as i64, Some(30)),
    int("rate_limit_otp", 1, i32::MAX as i64, Some(30)),
    int("rate_limit_sms_sent", 1, i32::MAX as i64, Some(30)),
    int("rate_limit_token_refresh", 1, i32::MAX as i64, Some(150)),
    int("rate_limit_verify", 1, i32::MAX as i64, Some(30)),
    int("rate_limit_web3", 1, i32::MAX as i64, Some(30)),
    flag("refresh_token_rotation_enabled", true),
    flag("saml_allow_encrypted_assertions", false),
    flag("saml_enabled", false),
    text("saml_external_url", Form::WebUrl, None),
    flag("security_captcha_enabled", false),
    one_of("security_captcha_provider", &["hcaptcha", "turnstile"]),
    secret("security_captcha_secret", Form::Any),
    flag("security_manual_linking_enabled", false),
    int("security_refresh_token_reuse_interval", 0, i32::MAX as i64, Some(10)),
    flag("security_sb_forwarded_for_enabled", false),
    flag("security_update_password_require_current_password", false),
    flag("security_update_password_require_reauthentication", false),
    hours("sessions_inactivity_timeout"),
    flag("sessions_single_per_user", false),
    text("sessions_tags", Form::Tags, None),
    hours("sessions_timebox"),
    text("site_url", Form::Address, Some("http://localhost:3000")),
    flag("sms_autoconfirm", false),
    int("sms_max_frequency", 0, i16::MAX as i64, Some(60)),
    secret("sms_messagebird_access_key", Form::Any),
    text("sms_messagebird_originator", Form::Any, None),
    int("sms_otp_exp", 0, i32::MAX as i64, Some(60)),
    int("sms_otp_length", 6, 10, Some(6)),
    one_of("sms_provider", &["messagebird", "textlocal", "twilio", "twilio_verify", "vonage"]),
    text("sms_template", Form::Any, Some("Your code is {{ .Code }}")),
    text("sms_test_otp", Form::TestOtp, None),
    text("sms_test_otp_valid_until", Form::Time, None),
    secret("sms_textlocal_api_key", Form::Any),
    text("sms_textlocal_sender", Form::Any, None),
    text("sms_twilio_account_sid", Form::Any, None),
    secret("sms_twilio_auth_token", Form::Any),
    text("sms_twilio_content_sid", Form::Any, None),
    text("sms_twilio_message_service_sid", Form::Any, None),
    text("sms_twilio_verify_account_sid", Form::Any, None),
    secret("sms_twilio_verify_auth_token", Form::Any),
    text("sms_twilio_verify_message_service_sid", Form::Any, None),
    text("sms_vonage_api_key", Form::Any, None),
    secret("sms_vonage_api_secret", Form::Any),
    text("sms_vonage_from", Form::Any, None),
    text("smtp_admin_email", Form::Email, None),
    text("smtp_host", Form::Host, None),
    int("smtp_max_frequency", 0, i16::MAX as i64, Some(60)),
    secret("smtp_pass", Form::Any),
    text("smtp_port", Form::Port, None),
    text("smtp_sender_name", Form::Any, None),
    text("smtp_user", Form::Any, None),
    text("uri_allow_list", Form::Patterns, Some("")),
    text("webauthn_rp_display_name", Form::Any, None),
    text("webauthn_rp_id", Form::Domain, None),
    text("webauthn_rp_origins", Form::Origins, None),
];
