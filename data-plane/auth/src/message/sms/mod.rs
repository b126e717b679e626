//! SMS: the providers that carry messages.

mod messagebird;
mod textlocal;
mod twilio;
mod vonage;

use secrecy::SecretString;
use serde::Deserialize;

use crate::outgoing::http::{Answer, HttpClient, HttpError};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Channel {
    #[default]
    Sms,
    /// By Twilio and Twilio Verify alone.
    Whatsapp,
}

impl Channel {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Whatsapp => "whatsapp",
        }
    }
}

/// Whose messages, and with which account. `base_url` stands for the provider's own address if there is one.
#[derive(Debug, Clone)]
pub enum SmsProvider {
    Twilio {
        account_sid: String,
        auth_token: SecretString,
        /// A messaging service (`MG…`) or a sender's number or name.
        message_service_sid: String,
        /// For WhatsApp: an approved template, filled with the code.
        content_sid: Option<String>,
        base_url: Option<String>,
    },
    /// Makes, sends and checks the codes itself.
    TwilioVerify {
        account_sid: String,
        auth_token: SecretString,
        message_service_sid: String,
        base_url: Option<String>,
    },
    Messagebird {
        access_key: SecretString,
        originator: String,
        base_url: Option<String>,
    },
    Vonage {
        api_key: String,
        api_secret: SecretString,
        from: String,
        base_url: Option<String>,
    },
    Textlocal {
        api_key: SecretString,
        sender: String,
        base_url: Option<String>,
    },
}

/// A message to a phone.
#[derive(Debug, Clone)]
pub struct Sms<'a> {
    /// E.164 without its `+`.
    pub phone: &'a str,
    pub text: &'a str,
    /// The code within the text, for templates of WhatsApp.
    pub code: &'a str,
    pub channel: Channel,
}

#[derive(Debug, thiserror::Error)]
pub enum SmsError {
    #[error("the provider could not be asked")]
    Http(#[from] HttpError),
    /// In the provider's words, which go into the answer to the client.
    #[error("{0}")]
    Provider(String),
    #[error("the provider's answer (status {0}) can't be read")]
    Answer(u16),
    #[error("channel type \"whatsapp\" is not supported by this provider")]
    Channel,
    #[error("this provider checks no codes")]
    Checks,
}

impl SmsProvider {
    /// By its name in settings, whether it makes and checks codes itself; see [`check_code`](Self::check_code).
    pub fn checks_codes(&self) -> bool {
        matches!(self, Self::TwilioVerify { .. })
    }

    pub fn carries(&self, channel: Channel) -> bool {
        channel == Channel::Sms || matches!(self, Self::Twilio { .. } | Self::TwilioVerify { .. })
    }

    /// Sends a message; its id is the provider's.
    pub async fn send(&self, client: &HttpClient, sms: &Sms<'_>) -> Result<String, SmsError> {
        if !self.carries(sms.channel) {
            return Err(SmsError::Channel);
        }
        match self {
            Self::Twilio { account_sid, auth_token, message_service_sid, content_sid, base_url } => {
                let account = twilio::Account { sid: account_sid, token: auth_token, base_url: base_url.as_deref() };
                twilio::send(client, &account, message_service_sid, content_sid.as_deref(), sms).await
            }
            Self::TwilioVerify { account_sid, auth_token, message_service_sid, base_url } => {
                let account = twilio::Account { sid: account_sid, token: auth_token, base_url: base_url.as_deref() };
                twilio::start_verification(client, &account, message_service_sid, sms).await
            }
            Self::Messagebird { access_key, originator, base_url } => {
                messagebird::send(client, base_url.as_deref(), access_key, originator, sms).await
            }
            Self::Vonage { api_key, api_secret, from, base_url } => {
                vonage::send(client, base_url.as_deref(), (api_key, api_secret), from, sms).await
            }
            Self::Textlocal { api_key, sender, base_url } => {
                textlocal::send(client, base_url.as_deref(), api_key, sender, sms).await
            }
        }
    }

    /// Whether a code is the one that Twilio Verify has sent.
    pub async fn check_code(&self, client: &HttpClient, phone: &str, code: &str) -> Result<bool, SmsError> {
        match self {
            Self::TwilioVerify { account_sid, auth_token, message_service_sid, base_url } => {
                let account = twilio::Account { sid: account_sid, token: auth_token, base_url: base_url.as_deref() };
                twilio::check_verification(client, &account, message_service_sid, phone, code).await
            }
            Self::Twilio { .. } | Self::Messagebird { .. } | Self::Vonage { .. } | Self::Textlocal { .. } => {
                Err(SmsError::Checks)
            }
        }
    }
}

/// The body of an answer, or that it can't be read.
fn read<'a, T: Deserialize<'a>>(answer: &'a Answer) -> Result<T, SmsError> {
    serde_json::from_slice(&answer.body).map_err(|_| SmsError::Answer(answer.status.as_u16()))
}

/// `base` without a slash at its end.
fn base<'a>(own: Option<&'a str>, default: &'a str) -> &'a str {
    own.unwrap_or(default).trim_end_matches('/')
}

/// Whether a text fits into the alphabet that every phone has; others are sent as Unicode, or arrive as `?`.
fn is_gsm(text: &str) -> bool {
    text.chars()
        .all(|c| matches!(c, ' '..='_' | 'a'..='~' | '\n' | '\r') || "£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà€".contains(c))
}

#[cfg(test)]
mod tests;
