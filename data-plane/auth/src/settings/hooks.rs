//! Where Auth asks the project before or after it acts.

use secrecy::SecretString;

/// All of them; one that is switched off is not asked.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    pub custom_access_token: Hook,
    pub mfa_verification_attempt: Hook,
    pub password_verification_attempt: Hook,
    pub send_sms: Hook,
    pub send_email: Hook,
    pub before_user_created: Hook,
    pub after_user_created: Hook,
}

/// One hook.
#[derive(Clone, Debug, Default)]
pub struct Hook {
    pub enabled: bool,
    /// `pg-functions://<database>/<schema>/<function>`, or `https://…`.
    pub uri: String,
    /// Of Standard Webhooks (`v1,whsec_…`); each signs. Only for https.
    pub secrets: Vec<SecretString>,
}
