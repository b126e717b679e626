//! Mails of the flows: made from the project's templates and sent by its server, or kept in its mailbox.

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    address, hooks,
    one_time::{self, Code, check_frequency},
};
use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    limits::Limited,
    message::{
        links::{self, LinkType},
        mail::{Delivered, Mail, MailboxMessage, Sender},
        standard::{Message, Variables},
        template::{Template, TemplateError},
    },
    mfa::CodeChallenge,
    model::{TokenKind, User},
    settings::{self, MailKind},
    store::{self, Db, messages::KeptMessage},
};

/// What one mail says besides what all do.
#[derive(Debug, Default)]
pub(crate) struct Content<'a> {
    pub(crate) to: &'a str,
    pub(crate) code: Option<&'a Code>,
    /// For the address that there is now, where both have to agree to a change; only the hook sends both at once.
    pub(crate) current_code: Option<&'a Code>,
    pub(crate) link: Option<LinkType>,
    pub(crate) new_email: &'a str,
    pub(crate) old_email: &'a str,
    pub(crate) old_phone: &'a str,
    pub(crate) provider: &'a str,
    pub(crate) factor_type: &'a str,
}

/// A mail that asks whether an address is the user's.
pub(crate) async fn confirmation(
    caller: &Caller,
    db: &Db,
    user: &mut User,
    challenge: Option<&CodeChallenge>,
) -> Result<(), AuthError> {
    let mailer = &caller.live.settings.mailer;
    check_frequency(user.confirmation_sent_at, mailer.max_frequency, ErrorCode::OverEmailSendRateLimit)?;
    let to = user.email().to_owned();
    let code = code_for(caller, &to, challenge)?;
    user.confirmation_token.clone_from(&code.hash);
    send(caller, db, user, MailKind::Confirmation, signup_content(&to, &code)).await?;
    user.confirmation_sent_at = Some(OffsetDateTime::now_utc());
    store::users::update(db, user).await?;
    one_time::put(db, user, TokenKind::Confirmation, &code.hash, &to).await
}

fn signup_content<'a>(to: &'a str, code: &'a Code) -> Content<'a> {
    Content { to, code: Some(code), link: Some(LinkType::Signup), ..Content::default() }
}

/// An invitation of an administrator's.
pub(crate) async fn invite(caller: &Caller, db: &Db, user: &mut User) -> Result<(), AuthError> {
    let to = user.email().to_owned();
    let code = code_for(caller, &to, None)?;
    user.confirmation_token.clone_from(&code.hash);
    let content = Content { to: &to, code: Some(&code), link: Some(LinkType::Invite), ..Content::default() };
    send(caller, db, user, MailKind::Invite, content).await?;
    let now = OffsetDateTime::now_utc();
    user.invited_at = Some(now);
    user.confirmation_sent_at = Some(now);
    store::users::update(db, user).await?;
    one_time::put(db, user, TokenKind::Confirmation, &code.hash, &to).await
}

/// A mail by which a user who knows no password comes in: to set another, or just so.
pub(crate) async fn recovery(
    caller: &Caller,
    db: &Db,
    user: &mut User,
    kind: MailKind,
    challenge: Option<&CodeChallenge>,
) -> Result<(), AuthError> {
    let mailer = &caller.live.settings.mailer;
    check_frequency(user.recovery_sent_at, mailer.max_frequency, ErrorCode::OverEmailSendRateLimit)?;
    let to = user.email().to_owned();
    let code = code_for(caller, &to, challenge)?;
    user.recovery_token.clone_from(&code.hash);
    let link = if kind == MailKind::Recovery { LinkType::Recovery } else { LinkType::Magiclink };
    let content = Content { to: &to, code: Some(&code), link: Some(link), ..Content::default() };
    send(caller, db, user, kind, content).await?;
    user.recovery_sent_at = Some(OffsetDateTime::now_utc());
    store::users::update(db, user).await?;
    one_time::put(db, user, TokenKind::Recovery, &code.hash, &to).await
}

/// A code that shows that it is still the user who is signed in.
pub(crate) async fn reauthentication(caller: &Caller, db: &Db, user: &mut User) -> Result<(), AuthError> {
    let mailer = &caller.live.settings.mailer;
    check_frequency(user.reauthentication_sent_at, mailer.max_frequency, ErrorCode::OverEmailSendRateLimit)?;
    let to = user.email().to_owned();
    let code = code_for(caller, &to, None)?;
    user.reauthentication_token.clone_from(&code.hash);
    let content = Content { to: &to, code: Some(&code), ..Content::default() };
    send(caller, db, user, MailKind::Reauthentication, content).await?;
    user.reauthentication_sent_at = Some(OffsetDateTime::now_utc());
    store::users::update(db, user).await?;
    one_time::put(db, user, TokenKind::Reauthentication, &code.hash, &to).await
}

