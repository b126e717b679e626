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
    /// The names that a provider may have in settings.
    pub const NAMES: [&str; 5] = ["messagebird", "textlocal", "twilio", "twilio_verify", "vonage"];

    /// The provider of this name, its credentials (`twilio_auth_token`, …) asked for one by one. What is missing is empty:
    /// that nothing can be sent without it shows when something is to be sent.
    pub fn from_parts(name: &str, mut part: impl FnMut(&'static str) -> Option<String>) -> Option<Self> {
        let mut text = |key| part(key).unwrap_or_default();
        Some(match name {
            "twilio" => Self::Twilio {
                account_sid: text("twilio_account_sid"),
                auth_token: text("twilio_auth_token").into(),
                message_service_sid: text("twilio_message_service_sid"),
                content_sid: Some(text("twilio_content_sid")).filter(|sid| !sid.is_empty()),
            },
            "twilio_verify" => Self::TwilioVerify {
                account_sid: text("twilio_verify_account_sid"),
                auth_token: text("twilio_verify_auth_token").into(),
                message_service_sid: text("twilio_verify_message_service_sid"),
            },
            "messagebird" => Self::MessageBird {
                access_key: text("messagebird_access_key").into(),
                originator: text("messagebird_originator"),
            },
            "textlocal" => Self::TextLocal { api_key: text("textlocal_api_key").into(), sender: text("textlocal_sender") },
            "vonage" => Self::Vonage {
                api_key: text("vonage_api_key"),
                api_secret: text("vonage_api_secret").into(),
                from: text("vonage_from"),
            },
            _ => return None,
        })
    }

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
    /// From `who<separator>code,…`; the error is the entry that is none.
    pub fn parse(list: &str, separator: char) -> Result<BTreeMap<String, String>, String> {
        list.split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(|entry| match entry.split_once(separator) {
                Some((who, code)) if !who.trim().is_empty() && !code.trim().is_empty() => {
                    Ok((normalized(who), code.trim().to_owned()))
                }
                _ => Err(entry.to_owned()),
            })
            .collect()
    }

    /// The code of `who`, if it has one now.
    #[must_use]
    pub fn code(&self, who: &str, now: OffsetDateTime) -> Option<&str> {
        if self.valid_until.is_some_and(|until| now >= until) {
            return None;
        }
        self.codes.get(who).map(String::as_str)
    }
}

/// Numbers without `+` and spaces, addresses in lower case.
fn normalized(who: &str) -> String {
    who.trim().trim_start_matches('+').replace(' ', "").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_codes_hold_until_their_end() {
        let codes = TestOtps::parse("+49 151 1: 123456, A@b.test:000000,", ':').unwrap();
        assert_eq!(codes.keys().collect::<Vec<_>>(), ["491511", "a@b.test"]);
        let end = OffsetDateTime::UNIX_EPOCH + time::Duration::days(1);
        let otps = TestOtps { codes, valid_until: Some(end) };
        assert_eq!(otps.code("491511", OffsetDateTime::UNIX_EPOCH), Some("123456"));
        assert_eq!(otps.code("491511", end), None);
        assert_eq!(TestOtps::parse("491511", ':'), Err("491511".to_owned()));
    }
}
