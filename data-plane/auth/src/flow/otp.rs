//! Sign-in without a password, and what is asked for anew: codes and links by mail or phone.

use serde_json::{Map, Value, json};

use super::{
    attempts, audience, audit,
    audit::Action,
    mail,
    one_time::{Pretended, evenly, pretend_to_mail, pretend_to_text},
    phone,
    phone::{Channel, MessageId, Purpose},
    pkce, sign_up,
    sign_up::{SignUp, Way},
};
use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    mfa::CodeChallenge,
    model::{Method, TokenKind, User},
    store::{self, Db},
};

/// A link by mail to whoever has the address; makes the account where there is none and `create` is set.
pub(crate) async fn by_email(
    caller: &Caller,
    email: &str,
    create: bool,
    data: Map<String, Value>,
    challenge: Option<CodeChallenge>,
) -> Result<(), AuthError> {
    let settings = &caller.live.settings;
    if !settings.signup.email {
        return Err(AuthError::unprocessable(ErrorCode::EmailProviderDisabled, "Email logins are disabled"));
    }
    if !settings.signup.magic_link {
        return Err(AuthError::unprocessable(ErrorCode::EmailProviderDisabled, "Login with magic link is disabled"));
    }
    let tx = caller.begin().await?;
    let outcome = async {
        let found = store::users::find_by_email(&tx, email, audience(caller)).await?;
        let mut user = match found {
            Some(user) => user,
            None if !create => return Err(AuthError::unprocessable(ErrorCode::OtpDisabled, "Signups not allowed for otp")),
            None => {
                sign_up::check_open(settings)?;
                let wanted = SignUp { way: Way::Email(email.to_owned()), password: String::new(), data, challenge: None };
                let mut user = sign_up::create(caller, &tx, &wanted, None).await?;
                if settings.mailer.autoconfirm {
                    sign_up::confirm_email(&tx, &mut user).await?;
                }
                user
            }
        };
        if user.email_confirmed_at.is_none() {
            audit::note(caller, &tx, &user, Action::UserConfirmationRequested, json!({ "provider": "email" })).await?;
            pkce::begin(&tx, &user, Method::EmailSignup, challenge.as_ref()).await?;
            return mail::confirmation(caller, &tx, &mut user, challenge.as_ref()).await;
        }
        audit::note(caller, &tx, &user, Action::UserRecoveryRequested, json!({})).await?;
        pkce::begin(&tx, &user, Method::MagicLink, challenge.as_ref()).await?;
        mail::magic_link(caller, &tx, &mut user, challenge.as_ref()).await
    }
    .await;
    sign_up::or_pretended(tx.end(outcome).await, settings.mailer.autoconfirm, || ())
}

/// A code by phone. Answers the provider's id of the message.
pub(crate) async fn by_phone(
    caller: &Caller,
    number: &str,
    create: bool,
    data: Map<String, Value>,
    channel: Channel,
) -> Result<Option<String>, AuthError> {
    let settings = &caller.live.settings;
    if !settings.signup.phone {
        return Err(AuthError::bad_request(ErrorCode::PhoneProviderDisabled, "Unsupported phone provider"));
    }
    let tx = caller.begin().await?;
    let outcome = async {
        let found = store::users::find_by_phone(&tx, number, audience(caller)).await?;
        let mut user = match found {
            Some(user) => user,
            None if !create => return Err(AuthError::unprocessable(ErrorCode::OtpDisabled, "Signups not allowed for otp")),
            None => {
                sign_up::check_open(settings)?;
                let wanted =
                    SignUp { way: Way::Phone(number.to_owned(), channel), password: String::new(), data, challenge: None };
                sign_up::create(caller, &tx, &wanted, None).await?
            }
        };
        audit::note(caller, &tx, &user, Action::UserRecoveryRequested, json!({ "channel": channel.as_str() })).await?;
        phone::send_code(caller, &tx, &mut user, number, Purpose::Confirmation, channel).await
    }
    .await;
    Ok(sign_up::or_pretended(tx.end(outcome).await, settings.sms.autoconfirm, MessageId::default)?.get())
}