/// Mails to the new address and, where both have to agree, to the old one.
pub(crate) async fn email_change(
    caller: &Caller,
    db: &Db,
    user: &mut User,
    new_email: &str,
    challenge: Option<&CodeChallenge>,
) -> Result<(), AuthError> {
    let mailer = &caller.live.settings.mailer;
    check_frequency(user.email_change_sent_at, mailer.max_frequency, ErrorCode::OverEmailSendRateLimit)?;
    let current = user.email().to_owned();
    let for_new = code_for(caller, new_email, challenge)?;
    let for_current = if mailer.secure_email_change_enabled && !current.is_empty() {
        Some(code_for(caller, &current, challenge)?)
    } else {
        None
    };
    new_email.clone_into(&mut user.email_change);
    user.email_change_token_new.clone_from(&for_new.hash);
    user.email_change_token_current = for_current.as_ref().map(|code| code.hash.clone()).unwrap_or_default();
    user.email_change_confirm_status = 0;
    let content = |to, code| Content {
        to,
        code: Some(code),
        link: Some(LinkType::EmailChange),
        new_email,
        old_email: &current,
        ..Content::default()
    };
    let hooked = caller.live.settings.hooks.send_email.enabled;
    let content_of_new = Content { current_code: for_current.as_ref(), ..content(new_email, &for_new) };
    send(caller, db, user, MailKind::EmailChange, content_of_new).await?;
    if let Some(code) = for_current.as_ref().filter(|_| !hooked) {
        send(caller, db, user, MailKind::EmailChange, content(&current, code)).await?;
    }
    user.email_change_sent_at = Some(OffsetDateTime::now_utc());
    store::users::update(db, user).await?;
    one_time::put(db, user, TokenKind::EmailChangeNew, &for_new.hash, new_email).await?;
    if let Some(code) = &for_current {
        one_time::put(db, user, TokenKind::EmailChangeCurrent, &code.hash, &current).await?;
    }
    Ok(())
}

/// Tells a user what was done to the account, where the project wants that. That such a mail can't be sent undoes nothing.
pub(crate) async fn notify(caller: &Caller, db: &Db, user: &User, kind: MailKind, content: Content<'_>) {
    if !caller.live.settings.mailer.notifies(kind) || content.to.is_empty() {
        return;
    }
    if let Err(error) = send(caller, db, user, kind, content).await {
        tracing::warn!(?error, kind = kind.name(), "a notification was not sent");
    }
}

pub(crate) fn code_for(caller: &Caller, to: &str, challenge: Option<&CodeChallenge>) -> Result<Code, AuthError> {
    let mailer = &caller.live.settings.mailer;
    Code::new(to, mailer.otp_length, mailer.test_code(to, OffsetDateTime::now_utc()), challenge)
}

/// The link of a mail.
pub(crate) fn link(caller: &Caller, kind: MailKind, link: LinkType, token_hash: &str) -> Result<String, AuthError> {
    let settings = &caller.live.settings;
    let path = settings.mailer.url_paths.get(&kind).map(String::as_str);
    let base = links::base(&settings.api.external_url, path)
        .map_err(|error| AuthError::internal("Error making the link of a mail", error))?;
    Ok(links::confirmation_url(&base, token_hash, link, &caller.redirect_to))
}

