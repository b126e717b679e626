//! Messages to phones, and the table of fixed codes.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use time::OffsetDateTime;

/// What is sent to phones, and by whom.
#[derive(Clone, Debug)]
pub struct Sms {
    /// Numbers count as confirmed without a message.
    pub autoconfirm: bool,
    /// Two messages to one number are at least so far apart.
    pub max_frequency: Duration,
    /// How long a code is valid.
    pub otp_exp: Duration,
    /// 6 to 10 digits.
    pub otp_length: usize,
    /// `{{ .Code }}` is replaced; empty: upstream's sentence.
    pub template: String,
    /// `None`: nothing can be sent.
    pub provider: Option<SmsProvider>,
    /// Numbers (digits only) with a fixed code, to which nothing is sent.
    pub test_otp: TestOtps,
}

impl Default for Sms {
    fn default() -> Self {
        Self {
            autoconfirm: false,
            max_frequency: Duration::from_secs(60),
            otp_exp: Duration::from_secs(60),
            otp_length: 6,
            template: String::new(),
            provider: None,
            test_otp: TestOtps::default(),
        }
    }
}

/// The chosen provider with its credentials.
#[derive(Clone, Debug)]
pub enum SmsProvider {
    Twilio { account_sid: String, auth_token: SecretString, message_service_sid: String, content_sid: Option<String> },
    TwilioVerify { account_sid: String, auth_token: SecretString, message_service_sid: String },
    MessageBird { access_key: SecretString, originator: String },
    TextLocal { api_key: SecretString, sender: String },
    Vonage { api_key: String, api_secret: SecretString, from: String },
}

impl SmsProvider {
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Twilio { .. } => "twilio",
            Self::TwilioVerify { .. } => "twilio_verify",
            Self::MessageBird { .. } => "messagebird",
            Self::TextLocal { .. } => "textlocal",
            Self::Vonage { .. } => "vonage",
        }
    }
}

/// Fixed codes by phone number or address, for tests and for the reviewers of app stores.
#[derive(Clone, Debug, Default)]
pub struct TestOtps {
    pub codes: BTreeMap<String, String>,
    /// After this the table counts as empty.
    pub valid_until: Option<OffsetDateTime>,
}

impl TestOtps {
    /// The code of `who`, if it has one now.
    #[must_use]
    pub fn code(&self, who: &str, now: OffsetDateTime) -> Option<&str> {
        if self.valid_until.is_some_and(|until| now >= until) {
            return None;
        }
        self.codes.get(who).map(String::as_str)
    }
}
