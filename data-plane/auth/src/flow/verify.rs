//! A one-time token comes back: by a link's hash, or as the code that was in the message.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    attempts, audience, audit,
    audit::Action,
    mail::{self, Content},
    one_time::{is_expired, used_up},
    phone, pkce, session,
    session::{Grant, Tokens},
    sign_up,
};
use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    mfa::PKCE_PREFIX,
    model::{Identity, Method, TokenKind, User},
    settings::MailKind,
    store::{self, Db},
};

/// What a token is for, as the client says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Signup,
    Invite,
    Magiclink,
    Recovery,
    EmailChange,
    Email,
    Sms,
    PhoneChange,
}

impl Kind {
    pub(crate) fn parse(text: &str) -> Result<Self, AuthError> {
        Ok(match text {
            "signup" => Self::Signup,
            "invite" => Self::Invite,
            "magiclink" => Self::Magiclink,
            "recovery" => Self::Recovery,
            "email_change" => Self::EmailChange,
            "email" => Self::Email,
            "sms" => Self::Sms,
            "phone_change" => Self::PhoneChange,
            "" => return Err(AuthError::validation("Verify requires a verification type")),
            _ => return Err(AuthError::validation("Invalid email verification type")),
        })
    }
}

/// What was shown.
pub(crate) enum Proof {
    Hash(String),
    EmailCode { email: String, code: String },
    PhoneCode { phone: String, code: String },
}

/// What becomes of it.
pub(crate) enum Verified {
    In(Box<Tokens>),
    /// For who began the flow by PKCE.
    Code(String),
    /// The other address has to agree, too.
    OneOfTwo,
}

/// GoTrue's text where the first of two addresses has agreed.
pub(crate) const ONE_OF_TWO: &str = "Confirmation link accepted. Please proceed to confirm link sent to the other email";

/// In GoTrue's words, which differ by what was shown.
fn expired(proof: &Proof) -> AuthError {
    let message = match proof {
        Proof::Hash(_) => "Email link is invalid or has expired",
        Proof::EmailCode { .. } | Proof::PhoneCode { .. } => "Token has expired or is invalid",
    };
    AuthError::forbidden(ErrorCode::OtpExpired, message)
}

/// `by_link`: a browser followed the link, and goes on with a code where the flow is one by PKCE.
pub(crate) async fn verify(caller: &Caller, kind: Kind, proof: &Proof, by_link: bool) -> Result<Verified, AuthError> {
    let accepted = match proof {
        Proof::PhoneCode { phone, code } => phone::provider_accepts(caller, phone, code).await,
        Proof::Hash(_) | Proof::EmailCode { .. } => None,
    };
    let tx = caller.begin().await?;
    let outcome = async {
        let found = match proof {
            Proof::Hash(link) => by_hash(&tx, kind, link).await?,
            Proof::EmailCode { email, code } => by_email_code(caller, &tx, kind, email, code).await?,
            Proof::PhoneCode { phone, code } => by_phone_code(caller, &tx, kind, phone, code, accepted).await?,
        };
        match found {
            Some(found) => within(caller, &tx, kind, found, proof, by_link).await.map(Some),
            // That the guess was wrong is to be remembered.
            None => Ok(None),
        }
    }
    .await;
    tx.end(outcome).await?.ok_or_else(|| expired(proof))
}

