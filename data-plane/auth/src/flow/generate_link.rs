//! Links of mails that somebody else sends: what is needed to write them.

use serde::Serialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::{
    UserRecord,
    admin::email_exists,
    audience, audit,
    audit::Action,
    hash_new, invite, mail,
    one_time::{self, Code},
};
use crate::{
    caller::Admin,
    error::{AuthError, ErrorCode},
    message::links::LinkType,
    model::{TokenKind, User},
    settings::MailKind,
    store::{self, Db},
};

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Signup,
    Invite,
    Magiclink,
    Recovery,
    EmailChangeCurrent,
    EmailChangeNew,
}

impl Kind {
    pub(crate) fn parse(text: &str) -> Result<Self, AuthError> {
        Ok(match text {
            "signup" => Self::Signup,
            "invite" => Self::Invite,
            "magiclink" => Self::Magiclink,
            "recovery" => Self::Recovery,
            "email_change_current" => Self::EmailChangeCurrent,
            "email_change_new" => Self::EmailChangeNew,
            other => return Err(AuthError::validation(format!("Invalid email action link type requested: {other}"))),
        })
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Signup => "signup",
            Self::Invite => "invite",
            Self::Magiclink => "magiclink",
            Self::Recovery => "recovery",
            Self::EmailChangeCurrent => "email_change_current",
            Self::EmailChangeNew => "email_change_new",
        }
    }

    /// The mail that usually has it, and its type.
    fn link(self) -> (MailKind, LinkType) {
        match self {
            Self::Signup => (MailKind::Confirmation, LinkType::Signup),
            Self::Invite => (MailKind::Invite, LinkType::Invite),
            Self::Magiclink => (MailKind::MagicLink, LinkType::Magiclink),
            Self::Recovery => (MailKind::Recovery, LinkType::Recovery),
            Self::EmailChangeCurrent | Self::EmailChangeNew => (MailKind::EmailChange, LinkType::EmailChange),
        }
    }
}

/// What an administrator asks for.
pub(crate) struct Wanted {
    pub(crate) kind: Kind,
    pub(crate) email: String,
    pub(crate) new_email: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) data: Map<String, Value>,
}

/// A link, and the code that does the same.
#[derive(Serialize)]
pub(crate) struct GeneratedLink {
    #[serde(flatten)]
    user: UserRecord,
    action_link: String,
    email_otp: String,
    hashed_token: String,
    verification_type: &'static str,
    redirect_to: String,
}

pub(crate) async fn generate(admin: &Admin, mut wanted: Wanted) -> Result<GeneratedLink, AuthError> {
    let caller = &admin.caller;
    let db = caller.db().await?;
    let is_there = store::users::find_by_email(&db, &wanted.email, audience(caller)).await?.is_some();
    // No connection waits for a hash.
    drop(db);
    let hash = match (wanted.kind, is_there) {
        (Kind::Signup, false) => {
            let password = wanted.password.as_deref().ok_or_else(|| AuthError::validation("Signup requires a valid password"))?;
            Some(hash_new(caller, password).await?)
        }
        // Who has no account gets one.
        (Kind::Magiclink, false) => {
            wanted.kind = Kind::Signup;
            None
        }
        _ => None,
    };
    let tx = caller.begin().await?;
    let outcome = within(admin, &tx, wanted, hash).await;
    tx.end(outcome).await
}

async fn within(admin: &Admin, db: &Db, wanted: Wanted, hash: Option<String>) -> Result<GeneratedLink, AuthError> {
    let caller = &admin.caller;
    let kind = wanted.kind;
    let address = match (kind, &wanted.new_email) {
        (Kind::EmailChangeNew, Some(new_email)) => new_email.clone(),
        _ => wanted.email.clone(),
    };
    let code = mail::code_for(caller, &address, None)?;
    let now = OffsetDateTime::now_utc();
    let mut user = match kind {
        Kind::Signup => {
            let mut user = invite::unconfirmed(caller, db, &wanted.email, wanted.data.clone(), hash).await?;
            User::merge_metadata(&mut user.user_metadata, wanted.data);
            user
        }
        Kind::Invite => {
            let mut user = invite::invited(admin, db, &wanted.email, wanted.data).await?;
            user.invited_at = Some(now);
            user
        }
        Kind::Magiclink | Kind::Recovery => {
            let user = existing(admin, db, &wanted.email).await?;
            audit::note(caller, db, &user, Action::UserRecoveryRequested, json!({})).await?;
            user
        }
        Kind::EmailChangeCurrent | Kind::EmailChangeNew => {
            let user = existing(admin, db, &wanted.email).await?;
            change_begun(admin, db, kind, user, wanted.new_email).await?
        }
    };
    let token = note_code(&mut user, kind, &code, now);
    store::users::update(db, &mut user).await?;
    one_time::put(db, &user, token, &code.link, &address).await?;
    let (mail, link) = kind.link();
    Ok(GeneratedLink {
        action_link: mail::link(caller, mail, link, &code.link)?,
        user: UserRecord::load(db, user).await?,
        email_otp: code.digits,
        hashed_token: code.link,
        verification_type: kind.as_str(),
        redirect_to: caller.redirect_to.clone(),
    })
}

async fn existing(admin: &Admin, db: &Db, email: &str) -> Result<User, AuthError> {
    let not_found = || AuthError::not_found(ErrorCode::UserNotFound, "User with this email not found");
    let user = store::users::find_by_email(db, email, audience(&admin.caller)).await?.ok_or_else(not_found)?;
    super::lock(db, user.id).await
}

/// The user with the address to change to, which nobody has.
async fn change_begun(admin: &Admin, db: &Db, kind: Kind, mut user: User, new_email: Option<String>) -> Result<User, AuthError> {
    if kind == Kind::EmailChangeCurrent && !admin.caller.live.settings.mailer.secure_email_change_enabled {
        return Err(AuthError::validation("Enable secure email change to generate link for current email"));
    }
    let new_email = new_email.ok_or_else(|| AuthError::validation("An email address is required"))?;
    if store::users::find_by_email(db, &new_email, &user.aud).await?.is_some_and(|other| other.id != user.id) {
        return Err(email_exists());
    }
    if user.email_change != new_email {
        // Who agrees to another address does not agree to this one.
        user.email_change_token_current.clear();
        user.email_change_token_new.clear();
        store::one_time_tokens::clear(db, user.id, TokenKind::EmailChangeCurrent).await?;
        store::one_time_tokens::clear(db, user.id, TokenKind::EmailChangeNew).await?;
    }
    user.email_change = new_email;
    user.email_change_confirm_status = 0;
    Ok(user)
}

fn note_code(user: &mut User, kind: Kind, code: &Code, now: OffsetDateTime) -> TokenKind {
    let of = match kind {
        Kind::Signup | Kind::Invite => TokenKind::Confirmation,
        Kind::Magiclink | Kind::Recovery => TokenKind::Recovery,
        Kind::EmailChangeCurrent => TokenKind::EmailChangeCurrent,
        Kind::EmailChangeNew => TokenKind::EmailChangeNew,
    };
    let (token, sent_at) = user.token(of);
    token.clone_from(&code.link);
    *sent_at = Some(now);
    of
}
