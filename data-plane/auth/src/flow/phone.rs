//! Codes by SMS or WhatsApp.

use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    hooks,
    one_time::{self, Code, check_frequency},
    undo::{Undo, send_afterwards},
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

    fn token(self) -> TokenKind {
        match self {
            Self::Confirmation => TokenKind::Confirmation,
            Self::PhoneChange => TokenKind::PhoneChange,
            Self::Reauthentication => TokenKind::Reauthentication,
        }
    }
}

/// What the provider calls a message, if it has a name for it: known once the message is sent, after the flow's transaction.
#[derive(Debug, Clone, Default)]
pub(crate) struct MessageId(Arc<OnceLock<String>>);

impl MessageId {
    fn known(id: String) -> Self {
        Self(Arc::new(OnceLock::from(id)))
    }

    pub(crate) fn get(&self) -> Option<String> {
        self.0.get().cloned()
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

/// Sends a code, and notes it with the user.
pub(crate) async fn send_code(
    caller: &Caller,
    db: &Db,
    user: &mut User,
    phone: &str,
    purpose: Purpose,
    channel: Channel,
) -> Result<MessageId, AuthError> {
    let sms = &caller.live.settings.sms;
    let kind = purpose.token();
    check_frequency(*user.token(kind).1, sms.max_frequency, ErrorCode::OverSmsSendRateLimit)?;
    let now = OffsetDateTime::now_utc();
    let fixed = sms.test_otp.code(phone, now);
    let code = Code::new(caller, phone, one_time::digits(sms.otp_length, fixed)?, None);
    let undo = Undo::token(user, kind, &code.link);
    if purpose == Purpose::PhoneChange {
        phone.clone_into(&mut user.phone_change);
    }
    let message_id = if fixed.is_some() {
        MessageId::known("test-otp".to_owned())
    } else {
        let sent = Text { phone, code: &code.digits, template: &sms.template, channel, kind: purpose.as_str() };
        deliver(caller, db, user, sent, undo).await?
    };
    let (token, sent_at) = user.token(kind);
    token.clone_from(&code.link);
    *sent_at = Some(now);
    store::users::update(db, user).await?;
    one_time::put(db, user, kind, &code.link, phone).await?;
    Ok(message_id)
}

/// Sends a code for a second factor, and answers the hash by which it is known again.
pub(crate) async fn send_factor_code(
    caller: &Caller,
    db: &Db,
    user: &User,
    phone: &str,
    channel: Channel,
    undo: Undo,
) -> Result<String, AuthError> {
    let settings = &caller.live.settings;
    let fixed = settings.sms.test_otp.code(phone, OffsetDateTime::now_utc());
    let code = Code::new(caller, phone, one_time::digits(settings.mfa.phone.otp_length, fixed)?, None);
    if fixed.is_none() {
        let template = &settings.mfa.phone.template;
        deliver(caller, db, user, Text { phone, code: &code.digits, template, channel, kind: "mfa" }, undo).await?;
    }
    Ok(code.link)
}

/// One code on its way to a phone.
#[derive(Debug, Clone, Copy)]
struct Text<'a> {
    phone: &'a str,
    code: &'a str,
    /// Empty: upstream's sentence.
    template: &'a str,
    channel: Channel,
    /// What it is for, as the answer says where it can't be sent.
    kind: &'static str,
}

/// Sends a code by the hook, or by the provider, once the transaction is committed; or keeps it.
async fn deliver(caller: &Caller, db: &Db, user: &User, sent: Text<'_>, undo: Undo) -> Result<MessageId, AuthError> {
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
        hooks::send_sms(caller, db, user, json!({ "otp": sent.code, "phone": sent.phone }), undo).await?;
        return Ok(MessageId::default());
    }
    let template = if sent.template.is_empty() { "Your code is {{ .Code }}" } else { sent.template };
    let text = Template::parse(template)
        .and_then(|template| template.text(&json!({ "Code": sent.code })))
        .map_err(|error| AuthError::internal("Error sending SMS", error))?;
    if provider.is_some() {
        let id = MessageId::default();
        let (phone, code, channel, kind) = (sent.phone.to_owned(), sent.code.to_owned(), sent.channel, sent.kind);
        let (sender, found) = (caller.clone(), id.clone());
        send_afterwards(caller, db, undo, async move {
            let sms = Sms { phone: &phone, text: &text, code: &code, channel };
            if let Some(sent) = send_by_provider(&sender, &sms, kind).await? {
                // Nobody else sets it.
                found.0.set(sent).ok();
            }
            Ok(())
        });
        return Ok(id);
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
    Ok(MessageId::default())
}

async fn send_by_provider(caller: &Caller, sms: &Sms<'_>, kind: &str) -> Result<Option<String>, AuthError> {
    let Some(provider) = &caller.live.sms else { return Ok(None) };
    provider.send(caller.context.http(), sms).await.map(Some).map_err(|error| {
        tracing::warn!(?error, "a message was not sent to a phone");
        AuthError::unprocessable(ErrorCode::SmsSendFailed, format!("Error sending {kind} OTP to provider: {error}"))
    })
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