async fn within(caller: &Caller, db: &Db, kind: Kind, found: Found, proof: &Proof, by_link: bool) -> Result<Verified, AuthError> {
    let Found { mut user, kind: token } = found;
    if user.deleted_at.is_some() {
        return Err(expired(proof));
    }
    if user.is_banned() {
        return Err(AuthError::forbidden(ErrorCode::UserBanned, "User is banned"));
    }
    if is_over(caller, &user, token) {
        return Err(expired(proof));
    }
    let is_pkce = by_link && matches!(proof, Proof::Hash(hash) if hash.starts_with(PKCE_PREFIX));
    let (method, amr) = match (kind, token) {
        (Kind::Invite, _) => (Method::Invite, Method::Otp),
        (Kind::Recovery, _) => (Method::Recovery, Method::Otp),
        (_, TokenKind::Confirmation) => (Method::EmailSignup, Method::Otp),
        (_, TokenKind::EmailChangeNew | TokenKind::EmailChangeCurrent) => (Method::EmailChange, Method::Otp),
        _ => (Method::MagicLink, Method::Otp),
    };
    match token {
        TokenKind::Confirmation if matches!(kind, Kind::Sms) => {
            audit::note(caller, db, &user, Action::UserSignedUp, json!({})).await?;
            sign_up::confirm_phone(db, &mut user).await?;
            verified_identity(db, &user, "phone", "phone_verified").await?;
        }
        TokenKind::Confirmation => {
            let action = if user.invited_at.is_some() { Action::InviteAccepted } else { Action::UserSignedUp };
            audit::note(caller, db, &user, action, json!({ "provider": "email" })).await?;
            confirm(db, &mut user).await?;
        }
        TokenKind::Recovery => {
            user.recovery_token.clear();
            if user.email_confirmed_at.is_none() {
                audit::note(caller, db, &user, Action::UserSignedUp, json!({ "provider": "email" })).await?;
                confirm(db, &mut user).await?;
            } else {
                audit::note(caller, db, &user, Action::Login, json!({})).await?;
                used_up(db, &mut user).await?;
            }
        }
        TokenKind::PhoneChange => {
            audit::note(caller, db, &user, Action::UserModified, json!({})).await?;
            change_phone(caller, db, &mut user).await?;
        }
        TokenKind::EmailChangeNew | TokenKind::EmailChangeCurrent => {
            if !agree(caller, db, &mut user, token).await? {
                return Ok(Verified::OneOfTwo);
            }
        }
        TokenKind::Reauthentication => return Err(expired(proof)),
    }
    if is_pkce {
        return Ok(Verified::Code(pkce::issue_code(db, &user, method).await?));
    }
    Ok(Verified::In(Box::new(session::begin(caller, db, user, amr, Grant::default()).await?)))
}

pub(super) struct Found {
    pub(super) user: User,
    kind: TokenKind,
}