/// A link by mail for who has forgotten the password. Nobody learns whether there is such a user.
pub(crate) async fn recover(caller: &Caller, email: &str, challenge: Option<CodeChallenge>) -> Result<(), AuthError> {
    evenly(Box::pin(recover_unevenly(&caller.told_nothing(), email, challenge))).await
}

async fn recover_unevenly(caller: &Caller, email: &str, challenge: Option<CodeChallenge>) -> Result<(), AuthError> {
    let tx = caller.begin().await?;
    let outcome = async {
        let Some(mut user) = store::users::find_by_email(&tx, email, audience(caller)).await? else {
            return pretend_to_mail(caller, &tx, Pretended { kind: TokenKind::Recovery, address: email }).await;
        };
        audit::note(caller, &tx, &user, Action::UserRecoveryRequested, json!({})).await?;
        pkce::begin(&tx, &user, Method::Recovery, challenge.as_ref()).await?;
        mail::recovery(caller, &tx, &mut user, challenge.as_ref()).await
    }
    .await;
    tx.end(outcome).await
}

/// What can be sent once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Again {
    Signup(String),
    EmailChange(String),
    Sms(String),
    PhoneChange(String),
}

/// Sends a message once more, where one is due. Nobody learns whether there is such a user.
pub(crate) async fn resend(
    caller: &Caller,
    again: &Again,
    challenge: Option<CodeChallenge>,
) -> Result<Option<String>, AuthError> {
    // Who asks for a message to a phone is told what its provider calls it.
    let by_mail = matches!(again, Again::Signup(_) | Again::EmailChange(_));
    let caller = &if by_mail { caller.told_nothing() } else { caller.clone() };
    evenly(Box::pin(async {
        let tx = caller.begin().await?;
        let outcome = resend_within(caller, &tx, again, challenge.as_ref()).await;
        Ok(tx.end(outcome).await?.get())
    }))
    .await
}

/// As if something were sent.
async fn resend_nothing(caller: &Caller, db: &Db, again: &Again) -> Result<MessageId, AuthError> {
    let pretended = |kind, address| Pretended { kind, address };
    match again {
        Again::Signup(email) => pretend_to_mail(caller, db, pretended(TokenKind::Confirmation, email)).await?,
        Again::EmailChange(email) => pretend_to_mail(caller, db, pretended(TokenKind::EmailChangeNew, email)).await?,
        Again::Sms(number) => pretend_to_text(caller, db, pretended(TokenKind::Confirmation, number)).await?,
        Again::PhoneChange(number) => pretend_to_text(caller, db, pretended(TokenKind::PhoneChange, number)).await?,
    }
    Ok(MessageId::default())
}

async fn resend_within(
    caller: &Caller,
    db: &Db,
    again: &Again,
    challenge: Option<&CodeChallenge>,
) -> Result<MessageId, AuthError> {
    let aud = audience(caller);
    let found: Option<User> = match again {
        Again::Signup(email) => store::users::find_by_email(db, email, aud).await?,
        Again::EmailChange(email) => match store::users::find_by_email(db, email, aud).await? {
            Some(user) => Some(user),
            None => store::users::find_by_email_change(db, email, aud).await?,
        },
        Again::Sms(number) => store::users::find_by_phone(db, number, aud).await?,
        Again::PhoneChange(number) => match store::users::find_by_phone(db, number, aud).await? {
            Some(user) => Some(user),
            None => store::users::find_by_phone_change(db, number, aud).await?,
        },
    };
    let Some(mut user) = found else { return resend_nothing(caller, db, again).await };
    match again {
        Again::Signup(_) if user.email_confirmed_at.is_none() => {
            audit::note(caller, db, &user, Action::UserConfirmationRequested, json!({})).await?;
            pkce::begin(db, &user, Method::EmailSignup, challenge).await?;
            mail::confirmation(caller, db, &mut user, challenge).await?;
        }
        Again::EmailChange(_) if !user.email_change.is_empty() => {
            let new_email = user.email_change.clone();
            pkce::begin(db, &user, Method::EmailChange, challenge).await?;
            mail::email_change(caller, db, &mut user, &new_email, challenge).await?;
        }
        Again::Sms(number) if user.phone_confirmed_at.is_none() => {
            audit::note(caller, db, &user, Action::UserRecoveryRequested, json!({ "channel": "sms" })).await?;
            return phone::send_code(caller, db, &mut user, number, Purpose::Confirmation, Channel::Sms).await;
        }
        Again::PhoneChange(_) if !user.phone_change.is_empty() => {
            let number = user.phone_change.clone();
            return phone::send_code(caller, db, &mut user, &number, Purpose::PhoneChange, Channel::Sms).await;
        }
        _ => return resend_nothing(caller, db, again).await,
    }
    Ok(MessageId::default())
}

