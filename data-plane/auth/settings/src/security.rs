//! Passwords, sessions, second factors and limits.

use std::{collections::BTreeMap, time::Duration};

use secrecy::SecretString;

/// What a new password must be.
#[derive(Clone, Debug)]
pub struct Password {
    /// In characters, at least 6.
    pub min_length: usize,
    /// Sets of characters; of each, a password holds at least one.
    pub required_characters: Vec<String>,
    /// Known leaked passwords are refused (k-anonymity at haveibeenpwned.com).
    pub hibp_enabled: bool,
    /// Refuse where the leak service does not answer, instead of letting the password pass.
    pub hibp_fail_closed: bool,
    pub hibp_user_agent: String,
}

impl Default for Password {
    fn default() -> Self {
        Self {
            min_length: 6,
            required_characters: Vec::new(),
            hibp_enabled: false,
            hibp_fail_closed: false,
            hibp_user_agent: "https://github.com/supabase/gotrue".to_owned(),
        }
    }
}

/// What protects the endpoints and the tokens.
#[derive(Clone, Debug)]
pub struct Security {
    /// `None`: no captcha is asked for.
    pub captcha: Option<Captcha>,
    /// A signed-in user may link a further identity.
    pub manual_linking_enabled: bool,
    pub refresh_token_rotation_enabled: bool,
    /// So long after its use a refresh token may be used again.
    pub refresh_token_reuse_interval: Duration,
    /// A reused refresh token is taken whenever it comes.
    pub refresh_token_allow_reuse: bool,
    /// Those of new sessions.
    pub refresh_tokens: RefreshTokens,
    /// Of a hundred sessions with stored ones that are refreshed, so many go over to signed ones, where new sessions have those.
    pub refresh_token_upgrade_percentage: u8,
    /// A password's change needs a code from `/reauthenticate` if the session is older than a day.
    pub update_password_require_reauthentication: bool,
    /// A password's change needs the current password.
    pub update_password_require_current_password: bool,
    /// The client's address is taken from `Sb-Forwarded-For`, where there is one.
    pub sb_forwarded_for_enabled: bool,
    pub db_encryption: DbEncryption,
}

/// How refresh tokens are told from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshTokens {
    /// Version 1: each has a row.
    Stored,
    /// Version 2: each is a number that its session's key has signed.
    Signed,
}

impl RefreshTokens {
    /// By upstream's number.
    pub(super) fn of(version: &str) -> Option<Self> {
        match version {
            "0" | "1" => Some(Self::Stored),
            "2" => Some(Self::Signed),
            _ => None,
        }
    }
}

/// Encryption of single values in the database: hashes of passwords, secrets of TOTP factors and of custom
/// providers, keys of refresh tokens.
#[derive(Clone, Debug, Default)]
pub struct DbEncryption {
    /// The id of the key that encrypts; `None`: new values are stored as they are.
    pub encrypt_with: Option<String>,
    /// All keys that decrypt, by id: 32 bytes each, in URL-safe base64.
    pub keys: BTreeMap<String, SecretString>,
}

impl Default for Security {
    fn default() -> Self {
        Self {
            captcha: None,
            manual_linking_enabled: false,
            refresh_token_rotation_enabled: true,
            refresh_token_reuse_interval: Duration::ZERO,
            refresh_token_allow_reuse: false,
            refresh_tokens: RefreshTokens::Stored,
            refresh_token_upgrade_percentage: 0,
            update_password_require_reauthentication: false,
            update_password_require_current_password: false,
            sb_forwarded_for_enabled: false,
            db_encryption: DbEncryption::default(),
        }
    }
}

/// A captcha that is asked for.
#[derive(Clone, Debug)]
pub struct Captcha {
    pub provider: CaptchaProvider,
    pub secret: SecretString,
    pub timeout: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptchaProvider {
    HCaptcha,
    Turnstile,
}

impl CaptchaProvider {
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "hcaptcha" => Some(Self::HCaptcha),
            "turnstile" => Some(Self::Turnstile),
            _ => None,
        }
    }
}

/// How long a session lasts.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    /// Since sign-in.
    pub timebox: Option<Duration>,
    /// Since the last refresh.
    pub inactivity_timeout: Option<Duration>,
    /// So long a session may stay at a lower assurance level than its user could have.
    pub allow_low_aal: Option<Duration>,
    /// A user has one session (of each tag).
    pub single_per_user: bool,
    pub tags: Vec<String>,
}

