//! Sign-in by password.

use serde_json::json;

use super::{
    attempts, audience, audit,
    audit::Action,
    hooks,
    sealed::{self, Opened},
    session,
    session::{Grant, Tokens},
};
use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    model::{Method, User},
    password, store,
};

/// Who signs in.
#[derive(Debug)]
pub(crate) enum Who {
    Email(String),
    Phone(String),
}

fn invalid() -> AuthError {
    AuthError::bad_request(ErrorCode::InvalidCredentials, "Invalid login credentials")
}

pub(crate) async fn by_password(caller: &Caller, who: Who, given: &str) -> Result<Tokens, AuthError> {
    let hasher = caller.context.hasher();
    let db = caller.db().await?;
    let found = match &who {
        Who::Email(email) => store::users::find_by_email(&db, email, audience(caller)).await?,
        Who::Phone(number) => store::users::find_by_phone(&db, number, audience(caller)).await?,
    };
    attempts::check_password(caller, &db, &who, found.as_ref()).await?;
    // No connection waits for a hash.
    drop(db);
    let Some((user, stored)) = found.and_then(|user| user.encrypted_password.clone().map(|stored| (user, stored))) else {
        hasher.verify_nothing(given).await?;
        attempts::compared(caller, &caller.db().await?, &who, None, false).await?;
        return Err(invalid());
    };
    let Opened { value: hash, is_stale } = sealed::open(caller, user.id, &stored)?;
    let is_right = hasher.verify(&hash, given).await?;
    attempts::compared(caller, &caller.db().await?, &who, Some(&user), is_right).await?;
    hooks::password_verification_attempt(caller, user.id, is_right).await?;
    if !is_right {
        return Err(invalid());
    }
    if user.is_banned() {
        return Err(AuthError::bad_request(ErrorCode::UserBanned, "User is banned"));
    }
    check_confirmed(caller, &who, &user)?;
    let weak_password = match caller.live.passwords.check(given).await {
        Err(password::Error::Weak(weak)) => {
            let reasons: Vec<_> = weak.reasons.iter().map(|reason| reason.as_str()).collect();
            Some(json!({ "message": weak.to_string(), "reasons": reasons }))
        }
        _ => None,
    };
    let renewed = if hasher.needs_rehash(&hash) { Some(hasher.hash(given).await?) } else { Some(hash).filter(|_| is_stale) };
    let tx = caller.begin().await?;
    let outcome = async {
        let mut user = super::lock(&tx, user.id).await?;
        // Changed since it was compared.
        if user.encrypted_password.as_deref() != Some(stored.as_str()) {
            return Err(invalid());
        }
        if let Some(renewed) = renewed {
            user.encrypted_password = Some(sealed::seal_hash(caller, user.id, &renewed)?);
            store::users::update(&tx, &mut user).await?;
        }
        let provider = if matches!(who, Who::Email(_)) { "email" } else { "phone" };
        audit::note(caller, &tx, &user, Action::Login, json!({ "provider": provider })).await?;
        session::begin(caller, &tx, user, Method::Password, Grant::default()).await
    }
    .await;
    let mut tokens = tx.end(outcome).await?;
    tokens.weak_password = weak_password;
    Ok(tokens)
}

fn check_confirmed(caller: &Caller, who: &Who, user: &User) -> Result<(), AuthError> {
    match who {
        Who::Email(_) if user.email_confirmed_at.is_none() && !caller.live.settings.mailer.allow_unverified_email_sign_ins => {
            Err(AuthError::bad_request(ErrorCode::EmailNotConfirmed, "Email not confirmed"))
        }
        Who::Phone(_) if user.phone_confirmed_at.is_none() => {
            Err(AuthError::bad_request(ErrorCode::PhoneNotConfirmed, "Phone not confirmed"))
        }
        _ => Ok(()),
    }
}