async fn by_hash(db: &Db, kind: Kind, link: &str) -> Result<Option<Found>, AuthError> {
    let kinds: &[TokenKind] = match kind {
        Kind::Signup | Kind::Invite => &[TokenKind::Confirmation],
        Kind::Magiclink | Kind::Recovery => &[TokenKind::Recovery],
        Kind::EmailChange => &[TokenKind::EmailChangeNew, TokenKind::EmailChangeCurrent],
        Kind::Email => &[TokenKind::Confirmation, TokenKind::Recovery],
        Kind::Sms | Kind::PhoneChange => return Err(AuthError::validation("Invalid email verification type")),
    };
    for kind in kinds {
        if let Some(found) = by_link(db, *kind, link).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Whose a link is. Nobody else follows it until the transaction's end.
pub(super) async fn by_link(db: &Db, kind: TokenKind, link: &str) -> Result<Option<Found>, AuthError> {
    let Some(token) = store::one_time_tokens::find(db, link, kind).await? else { return Ok(None) };
    let user = super::lock(db, token.user_id).await?;
    // Whoever has followed it while this one waited has used it up.
    let again = store::one_time_tokens::find(db, link, kind).await?;
    Ok(again.filter(|again| again.user_id == user.id).map(|_| Found { user, kind }))
}

async fn by_email_code(caller: &Caller, db: &Db, kind: Kind, email: &str, code: &str) -> Result<Option<Found>, AuthError> {
    let aud = audience(caller);
    let user = match kind {
        Kind::EmailChange => match store::users::find_by_email_change(db, email, aud).await? {
            Some(user) => Some(user),
            None => store::users::find_by_email(db, email, aud).await?,
        },
        _ => store::users::find_by_email(db, email, aud).await?,
    };
    let user = match user {
        Some(user) => Some(super::lock(db, user.id).await?),
        None => None,
    };
    attempts::check_code(caller, db, email, user.as_ref()).await?;
    let Some(user) = user else { return wrong(caller, db, email, None).await };
    let is = |stored: &str| caller.live.links.is_of_code(stored, email, code);
    let confirmation = is(&user.confirmation_token).then_some(TokenKind::Confirmation);
    let recovery = is(&user.recovery_token).then_some(TokenKind::Recovery);
    let kind = match kind {
        Kind::Signup | Kind::Invite => confirmation,
        Kind::Magiclink | Kind::Recovery => recovery,
        Kind::Email => confirmation.or(recovery),
        Kind::EmailChange => is(&user.email_change_token_new)
            .then_some(TokenKind::EmailChangeNew)
            .or_else(|| is(&user.email_change_token_current).then_some(TokenKind::EmailChangeCurrent)),
        Kind::Sms | Kind::PhoneChange => None,
    };
    match kind {
        Some(kind) => Ok(Some(Found { user, kind })),
        None => wrong(caller, db, email, Some(user)).await,
    }
}

/// Nobody is found by a wrong code, and the guess is counted: within the transaction, in which the user is locked, so that many at
/// once are counted one by one. Of an address that nobody has, too.
async fn wrong(caller: &Caller, db: &Db, address: &str, user: Option<User>) -> Result<Option<Found>, AuthError> {
    attempts::wrong_code(caller, db, address, user).await.map(|()| None)
}

async fn by_phone_code(
    caller: &Caller,
    db: &Db,
    kind: Kind,
    phone: &str,
    code: &str,
    accepted: Option<bool>,
) -> Result<Option<Found>, AuthError> {
    let aud = audience(caller);
    let user = match kind {
        Kind::PhoneChange => store::users::find_by_phone_change(db, phone, aud).await?,
        Kind::Sms => store::users::find_by_phone(db, phone, aud).await?,
        _ => return Err(AuthError::validation("Invalid sms verification type")),
    };
    let user = match user {
        Some(user) => Some(super::lock(db, user.id).await?),
        None => None,
    };
    attempts::check_code(caller, db, phone, user.as_ref()).await?;
    let Some(user) = user else { return wrong(caller, db, phone, None).await };
    let is = |stored: &str| !stored.is_empty() && accepted.unwrap_or_else(|| caller.live.links.is_of_code(stored, phone, code));
    let kind = match kind {
        Kind::PhoneChange => is(&user.phone_change_token).then_some(TokenKind::PhoneChange),
        _ => is(&user.confirmation_token).then_some(TokenKind::Confirmation),
    };
    match kind {
        Some(kind) => Ok(Some(Found { user, kind })),
        None => wrong(caller, db, phone, Some(user)).await,
    }
}

/// Whether a token's time is over.
fn is_over(caller: &Caller, user: &User, kind: TokenKind) -> bool {
    let settings = &caller.live.settings;
    let mail = settings.mailer.otp_exp;
    let (sent_at, lifetime) = match kind {
        TokenKind::Confirmation if user.email().is_empty() => (user.confirmation_sent_at, settings.sms.otp_exp),
        TokenKind::Confirmation => (user.confirmation_sent_at, mail),
        TokenKind::Recovery => (user.recovery_sent_at, mail),
        TokenKind::EmailChangeNew | TokenKind::EmailChangeCurrent => (user.email_change_sent_at, mail),
        TokenKind::PhoneChange => (user.phone_change_sent_at, settings.sms.otp_exp),
        TokenKind::Reauthentication => (user.reauthentication_sent_at, mail),
    };
    is_expired(sent_at, lifetime)
}

async fn confirm(db: &Db, user: &mut User) -> Result<(), AuthError> {
    // Who was invited has no identity before.
    if store::identities::of_user(db, user.id).await?.is_empty() && !user.email().is_empty() {
        let data = json!({ "sub": user.id, "email": user.email(), "email_verified": true, "phone_verified": false });
        let Value::Object(data) = data else { return Ok(()) };
        store::identities::insert(db, &Identity::new(user.id, "email", data)).await?;
        user.set_providers(&["email".to_owned()]);
    }
    sign_up::confirm_email(db, user).await?;
    verified_identity(db, user, "email", "email_verified").await
}

async fn verified_identity(db: &Db, user: &User, provider: &str, member: &str) -> Result<(), AuthError> {
    for mut identity in store::identities::of_user(db, user.id).await? {
        if identity.provider == provider {
            identity.identity_data.insert(member.to_owned(), json!(true));
            store::identities::update(db, &mut identity).await?;
        }
    }
    Ok(())
}

/// Notes that one address agrees. Whether the change is made now.
async fn agree(caller: &Caller, db: &Db, user: &mut User, token: TokenKind) -> Result<bool, AuthError> {
    let both = caller.live.settings.mailer.secure_email_change_enabled && !user.email().is_empty();
    if both && user.email_change_confirm_status == 0 {
        user.email_change_confirm_status = 1;
        if token == TokenKind::EmailChangeNew {
            user.email_change_token_new.clear();
        } else {
            user.email_change_token_current.clear();
        }
        store::users::update(db, user).await?;
        store::one_time_tokens::clear(db, user.id, token).await?;
        return Ok(false);
    }
    audit::note(caller, db, user, Action::UserModified, json!({})).await?;
    change_email(caller, db, user).await?;
    Ok(true)
}

/// Has the new address in the place of the old one, with the identity.
pub(crate) async fn change_email(caller: &Caller, db: &Db, user: &mut User) -> Result<(), AuthError> {
    let old = user.email().to_owned();
    let new_email = std::mem::take(&mut user.email_change);
    let mut identities = store::identities::of_user(db, user.id).await?;
    match identities.iter_mut().find(|identity| identity.provider == "email") {
        Some(identity) => {
            identity.identity_data.insert("email".to_owned(), json!(new_email));
            identity.identity_data.insert("email_verified".to_owned(), json!(true));
            store::identities::update(db, identity).await?;
        }
        None => {
            let data = json!({ "sub": user.id, "email": new_email, "email_verified": true, "phone_verified": false });
            let Value::Object(data) = data else { return Ok(()) };
            let identity = Identity::new(user.id, "email", data);
            store::identities::insert(db, &identity).await?;
            identities.push(identity);
            let providers: Vec<_> = identities.iter().map(|identity| identity.provider.clone()).collect();
            user.set_providers(&providers);
        }
    }
    user.email = Some(new_email.clone());
    if user.email_confirmed_at.is_none() {
        user.email_confirmed_at = Some(OffsetDateTime::now_utc());
    }
    user.is_anonymous = false;
    user.email_change_token_new.clear();
    user.email_change_token_current.clear();
    user.email_change_confirm_status = 0;
    user.user_metadata.insert("email".to_owned(), json!(new_email));
    user.user_metadata.insert("email_verified".to_owned(), json!(true));
    store_change(db, user, ErrorCode::EmailExists, "A user with this email address has already been registered").await?;
    // To the old address: whoever has it should know.
    let content = Content { to: &old, old_email: &old, ..Content::default() };
    mail::notify(caller, db, user, MailKind::EmailChanged, content).await;
    Ok(())
}

/// Has the new number in the place of the old one, with the identity.
pub(crate) async fn change_phone(caller: &Caller, db: &Db, user: &mut User) -> Result<(), AuthError> {
    let old = user.phone().to_owned();
    let number = std::mem::take(&mut user.phone_change);
    let mut identities = store::identities::of_user(db, user.id).await?;
    match identities.iter_mut().find(|identity| identity.provider == "phone") {
        Some(identity) => {
            identity.identity_data.insert("phone".to_owned(), json!(number));
            identity.identity_data.insert("phone_verified".to_owned(), json!(true));
            store::identities::update(db, identity).await?;
        }
        None => {
            let data = json!({ "sub": user.id, "phone": number, "email_verified": false, "phone_verified": true });
            let Value::Object(data) = data else { return Ok(()) };
            let identity = Identity::new(user.id, "phone", data);
            store::identities::insert(db, &identity).await?;
            identities.push(identity);
            let providers: Vec<_> = identities.iter().map(|identity| identity.provider.clone()).collect();
            user.set_providers(&providers);
        }
    }
    user.phone = Some(number);
    user.phone_confirmed_at = Some(OffsetDateTime::now_utc());
    user.is_anonymous = false;
    user.phone_change_token.clear();
    store_change(db, user, ErrorCode::PhoneExists, "A user with this phone number has already been registered").await?;
    let to = user.email().to_owned();
    let content = Content { to: &to, old_phone: &old, ..Content::default() };
    mail::notify(caller, db, user, MailKind::PhoneChanged, content).await;
    Ok(())
}

async fn store_change(db: &Db, user: &mut User, taken: ErrorCode, message: &'static str) -> Result<(), AuthError> {
    store::users::update(db, user).await.map_err(|error| match error.violated_unique() {
        Some(_) => AuthError::unprocessable(taken, message),
        None => error.into(),
    })?;
    Ok(store::one_time_tokens::clear_all(db, user.id).await?)
}