async fn send(caller: &Caller, db: &Db, user: &User, kind: MailKind, content: Content<'_>) -> Result<(), AuthError> {
    let settings = &caller.live.settings;
    let failed = |error: &dyn std::fmt::Display| {
        AuthError::internal(format!("Error sending {} email", kind.name().replace('_', " ")), error)
    };
    address::check_authorized(&settings.signup.authorized_addresses, content.to)?;
    let hooked = settings.hooks.send_email.enabled;
    // What stays in the project's own mailbox bothers nobody.
    if settings.smtp.host.is_some() || hooked {
        caller.context.count_message(db, Limited::EmailSent, settings.rate_limits.email_sent).await?;
    }
    if hooked {
        return hooks::send_email(caller, db, user, kind, &content).await;
    }
    let variables: Value = Variables {
        confirmation_url: match (content.link, content.code) {
            (Some(of), Some(code)) => link(caller, kind, of, &code.hash)?,
            _ => String::new(),
        },
        site_url: settings.api.site_url.clone(),
        redirect_to: caller.redirect_to.clone(),
        token: content.code.map(|code| code.digits.clone()).unwrap_or_default(),
        token_hash: content.code.map(|code| code.hash.clone()).unwrap_or_default(),
        email: user.email().to_owned(),
        new_email: content.new_email.to_owned(),
        old_email: content.old_email.to_owned(),
        sending_to: content.to.to_owned(),
        phone: user.phone().to_owned(),
        old_phone: content.old_phone.to_owned(),
        provider: content.provider.to_owned(),
        factor_type: content.factor_type.to_owned(),
        data: Value::Object(user.user_metadata.clone()),
    }
    .into();
    let standard = standard(kind);
    let subject = settings.mailer.subjects.get(&kind).map_or(standard.subject(), String::as_str);
    let body = match settings.mailer.templates.get(&kind) {
        Some(settings::Template::Body(body)) => body.clone(),
        Some(settings::Template::Url(url)) => template_at(caller, url).await.unwrap_or_else(|error| {
            tracing::warn!(%error, url, "a mail's template can't be had; the standard one is sent");
            standard.content().to_owned()
        }),
        None => standard.content().to_owned(),
    };
    let subject = filled_subject(subject, &variables).map_err(|error| failed(&error))?;
    let html = filled_body(&body, &variables).map_err(|error| failed(&error))?;
    let headers = settings.smtp.headers.iter();
    let headers = headers.flat_map(|(name, values)| values.iter().map(|value| (name.clone(), value.clone()))).collect();
    let mail = Mail { from: sender(settings), to: content.to.to_owned(), subject, html, headers };
    let data = json!({
        "link": variables["ConfirmationURL"],
        "token": variables["Token"],
        "token_hash": variables["TokenHash"],
    });
    match caller.live.delivery.deliver(&mail).await.map_err(|error| failed(&error))? {
        Delivered::Sent(_) => Ok(()),
        Delivered::Keep(kept) => keep(db, Some(user.id), kind.name(), &kept, data).await,
    }
}

/// A subject with its variables filled in.
pub(super) fn filled_subject(template: &str, variables: &Value) -> Result<String, TemplateError> {
    Template::parse(template).and_then(|template| template.text(variables))
}

/// A body with its variables filled in.
pub(super) fn filled_body(template: &str, variables: &Value) -> Result<String, TemplateError> {
    Template::parse(template).and_then(|template| template.html(variables))
}

/// Puts a mail into the mailbox. `data` is what it was made from.
pub(super) async fn keep(
    db: &Db,
    user_id: Option<Uuid>,
    kind: &str,
    kept: &MailboxMessage,
    mut data: Value,
) -> Result<(), AuthError> {
    data["text"] = kept.text.clone().into();
    let message = KeptMessage {
        user_id,
        channel: "email",
        kind,
        recipient: &kept.to,
        subject: &kept.subject,
        body: &kept.html,
        data: &data,
    };
    Ok(store::messages::insert(db, &message).await?)
}

/// The project's sender; for the mailbox any will do.
pub(super) fn sender(settings: &settings::Settings) -> Sender {
    let address = match settings.smtp.admin_email.as_str() {
        "" => "noreply@localhost".to_owned(),
        address => address.to_owned(),
    };
    Sender { name: settings.smtp.sender_name.clone(), address }
}

async fn template_at(caller: &Caller, url: &str) -> Result<String, crate::outgoing::http::HttpError> {
    let answer = caller.context.http().send(crate::outgoing::http::Request::get(url)).await?;
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}

pub(super) fn standard(kind: MailKind) -> Message {
    match kind {
        MailKind::Invite => Message::Invite,
        MailKind::Confirmation => Message::Confirmation,
        MailKind::Recovery => Message::Recovery,
        MailKind::EmailChange => Message::EmailChange,
        MailKind::MagicLink => Message::MagicLink,
        MailKind::Reauthentication => Message::Reauthentication,
        MailKind::PasswordChanged => Message::PasswordChanged,
        MailKind::EmailChanged => Message::EmailChanged,
        MailKind::PhoneChanged => Message::PhoneChanged,
        MailKind::IdentityLinked => Message::IdentityLinked,
        MailKind::IdentityUnlinked => Message::IdentityUnlinked,
        MailKind::MfaFactorEnrolled => Message::MfaFactorEnrolled,
        MailKind::MfaFactorUnenrolled => Message::MfaFactorUnenrolled,
    }
}
