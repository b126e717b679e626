//! What the document means.

use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Document, ProjectFacts};
use crate::environment::value::character_sets;
use crate::external::PROVIDERS;
use crate::{AllowList, Captcha, CaptchaProvider, Hook, MailKind, PoolSize, Provider, Settings, SmsProvider, Template, TestOtps};

/// The audience and the role of a project's users.
const AUTHENTICATED: &str = "authenticated";

impl Document {
    /// The settings that a project with this document has.
    #[must_use]
    pub fn to_settings(&self, facts: &ProjectFacts) -> Settings {
        let mut settings = Settings::default();
        facts.external_url.trim_end_matches('/').clone_into(&mut settings.api.external_url);
        settings.api.site_url = self.text_or_default("site_url");
        settings.api.max_request_duration = self.seconds("api_max_request_duration");
        settings.jwt.secret = facts.jwt_secret.clone();
        settings.jwt.secret_verifies = facts.keys.secret_verifies;
        settings.jwt.keys = facts.keys.listed.clone();
        settings.jwt.exp = self.seconds("jwt_exp");
        AUTHENTICATED.clone_into(&mut settings.jwt.aud);
        AUTHENTICATED.clone_into(&mut settings.jwt.default_group_name);
        settings.db.max_pool_size = self.pool_size();
        // Patterns were read when they were set.
        settings.uri_allow_list = AllowList::parse(&self.text_or_default("uri_allow_list")).unwrap_or_default();
        self.signup(&mut settings);
        self.mail(&mut settings);
        self.sms(&mut settings);
        self.security(&mut settings);
        self.mfa(&mut settings);
        self.limits(&mut settings);
        self.external(&mut settings);
        self.hooks(&mut settings);
        self.servers(&mut settings, facts);
        settings
    }

    fn pool_size(&self) -> Option<PoolSize> {
        let size = self.value("db_max_pool_size").as_u64()?;
        Some(match self.text("db_max_pool_size_unit") {
            Some("percent") => PoolSize::Percent(u8::try_from(size.min(100)).unwrap_or(100)),
            _ => PoolSize::Connections(u32::try_from(size).unwrap_or(u32::MAX)),
        })
    }

    fn signup(&self, settings: &mut Settings) {
        let signup = &mut settings.signup;
        signup.disabled = self.flag("disable_signup");
        signup.anonymous_users = self.flag("external_anonymous_users_enabled");
        signup.email = self.flag("external_email_enabled");
        signup.phone = self.flag("external_phone_enabled");
    }

    fn mail(&self, settings: &mut Settings) {
        let mailer = &mut settings.mailer;
        mailer.autoconfirm = self.flag("mailer_autoconfirm");
        mailer.allow_unverified_email_sign_ins = self.flag("mailer_allow_unverified_email_sign_ins");
        mailer.otp_exp = self.seconds("mailer_otp_exp");
        mailer.otp_length = self.number("mailer_otp_length");
        mailer.secure_email_change_enabled = self.flag("mailer_secure_email_change_enabled");
        mailer.max_frequency = self.seconds_or_none("smtp_max_frequency");
        for kind in MailKind::ALL {
            if let Some(subject) = self.text(&format!("mailer_subjects_{}", kind.name())) {
                mailer.subjects.insert(kind, subject.to_owned());
            }
            if let Some(body) = self.text(&format!("mailer_templates_{}_content", kind.name())) {
                mailer.templates.insert(kind, Template::Body(body.to_owned()));
            }
            if kind.event().is_some_and(|event| self.flag(&format!("mailer_notifications_{event}_enabled"))) {
                mailer.notifications.insert(kind);
            }
        }
        let smtp = &mut settings.smtp;
        smtp.host = self.text("smtp_host").map(str::to_owned);
        if let Some(port) = self.text("smtp_port").and_then(|port| port.parse().ok()) {
            smtp.port = port;
        }
        smtp.user = self.text_or_default("smtp_user");
        smtp.pass = self.text("smtp_pass").map(Into::into);
        smtp.admin_email = self.text_or_default("smtp_admin_email");
        smtp.sender_name = self.text_or_default("smtp_sender_name");
    }

    fn sms(&self, settings: &mut Settings) {
        let sms = &mut settings.sms;
        sms.autoconfirm = self.flag("sms_autoconfirm");
        sms.max_frequency = self.seconds_or_none("sms_max_frequency");
        sms.otp_exp = self.seconds("sms_otp_exp");
        sms.otp_length = self.number("sms_otp_length");
        sms.template = self.text_or_default("sms_template");
        sms.provider = self
            .text("sms_provider")
            .and_then(|name| SmsProvider::from_parts(name, |part| self.text(&format!("sms_{part}")).map(str::to_owned)));
        sms.test_otp = TestOtps {
            codes: TestOtps::parse(&self.text_or_default("sms_test_otp"), '=').unwrap_or_default(),
            valid_until: self.text("sms_test_otp_valid_until").and_then(|until| OffsetDateTime::parse(until, &Rfc3339).ok()),
        };
    }