/// A code that shows that it is still the user who is signed in.
pub(crate) async fn reauthenticate(caller: &Caller, user: &User) -> Result<Option<String>, AuthError> {
    let tx = caller.begin().await?;
    let outcome = async {
        let mut user = super::lock(&tx, user.id).await?;
        audit::note(caller, &tx, &user, Action::UserReauthenticate, json!({})).await?;
        if !user.email().is_empty() {
            if user.email_confirmed_at.is_none() {
                return Err(AuthError::unprocessable(ErrorCode::EmailNotConfirmed, "Please verify your email first."));
            }
            mail::reauthentication(caller, &tx, &mut user).await?;
            Ok(MessageId::default())
        } else if !user.phone().is_empty() {
            if user.phone_confirmed_at.is_none() {
                return Err(AuthError::unprocessable(ErrorCode::PhoneNotConfirmed, "Please verify your phone first."));
            }
            let number = user.phone().to_owned();
            phone::send_code(caller, &tx, &mut user, &number, Purpose::Reauthentication, Channel::Sms).await
        } else {
            Err(AuthError::unprocessable(
                ErrorCode::ValidationFailed,
                "Reauthentication requires the user to have an email or a phone number",
            ))
        }
    }
    .await;
    Ok(tx.end(outcome).await?.get())
}

/// Whether the provider takes a code that was sent by [`reauthenticate`], where it checks codes itself. Asks it: not for within a
/// transaction.
async fn provider_accepts_nonce(caller: &Caller, user: &User, nonce: &str) -> Option<bool> {
    if user.email().is_empty() { phone::provider_accepts(caller, user.phone(), nonce).await } else { None }
}

/// Uses up a code that was sent by [`reauthenticate`], in a transaction of its own: that a guess was wrong is to be remembered.
pub(crate) async fn use_nonce(caller: &Caller, user: &User, nonce: &str) -> Result<(), AuthError> {
    let accepted = provider_accepts_nonce(caller, user, nonce).await;
    let tx = caller.begin().await?;
    let outcome = async {
        let mut user = super::lock(&tx, user.id).await?;
        let is_right = is_nonce(caller, &user, nonce, accepted);
        if is_right || attempts::wrong_nonce(&tx, &user).await? {
            user.reauthentication_token.clear();
            store::users::update(&tx, &mut user).await?;
            store::one_time_tokens::clear(&tx, user.id, TokenKind::Reauthentication).await?;
        }
        Ok(is_right)
    }
    .await;
    if tx.end(outcome).await? {
        return Ok(());
    }
    Err(AuthError::unprocessable(ErrorCode::ReauthenticationNotValid, "Nonce has expired or is invalid"))
}

/// `accepted`: what the provider says of it.
fn is_nonce(caller: &Caller, user: &User, nonce: &str, accepted: Option<bool>) -> bool {
    let settings = &caller.live.settings;
    let (address, lifetime) =
        if user.email().is_empty() { (user.phone(), settings.sms.otp_exp) } else { (user.email(), settings.mailer.otp_exp) };
    let stored = user.reauthentication_token.as_str();
    !stored.is_empty()
        && !super::one_time::is_expired(user.reauthentication_sent_at, lifetime)
        && accepted.unwrap_or_else(|| caller.live.links.is_of_code(stored, address, nonce))
}
