//! Codes by SMS or WhatsApp.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    hooks,
    one_time::{self, Code, check_frequency},
};
pub(crate) use crate::message::sms::Channel;
use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    limits::Limited,
    message::{sms::Sms, template::Template},
    model::{TokenKind, User},
    store::{self, Db, messages::KeptMessage},
};

/// What a code by phone is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Confirmation,
    PhoneChange,
    Reauthentication,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Confirmation => "confirmation",
            Self::PhoneChange => "phone_change",
            Self::Reauthentication => "reauthentication",
        }
    }
}

impl Channel {
    /// SMS where nothing is said.
    pub(crate) fn parse(given: Option<&str>) -> Result<Self, AuthError> {
        match given.unwrap_or_default() {
            "" | "sms" => Ok(Self::Sms),
            "whatsapp" => Ok(Self::Whatsapp),
            _ => Err(unsupported_channel()),
        }
    }
}

fn unsupported_channel() -> AuthError {
    AuthError::validation(
        "Invalid channel, supported values are 'sms' or 'whatsapp'. 'whatsapp' is only supported if Twilio or Twilio Verify is \
         used as the provider.",
    )
}

/// Sends a code, and notes it with the user. Answers the provider's id of the message, if it has one.
pub(crate) async fn send_code(
    caller: &Caller,
    db: &Db,
    user: &mut User,
    phone: &str,
    purpose: Purpose,
    channel: Channel,
) -> Result<Option<String>, AuthError> {
    let sms = &caller.live.settings.sms;
    let last = match purpose {
        Purpose::Confirmation => user.confirmation_sent_at,
        Purpose::PhoneChange => user.phone_change_sent_at,
        Purpose::Reauthentication => user.reauthentication_sent_at,
    };
    check_frequency(last, sms.max_frequency, ErrorCode::OverSmsSendRateLimit)?;
    let now = OffsetDateTime::now_utc();
    let fixed = sms.test_otp.code(phone, now);
    let code = Code::new(phone, sms.otp_length, fixed, None)?;
    let message_id = if fixed.is_some() {
        Some("test-otp".to_owned())
    } else {
        let sent = Text { phone, code: &code.digits, template: &sms.template, channel, kind: purpose.as_str() };
        deliver(caller, db, user, sent).await?
    };
    let kind = match purpose {
        Purpose::Confirmation => {
            user.confirmation_token.clone_from(&code.hash);
            user.confirmation_sent_at = Some(now);
            TokenKind::Confirmation
        }
        Purpose::PhoneChange => {
            user.phone_change_token.clone_from(&code.hash);
            user.phone_change_sent_at = Some(now);
            TokenKind::PhoneChange
        }
        Purpose::Reauthentication => {
            user.reauthentication_token.clone_from(&code.hash);
            user.reauthentication_sent_at = Some(now);
            TokenKind::Reauthentication
        }
    };
    store::users::update(db, user).await?;
    one_time::put(db, user, kind, &code.hash, phone).await?;
    Ok(message_id)
}

/// Sends a code for a second factor, and answers the hash by which it is known again.
pub(crate) async fn send_factor_code(
    caller: &Caller,
    db: &Db,
    user: &User,
    phone: &str,
    channel: Channel,
) -> Result<String, AuthError> {
    let settings = &caller.live.settings;
    let fixed = settings.sms.test_otp.code(phone, OffsetDateTime::now_utc());
    let code = Code::new(phone, settings.mfa.phone.otp_length, fixed, None)?;
    if fixed.is_none() {
        let template = &settings.mfa.phone.template;
        deliver(caller, db, user, Text { phone, code: &code.digits, template, channel, kind: "mfa" }).await?;
    }
    Ok(code.hash)
}

/// One code on its way to a phone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) phone: &'a str,
    pub(crate) code: &'a str,
    /// Empty: upstream's sentence.
    pub(crate) template: &'a str,
    pub(crate) channel: Channel,
    /// What it is for, as the answer says where it can't be sent.
    pub(crate) kind: &'static str,
}

/// Sends a code by the hook or the provider, or keeps it. Answers the provider's id of the message, if it has one.
pub(crate) async fn deliver(caller: &Caller, db: &Db, user: &User, sent: Text<'_>) -> Result<Option<String>, AuthError> {
    let settings = &caller.live.settings;
    let hooked = settings.hooks.send_sms.enabled;
    let provider = caller.live.sms.as_ref();
    if !hooked && provider.is_some_and(|provider| !provider.carries(sent.channel)) {
        return Err(unsupported_channel());
    }
    if hooked || provider.is_some() {
        caller.context.count_message(db, Limited::SmsSent, settings.rate_limits.sms_sent).await?;
    }
    if hooked {
        hooks::send_sms(caller, db, user, json!({ "otp": sent.code, "phone": sent.phone })).await?;
        return Ok(None);
    }
    let template = if sent.template.is_empty() { "Your code is {{ .Code }}" } else { sent.template };
    let text = Template::parse(template)
        .and_then(|template| template.text(&json!({ "Code": sent.code })))
        .map_err(|error| AuthError::internal("Error sending SMS", error))?;
    if let Some(provider) = provider {
        let sms = Sms { phone: sent.phone, text: &text, code: sent.code, channel: sent.channel };
        let id = provider.send(caller.context.http(), &sms).await.map_err(|error| {
            tracing::warn!(?error, "a message was not sent to a phone");
            let message = format!("Error sending {} OTP to provider: {error}", sent.kind);
            AuthError::unprocessable(ErrorCode::SmsSendFailed, message)
        })?;
        return Ok(Some(id));
    }
    // Without a provider the message is kept in the project, where its developer reads it.
    let data: Value = json!({ "token": sent.code });
    let message = KeptMessage {
        user_id: Some(user.id),
        channel: "sms",
        kind: sent.channel.as_str(),
        recipient: sent.phone,
        subject: "",
        body: &text,
        data: &data,
    };
    store::messages::insert(db, &message).await?;
    Ok(None)
}

/// Whether a code is right, where the provider makes and checks the codes itself; nothing where its hash tells.
pub(crate) async fn provider_accepts(caller: &Caller, phone: &str, code: &str) -> Option<bool> {
    let settings = &caller.live.settings;
    let provider = caller.live.sms.as_ref().filter(|provider| provider.checks_codes() && !settings.hooks.send_sms.enabled)?;
    if settings.sms.test_otp.code(phone, OffsetDateTime::now_utc()).is_some() {
        return None;
    }
    Some(provider.check_code(caller.context.http(), phone, code).await.unwrap_or_else(|error| {
        tracing::warn!(?error, "a code was not checked by its provider");
        false
    }))
}