/// Second factors.
#[derive(Clone, Debug)]
pub struct Mfa {
    pub totp: MfaFactor,
    pub phone: MfaPhone,
    pub web_authn: MfaFactor,
    pub max_enrolled_factors: usize,
    pub max_verified_factors: usize,
    pub challenge_expiry: Duration,
    /// A factor never verified may be removed so long after it was made.
    pub factor_expiry: Duration,
    /// Challenges and verifications per address.
    pub challenge_and_verify: Rate,
}

impl Default for Mfa {
    fn default() -> Self {
        Self {
            totp: MfaFactor { enroll_enabled: true, verify_enabled: true },
            phone: MfaPhone::default(),
            web_authn: MfaFactor::default(),
            max_enrolled_factors: 10,
            max_verified_factors: 10,
            challenge_expiry: Duration::from_secs(300),
            factor_expiry: Duration::from_secs(300),
            challenge_and_verify: Rate { events: 15, over: Duration::from_secs(60) },
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub struct MfaFactor {
    pub enroll_enabled: bool,
    pub verify_enabled: bool,
}

#[derive(Clone, Debug)]
pub struct MfaPhone {
    pub factor: MfaFactor,
    pub otp_length: usize,
    /// `{{ .Code }}` is replaced; empty: upstream's sentence.
    pub template: String,
    pub max_frequency: Duration,
}

impl Default for MfaPhone {
    fn default() -> Self {
        Self { factor: MfaFactor::default(), otp_length: 6, template: String::new(), max_frequency: Duration::from_secs(60) }
    }
}

/// Sign-in by passkey.
#[derive(Clone, Copy, Debug)]
pub struct Passkeys {
    pub enabled: bool,
    pub max_per_user: usize,
}

impl Default for Passkeys {
    fn default() -> Self {
        Self { enabled: false, max_per_user: 10 }
    }
}

/// The relying party of passkeys and of WebAuthn factors.
#[derive(Clone, Debug)]
pub struct WebAuthn {
    pub rp_display_name: String,
    /// A domain; empty: the host of the site's URL.
    pub rp_id: String,
    pub rp_origins: Vec<String>,
    pub challenge_expiry: Duration,
}

impl Default for WebAuthn {
    fn default() -> Self {
        Self {
            rp_display_name: String::new(),
            rp_id: String::new(),
            rp_origins: Vec::new(),
            challenge_expiry: Duration::from_secs(300),
        }
    }
}

/// So many events in a time; the events may all come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub events: u32,
    pub over: Duration,
}

impl Rate {
    #[must_use]
    pub const fn per_hour(events: u32) -> Self {
        Self { events, over: Duration::from_secs(3600) }
    }

    #[must_use]
    pub const fn per_five_minutes(events: u32) -> Self {
        Self { events, over: Duration::from_secs(300) }
    }
}

/// Limits. Those of messages are the project's; the others hold per client address.
#[derive(Clone, Debug)]
pub struct RateLimits {
    /// Header that names the client's address, set by a trusted proxy; `None`: the connection's address.
    pub header: Option<String>,
    pub email_sent: Rate,
    pub sms_sent: Rate,
    pub verify: Rate,
    pub token_refresh: Rate,
    pub sso: Rate,
    pub anonymous_users: Rate,
    pub otp: Rate,
    pub web3: Rate,
    pub passkey: Rate,
    pub oauth_dynamic_client_register: Rate,
}

impl RateLimits {
    /// Each with its name in settings.
    pub(super) fn named_mut(&mut self) -> [(&'static str, &mut Rate); 10] {
        [
            ("email_sent", &mut self.email_sent),
            ("sms_sent", &mut self.sms_sent),
            ("verify", &mut self.verify),
            ("token_refresh", &mut self.token_refresh),
            ("sso", &mut self.sso),
            ("anonymous_users", &mut self.anonymous_users),
            ("otp", &mut self.otp),
            ("web3", &mut self.web3),
            ("passkey", &mut self.passkey),
            ("oauth_dynamic_client_register", &mut self.oauth_dynamic_client_register),
        ]
    }
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            header: None,
            email_sent: Rate::per_hour(30),
            sms_sent: Rate::per_hour(30),
            verify: Rate::per_five_minutes(30),
            token_refresh: Rate::per_five_minutes(150),
            sso: Rate::per_five_minutes(30),
            anonymous_users: Rate::per_hour(30),
            otp: Rate::per_five_minutes(30),
            web3: Rate::per_five_minutes(30),
            passkey: Rate::per_five_minutes(30),
            oauth_dynamic_client_register: Rate::per_five_minutes(10),
        }
    }
}
