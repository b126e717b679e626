//! A user's changes to its own account; and the end of its sessions.

use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use super::{
    UserRecord, audience, audit,
    audit::Action,
    hash_new, mail,
    oauth_server::consent::refuse_clients,
    otp, phone,
    phone::{Channel, Purpose},
    pkce, sealed, verify,
};
use crate::{
    caller::{SignedIn, no_session},
    error::{AuthError, ErrorCode},
    mfa::CodeChallenge,
    model::{Aal, Factor, Method, TokenKind, User},
    settings::MailKind,
    store::{self, Db},
};

/// A session that is younger needs no further proof before the password is changed.
const FRESH: Duration = Duration::hours(24);

/// Of all that a user says of itself, as JSON: as much as one request can bring.
const LARGEST_METADATA: usize = 1024 * 1024;

/// What is to be changed.
#[derive(Default)]
pub(crate) struct Changes {
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) current_password: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) data: Option<Map<String, Value>>,
    /// For administrators, who are users as well.
    pub(crate) app_metadata: Option<Map<String, Value>>,
    pub(crate) channel: Option<Channel>,
    pub(crate) challenge: Option<CodeChallenge>,
}

pub(crate) async fn change(signed_in: &SignedIn, changes: Changes) -> Result<UserRecord, AuthError> {
    let SignedIn { caller, user, .. } = signed_in;
    check_allowed(user, &changes)?;
    if changes.password.is_some() || changes.email.is_some() || changes.phone.is_some() {
        refuse_clients(signed_in)?;
    }
    check_aal(signed_in, &changes).await?;
    let hash = match &changes.password {
        Some(password) => {
            check_password(signed_in, &changes, password).await?;
            let hash = hash_new(caller, password).await?;
            let nonce = changes.nonce.as_deref().filter(|nonce| !nonce.is_empty());
            if let Some(nonce) = nonce.filter(|_| caller.live.settings.security.update_password_require_reauthentication) {
                otp::use_nonce(caller, user, nonce).await?;
            }
            Some(hash)
        }
        None => None,
    };
    let tx = caller.begin().await?;
    let outcome = within(signed_in, &tx, changes, hash).await;
    tx.end(outcome).await
}

fn check_allowed(user: &User, changes: &Changes) -> Result<(), AuthError> {
    if user.is_sso_user && (changes.email.is_some() || changes.phone.is_some() || changes.password.is_some()) {
        return Err(AuthError::unprocessable(
            ErrorCode::UserSsoManaged,
            "Updating email, phone, password of a SSO account only possible via SSO",
        ));
    }
    if user.is_anonymous && changes.password.is_some() && changes.email.is_none() && changes.phone.is_none() {
        return Err(AuthError::unprocessable(
            ErrorCode::ValidationFailed,
            "Updating password of an anonymous user without an email or phone is not allowed",
        ));
    }
    Ok(())
}

/// That what signs in is changed by both factors, where there are two.
async fn check_aal(signed_in: &SignedIn, changes: &Changes) -> Result<(), AuthError> {
    let SignedIn { caller, user, session, .. } = signed_in;
    let other = |new: &Option<String>, old: &str| new.as_ref().is_some_and(|new| new != old);
    let of_weight = changes.password.is_some() || other(&changes.email, user.email()) || other(&changes.phone, user.phone());
    if !of_weight || session.as_ref().is_some_and(|session| session.aal >= Aal::Aal2) {
        return Ok(());
    }
    let db = caller.db().await?;
    if store::factors::of_user(&db, user.id).await?.iter().any(Factor::is_verified) {
        let message = "AAL2 session is required to update email or password when MFA is enabled.";
        return Err(AuthError::unauthorized(ErrorCode::InsufficientAal, message));
    }
    Ok(())
}

/// That the new password is another, and that it is the user who sets it.
async fn check_password(signed_in: &SignedIn, changes: &Changes, password: &str) -> Result<(), AuthError> {
    let SignedIn { caller, user, session, .. } = signed_in;
    let security = &caller.live.settings.security;
    if security.update_password_require_reauthentication {
        let is_fresh = session.as_ref().is_some_and(|session| OffsetDateTime::now_utc() - session.created_at < FRESH);
        if !is_fresh && changes.nonce.as_deref().unwrap_or_default().is_empty() {
            let message = "Password update requires reauthentication";
            return Err(AuthError::bad_request(ErrorCode::ReauthenticationNeeded, message));
        }
    }
    let Some(stored) = &user.encrypted_password else { return Ok(()) };
    let hasher = caller.context.hasher();
    let hash = sealed::open(caller, user.id, stored)?.value;
    if security.update_password_require_current_password && !is_by_message(signed_in).await? {
        let refusal = |code| AuthError::bad_request(code, "Current password required when setting new password.");
        let given = changes.current_password.as_deref().unwrap_or_default();
        if given.is_empty() {
            return Err(refusal(ErrorCode::CurrentPasswordRequired));
        }
        if !hasher.verify(&hash, given).await? {
            return Err(refusal(ErrorCode::CurrentPasswordInvalid));
        }
    }
    if hasher.verify(&hash, password).await? {
        let message = "New password should be different from the old password.";
        return Err(AuthError::unprocessable(ErrorCode::SamePassword, message));
    }
    Ok(())
}

