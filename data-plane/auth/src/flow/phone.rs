//! Codes by SMS or WhatsApp.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::one_time::{self, Code, check_frequency};
use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    limits::Limited,
    message::template::Template,
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

/// How it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    Sms,
    Whatsapp,
}

impl Channel {
    /// SMS where nothing is said.
    pub(crate) fn parse(given: Option<&str>) -> Result<Self, AuthError> {
        match given.unwrap_or_default() {
            "" | "sms" => Ok(Self::Sms),
            "whatsapp" => Ok(Self::Whatsapp),
            _ => Err(AuthError::validation(
                "Invalid channel, supported values are 'sms' or 'whatsapp'. 'whatsapp' is only supported if Twilio or Twilio \
                 Verify is used as the provider.",
            )),
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Whatsapp => "whatsapp",
        }
    }
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
        deliver(caller, db, user, phone, &code, channel, &sms.template).await?
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
        deliver(caller, db, user, phone, &code, channel, &settings.mfa.phone.template).await?;
    }
    Ok(code.hash)
}

async fn deliver(
    caller: &Caller,
    db: &Db,
    user: &User,
    phone: &str,
    code: &Code,
    channel: Channel,
    template: &str,
) -> Result<Option<String>, AuthError> {
    let settings = &caller.live.settings;
    let template = if template.is_empty() { "Your code is {{ .Code }}" } else { template };
    let text = Template::parse(template)
        .and_then(|template| template.text(&json!({ "Code": code.digits })))
        .map_err(|error| AuthError::internal("Error sending SMS", error))?;
    if settings.sms.provider.is_some() {
        caller.context.limits().count(Limited::SmsSent, settings.rate_limits.sms_sent, "")?;
    }
    // Without a provider the message is kept in the project, where its developer reads it.
    let data: Value = json!({ "token": code.digits });
    let message = KeptMessage {
        user_id: Some(user.id),
        channel: "sms",
        kind: channel.as_str(),
        recipient: phone,
        subject: "",
        body: &text,
        data: &data,
    };
    store::messages::insert(db, &message).await?;
    Ok(None)
}