    fn security(&self, settings: &mut Settings) {
        let password = &mut settings.password;
        password.min_length = self.number("password_min_length");
        password.required_characters = character_sets(self.text("password_required_characters").unwrap_or_default());
        password.hibp_enabled = self.flag("password_hibp_enabled");
        let security = &mut settings.security;
        let provider = self.text("security_captcha_provider").and_then(CaptchaProvider::of);
        let secret = self.text("security_captcha_secret").filter(|_| self.flag("security_captcha_enabled"));
        security.captcha = secret.map(|secret| Captcha {
            provider: provider.unwrap_or(CaptchaProvider::HCaptcha),
            secret: secret.into(),
            timeout: Duration::from_secs(10),
        });
        security.manual_linking_enabled = self.flag("security_manual_linking_enabled");
        security.refresh_token_rotation_enabled = self.flag("refresh_token_rotation_enabled");
        security.refresh_token_reuse_interval = self.seconds_or_none("security_refresh_token_reuse_interval");
        security.update_password_require_reauthentication = self.flag("security_update_password_require_reauthentication");
        security.update_password_require_current_password = self.flag("security_update_password_require_current_password");
        security.sb_forwarded_for_enabled = self.flag("security_sb_forwarded_for_enabled");
        let sessions = &mut settings.sessions;
        sessions.timebox = self.hours("sessions_timebox");
        sessions.inactivity_timeout = self.hours("sessions_inactivity_timeout");
        sessions.single_per_user = self.flag("sessions_single_per_user");
        sessions.tags = list(self.text("sessions_tags"));
    }

    fn mfa(&self, settings: &mut Settings) {
        let mfa = &mut settings.mfa;
        for (name, factor) in [("totp", &mut mfa.totp), ("phone", &mut mfa.phone.factor), ("web_authn", &mut mfa.web_authn)] {
            factor.enroll_enabled = self.flag(&format!("mfa_{name}_enroll_enabled"));
            factor.verify_enabled = self.flag(&format!("mfa_{name}_verify_enabled"));
        }
        mfa.max_enrolled_factors = self.number("mfa_max_enrolled_factors");
        mfa.phone.otp_length = self.number("mfa_phone_otp_length");
        mfa.phone.template = self.text_or_default("mfa_phone_template");
        mfa.phone.max_frequency = self.seconds_or_none("mfa_phone_max_frequency");
        settings.passkeys.enabled = self.flag("passkey_enabled");
        settings.web_authn.rp_display_name = self.text_or_default("webauthn_rp_display_name");
        settings.web_authn.rp_id = self.text_or_default("webauthn_rp_id");
        settings.web_authn.rp_origins = list(self.text("webauthn_rp_origins"));
    }

    fn limits(&self, settings: &mut Settings) {
        for (name, limit) in settings.rate_limits.named_mut() {
            if let Some(events) = self.value(&format!("rate_limit_{name}")).as_u64() {
                limit.events = u32::try_from(events).unwrap_or(u32::MAX);
            }
        }
    }

    fn external(&self, settings: &mut Settings) {
        for name in PROVIDERS {
            let key = |part: &str| format!("external_{name}_{part}");
            let mut client_ids = list(self.text(&key("client_id")));
            client_ids.extend(list(self.text(&key("additional_client_ids"))));
            let provider = Provider {
                enabled: self.flag(&key("enabled")),
                client_ids,
                secret: self.text(&key("secret")).map(Into::into),
                url: self.text_or_default(&key("url")),
                skip_nonce_check: self.flag(&key("skip_nonce_check")),
                email_optional: self.flag(&key("email_optional")),
                ..Provider::default()
            };
            if provider.enabled || !provider.client_ids.is_empty() {
                settings.external.providers.insert(name.to_owned(), provider);
            }
        }
        settings.external.web3_solana.enabled = self.flag("external_web3_solana_enabled");
        settings.external.web3_ethereum.enabled = self.flag("external_web3_ethereum_enabled");
    }

    fn hooks(&self, settings: &mut Settings) {
        for (name, hook) in settings.hooks.named_mut() {
            hook.enabled = self.flag(&format!("hook_{name}_enabled"));
            hook.uri = self.text_or_default(&format!("hook_{name}_uri"));
            hook.secrets = Hook::secrets_from(self.text(&format!("hook_{name}_secrets")).unwrap_or_default());
        }
    }

    fn servers(&self, settings: &mut Settings, facts: &ProjectFacts) {
        let saml = &mut settings.saml;
        saml.enabled = self.flag("saml_enabled");
        saml.private_key = facts.saml_private_key.clone();
        saml.allow_encrypted_assertions = self.flag("saml_allow_encrypted_assertions");
        saml.external_url = self.text_or_default("saml_external_url");
        let server = &mut settings.oauth_server;
        server.enabled = self.flag("oauth_server_enabled");
        server.allow_dynamic_registration = self.flag("oauth_server_allow_dynamic_registration");
        server.authorization_path = self.text_or_default("oauth_server_authorization_path");
        settings.custom_oauth.enabled = self.flag("custom_oauth_enabled");
        settings.custom_oauth.max_providers = self.number("custom_oauth_max_providers");
    }

    fn text_or_default(&self, key: &str) -> String {
        self.value(key).as_str().unwrap_or_default().to_owned()
    }

    fn number(&self, key: &str) -> usize {
        self.value(key).as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or_default()
    }

    /// A time that makes no sense as 0, which upstream takes for the default.
    fn seconds(&self, key: &str) -> Duration {
        let default = || super::field::find(key).map(super::Field::default).and_then(|value| value.as_u64());
        let set = self.value(key).as_u64().filter(|seconds| *seconds > 0);
        Duration::from_secs(set.or_else(default).unwrap_or_default())
    }

    /// A time that may be 0.
    fn seconds_or_none(&self, key: &str) -> Duration {
        Duration::from_secs(self.value(key).as_u64().unwrap_or_default())
    }

    fn hours(&self, key: &str) -> Option<Duration> {
        let hours = Value::as_f64(&self.value(key)).filter(|hours| *hours > 0.0)?;
        Duration::try_from_secs_f64(hours * 3600.0).ok()
    }
}

fn list(text: Option<&str>) -> Vec<String> {
    text.unwrap_or_default().split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
}