/// Whether the session began with a code or link of a message: who has forgotten the password can't be asked for it.
async fn is_by_message(signed_in: &SignedIn) -> Result<bool, AuthError> {
    let Some(session) = &signed_in.session else { return Ok(false) };
    let db = signed_in.caller.db().await?;
    let by_message = [Method::Otp, Method::MagicLink, Method::Recovery].map(Method::as_str);
    Ok(store::sessions::amr(&db, session.id).await?.iter().any(|claim| by_message.contains(&claim.method.as_str())))
}

async fn within(signed_in: &SignedIn, db: &Db, changes: Changes, new_password: Option<String>) -> Result<UserRecord, AuthError> {
    let SignedIn { caller, session, .. } = signed_in;
    let settings = &caller.live.settings;
    let mut user = super::lock(db, signed_in.user.id).await?;
    // Ended since: by a logout, or by the owner's own new password while another one was hashed.
    if let Some(session) = session
        && store::sessions::find_for_update(db, session.id).await?.is_none()
    {
        return Err(no_session());
    }
    if let Some(hash) = new_password {
        if user.encrypted_password.is_some() {
            forget_changes(db, &mut user).await?;
        }
        user.encrypted_password = Some(sealed::seal_hash(caller, user.id, &hash)?);
        store::users::update(db, &mut user).await?;
        // Whoever knew the old one is out.
        super::end_sessions(db, user.id, session.as_ref().map(|session| session.id)).await?;
        audit::note(caller, db, &user, Action::UserUpdatePassword, json!({})).await?;
        let to = user.email().to_owned();
        mail::notify(caller, db, &user, MailKind::PasswordChanged, mail::Content { to: &to, ..Default::default() }).await;
    }
    if changes.data.is_some() || changes.app_metadata.is_some() {
        User::merge_metadata(&mut user.user_metadata, changes.data.unwrap_or_default());
        User::merge_metadata(&mut user.app_metadata, changes.app_metadata.unwrap_or_default());
        check_size(&user)?;
        store::users::update(db, &mut user).await?;
    }
    if let Some(email) = changes.email.filter(|email| *email != user.email()) {
        if store::users::find_by_email(db, &email, audience(caller)).await?.is_some() {
            let message = "A user with this email address has already been registered";
            return Err(AuthError::unprocessable(ErrorCode::EmailExists, message));
        }
        if settings.mailer.autoconfirm {
            user.email_change = email;
            verify::change_email(caller, db, &mut user).await?;
        } else {
            pkce::begin(db, &user, Method::EmailChange, changes.challenge.as_ref()).await?;
            mail::email_change(caller, db, &mut user, &email, changes.challenge.as_ref()).await?;
        }
    }
    if let Some(number) = changes.phone.filter(|number| *number != user.phone()) {
        if store::users::find_by_phone(db, &number, audience(caller)).await?.is_some() {
            let message = "A user with this phone number has already been registered";
            return Err(AuthError::unprocessable(ErrorCode::PhoneExists, message));
        }
        if settings.sms.autoconfirm {
            user.phone_change = number;
            verify::change_phone(caller, db, &mut user).await?;
        } else {
            let channel = changes.channel.unwrap_or(Channel::Sms);
            phone::send_code(caller, db, &mut user, &number, Purpose::PhoneChange, channel).await?;
        }
    }
    audit::note(caller, db, &user, Action::UserModified, json!({})).await?;
    Ok(UserRecord::load(db, user).await?)
}

/// Metadata are in each token and each answer; they must not grow with each change.
fn check_size(user: &User) -> Result<(), AuthError> {
    let size = serde_json::to_vec(&user.user_metadata).map_or(usize::MAX, |json| json.len());
    if size > LARGEST_METADATA {
        return Err(AuthError::validation(format!("A user's metadata must not have more than {LARGEST_METADATA} bytes")));
    }
    Ok(())
}

/// What whoever knew the old password may have begun: another address or number that is still to be confirmed.
async fn forget_changes(db: &Db, user: &mut User) -> Result<(), AuthError> {
    for text in [
        &mut user.email_change,
        &mut user.email_change_token_new,
        &mut user.email_change_token_current,
        &mut user.phone_change,
        &mut user.phone_change_token,
    ] {
        text.clear();
    }
    for kind in [TokenKind::EmailChangeNew, TokenKind::EmailChangeCurrent, TokenKind::PhoneChange] {
        store::one_time_tokens::clear(db, user.id, kind).await?;
    }
    Ok(())
}

/// Which sessions end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Global,
    Local,
    Others,
}

pub(crate) async fn logout(signed_in: &SignedIn, scope: Scope) -> Result<(), AuthError> {
    let SignedIn { caller, user, session, .. } = signed_in;
    let tx = caller.begin().await?;
    let outcome = async {
        audit::note(caller, &tx, user, Action::Logout, json!({})).await?;
        match (scope, session) {
            (Scope::Local, Some(session)) => store::sessions::delete(&tx, session.id).await?,
            (Scope::Others, Some(session)) => super::end_sessions(&tx, user.id, Some(session.id)).await?,
            (Scope::Global, _) | (_, None) => super::end_sessions(&tx, user.id, None).await?,
        }
        Ok(())
    }
    .await;
    tx.end(outcome).await
}
