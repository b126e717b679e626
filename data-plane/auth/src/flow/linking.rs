//! Whose account an identity of a provider's belongs to: an existing one, one with the same verified address, or a new one.
//!
//! Stricter than GoTrue in three places: an address links accounts only where the provider itself vouches for it, also in
//! projects that confirm addresses by themselves; an identity whose provider does not vouch for its address attracts no other;
//! and what somebody did in an account before its address was confirmed is all undone.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{audience, audit, audit::Action, mail, mail::Content, sign_up};
use crate::{
    caller::{Admin, Caller, SignedIn},
    error::{AuthError, ErrorCode},
    model::{Identity, User},
    provider::Profile,
    settings::MailKind,
    store::{self, Db},
    web3,
};

/// The provider of wallets, which have no addresses of mail.
pub(crate) const WEB3: &str = "web3";

/// Longest address, as of the column.
const LONGEST: usize = 255;

/// Who a provider says somebody is.
#[derive(Debug)]
pub(crate) struct Incoming<'a> {
    pub(crate) provider: &'a str,
    pub(crate) profile: &'a Profile,
    pub(crate) email_optional: bool,
}

/// What becomes of it. Both are kept: a refusal may have sent a message.
#[derive(Debug)]
pub(crate) enum Settled {
    User(Box<User>),
    Refused(AuthError),
}

impl Incoming<'_> {
    /// The address that the user is known by, and whether the provider vouches for it.
    fn candidate(&self) -> Option<(String, bool)> {
        let email = self.profile.email().filter(|email| email.email.len() <= LONGEST)?;
        Some((email.email.to_lowercase(), email.verified))
    }

    fn verified(&self) -> Vec<String> {
        self.profile.emails.iter().filter(|email| email.verified).map(|email| email.email.to_lowercase()).collect()
    }

    fn identity(&self, user: Uuid) -> Identity {
        Identity::new(user, self.provider, self.profile.claims.clone())
    }

    fn claims(&self) -> Map<String, Value> {
        self.profile.claims.clone()
    }
}

/// Somebody signs in, or up.
pub(crate) async fn sign_in(caller: &Caller, db: &Db, incoming: &Incoming<'_>) -> Result<Settled, AuthError> {
    let (mut user, identity, is_new) = match existing(db, incoming).await? {
        Some(mut identity) => {
            identity.identity_data = incoming.claims();
            identity.last_sign_in_at = Some(OffsetDateTime::now_utc());
            store::identities::update(db, &mut identity).await?;
            (super::lock(db, identity.user_id).await?, identity, false)
        }
        None => match similar(caller, db, incoming).await? {
            Some(id) => {
                let user = super::lock(db, id).await?;
                let identity = incoming.identity(user.id);
                insert(db, &identity).await?;
                notify(caller, db, &user, MailKind::IdentityLinked, incoming.provider).await;
                (user, identity, false)
            }
            None => {
                let user = create(caller, db, incoming).await?;
                let identity = incoming.identity(user.id);
                insert(db, &identity).await?;
                (user, identity, true)
            }
        },
    };
    if user.is_banned() {
        return Err(AuthError::forbidden(ErrorCode::UserBanned, "User is banned"));
    }
    if !is_new {
        User::merge_metadata(&mut user.user_metadata, incoming.claims());
        store_providers(db, &mut user).await?;
    }
    let may_have_none = incoming.provider == WEB3 || incoming.email_optional || user.phone_confirmed_at.is_some();
    if user.email_confirmed_at.is_some() || (may_have_none && user.email().is_empty()) {
        let action = if is_new { Action::UserSignedUp } else { Action::Login };
        audit::note(caller, db, &user, action, json!({ "provider": incoming.provider })).await?;
        return Ok(Settled::User(Box::new(user)));
    }
    confirm(caller, db, user, &identity, incoming).await
}

/// Of a user whose address nobody has shown to be the user's yet.
async fn confirm(
    caller: &Caller,
    db: &Db,
    mut user: User,
    identity: &Identity,
    incoming: &Incoming<'_>,
) -> Result<Settled, AuthError> {
    let settings = &caller.live.settings;
    let provider = incoming.provider;
    if user.email().is_empty() {
        return Err(AuthError::unprocessable(
            ErrorCode::ProviderEmailNeedsVerification,
            format!("Unverified email with {provider}. Verify the email with {provider} in order to sign in"),
        ));
    }
    if settings.mailer.autoconfirm || incoming.verified().iter().any(|email| email == user.email()) {
        forget_unconfirmed(db, &mut user, identity).await?;
        audit::note(caller, db, &user, Action::UserSignedUp, json!({ "provider": provider })).await?;
        sign_up::confirm_email(db, &mut user).await?;
        return Ok(Settled::User(Box::new(user)));
    }
    mail::confirmation(caller, db, &mut user, None).await?;
    if settings.mailer.allow_unverified_email_sign_ins {
        return Ok(Settled::User(Box::new(user)));
    }
    Ok(Settled::Refused(needs_verification(ErrorCode::ProviderEmailNeedsVerification, provider)))
}

fn needs_verification(code: ErrorCode, provider: &str) -> AuthError {
    let message = format!("Unverified email with {provider}. A confirmation email has been sent to your {provider} email");
    AuthError::unprocessable(code, message)
}

/// Whoever made the account before its address was confirmed may be somebody else, who waits for the owner.
async fn forget_unconfirmed(db: &Db, user: &mut User, keep: &Identity) -> Result<(), AuthError> {
    let mut others = false;
    for identity in store::identities::of_user(db, user.id).await? {
        if identity.id != keep.id {
            others = true;
            store::identities::delete(db, identity.id).await?;
        }
    }
    if !others && user.encrypted_password.is_none() {
        return Ok(());
    }
    for factor in store::factors::of_user(db, user.id).await? {
        store::factors::delete(db, factor.id).await?;
    }
    store::passkeys::delete_of_user(db, user.id).await?;
    // Also codes that are still to be exchanged.
    store::flow_states::delete_of_user(db, user.id).await?;
    store::oauth_consents::revoke_all(db, user.id).await?;
    super::end_sessions(db, user.id, None).await?;
    user.encrypted_password = None;
    // Whoever has confirmed the number has not confirmed the address.
    user.phone = None;
    user.phone_confirmed_at = None;
    for token in [
        &mut user.recovery_token,
        &mut user.email_change,
        &mut user.email_change_token_new,
        &mut user.email_change_token_current,
        &mut user.phone_change,
        &mut user.phone_change_token,
        &mut user.reauthentication_token,
    ] {
        token.clear();
    }
    user.user_metadata = keep.identity_data.clone();
    user.app_metadata.remove("provider");
    store_providers(db, user).await
}

async fn existing(db: &Db, incoming: &Incoming<'_>) -> Result<Option<Identity>, AuthError> {
    let (provider, subject) = (incoming.provider, &incoming.profile.subject);
    let found = store::identities::find(db, provider, subject).await?;
    // GoTrue has Ethereum addresses as wallets write them.
    if found.is_none()
        && provider == WEB3
        && let Some(written) = web3::other_forms(subject)
    {
        return Ok(store::identities::find_one_of(db, provider, &written).await?);
    }
    Ok(found)
}

/// The account that has one of the verified addresses.
async fn similar(caller: &Caller, db: &Db, incoming: &Incoming<'_>) -> Result<Option<Uuid>, AuthError> {
    let verified = incoming.verified();
    if verified.is_empty() {
        return Ok(None);
    }
    let identities = store::identities::with_emails(db, &verified).await?;
    let vouched = |identity: &&Identity| {
        let is_true = identity.identity_data.get("email_verified").is_some_and(|verified| *verified == json!(true));
        !identity.provider.starts_with("sso:") && (is_true || identity.provider == "email")
    };
    let mut ids: BTreeSet<Uuid> = identities.iter().filter(vouched).map(|identity| identity.user_id).collect();
    if ids.is_empty() {
        for email in &verified {
            ids.extend(store::users::find_by_email(db, email, audience(caller)).await?.map(|user| user.id));
        }
    }
    if ids.len() > 1 {
        let message = "Multiple accounts with the same email address in the same linking domain detected: default";
        return Err(AuthError::internal(message, format!("{ids:?}")));
    }
    Ok(ids.pop_first())
}

async fn create(caller: &Caller, db: &Db, incoming: &Incoming<'_>) -> Result<User, AuthError> {
    let settings = &caller.live.settings;
    sign_up::check_open(settings)?;
    let mut user = User::new(audience(caller));
    sign_up::role(settings).clone_into(&mut user.role);
    user.user_metadata = incoming.claims();
    user.set_providers(&[incoming.provider.to_owned()]);
    if let Some((email, _)) = incoming.candidate()
        && store::users::find_by_email(db, &email, audience(caller)).await?.is_none()
    {
        user.email = Some(email);
    }
    sign_up::insert(caller, db, &user).await?;
    Ok(user)
}

async fn insert(db: &Db, identity: &Identity) -> Result<(), AuthError> {
    store::identities::insert(db, identity).await.map_err(|error| match error.violated_unique() {
        Some(_) => AuthError::unprocessable(ErrorCode::IdentityAlreadyExists, "Identity is already linked to another user"),
        None => error.into(),
    })
}

/// Says in the user's metadata how the user signs in now, and stores the user.
async fn store_providers(db: &Db, user: &mut User) -> Result<(), AuthError> {
    let mut providers: Vec<String> = Vec::new();
    for identity in store::identities::of_user(db, user.id).await? {
        if !providers.contains(&identity.provider) {
            providers.push(identity.provider);
        }
    }
    let first = user.app_metadata.get("provider").and_then(Value::as_str);
    if first.is_some_and(|first| !providers.iter().any(|provider| provider == first)) {
        user.app_metadata.remove("provider");
    }
    user.set_providers(&providers);
    Ok(store::users::update(db, user).await?)
}

async fn notify(caller: &Caller, db: &Db, user: &User, kind: MailKind, provider: &str) {
    mail::notify(caller, db, user, kind, Content { to: user.email(), provider, ..Content::default() }).await;
}

/// A signed-in user has one identity more.
pub(crate) async fn link(caller: &Caller, db: &Db, target: Uuid, incoming: &Incoming<'_>) -> Result<Settled, AuthError> {
    let settings = &caller.live.settings;
    if let Some(identity) = existing(db, incoming).await? {
        let message =
            if identity.user_id == target { "Identity is already linked" } else { "Identity is already linked to another user" };
        return Err(AuthError::unprocessable(ErrorCode::IdentityAlreadyExists, message));
    }
    let mut user = super::lock(db, target).await?;
    if user.deleted_at.is_some() {
        return Err(super::no_such_user());
    }
    if user.is_banned() {
        return Err(AuthError::forbidden(ErrorCode::UserBanned, "User is banned"));
    }
    insert(db, &incoming.identity(user.id)).await?;
    let mut refusal = None;
    match incoming.candidate() {
        Some((email, verified)) if user.email().is_empty() => {
            if store::users::find_by_email(db, &email, audience(caller)).await?.is_some() {
                let message = "A user with this email address has already been registered";
                return Err(AuthError::bad_request(ErrorCode::EmailExists, message));
            }
            user.email = Some(email);
            if verified || settings.mailer.autoconfirm {
                user.email_confirmed_at = Some(OffsetDateTime::now_utc());
                user.is_anonymous = false;
            } else {
                refusal = Some(needs_verification(ErrorCode::EmailNotConfirmed, incoming.provider));
            }
        }
        _ => user.is_anonymous = false,
    }
    store_providers(db, &mut user).await?;
    if let Some(refusal) = refusal {
        mail::confirmation(caller, db, &mut user, None).await?;
        return Ok(Settled::Refused(refusal));
    }
    notify(caller, db, &user, MailKind::IdentityLinked, incoming.provider).await;
    Ok(Settled::User(Box::new(user)))
}

/// Somebody invited comes by a provider that knows the address of the invitation.
pub(crate) async fn accept_invitation(
    caller: &Caller,
    db: &Db,
    invited: Uuid,
    incoming: &Incoming<'_>,
) -> Result<Settled, AuthError> {
    let mut user = super::lock(db, invited).await?;
    if !incoming.profile.emails.iter().any(|email| email.email.to_lowercase() == user.email()) {
        return Err(AuthError::validation("Invited email does not match emails from external provider"));
    }
    if user.is_banned() {
        return Err(AuthError::forbidden(ErrorCode::UserBanned, "User is banned"));
    }
    insert(db, &incoming.identity(user.id)).await?;
    User::merge_metadata(&mut user.user_metadata, incoming.claims());
    user.app_metadata.remove("provider");
    store_providers(db, &mut user).await?;
    audit::note(caller, db, &user, Action::InviteAccepted, json!({ "provider": incoming.provider })).await?;
    sign_up::confirm_email(db, &mut user).await?;
    Ok(Settled::User(Box::new(user)))
}

/// A signed-in user has one identity less.
pub(crate) async fn unlink(signed_in: &SignedIn, id: Uuid) -> Result<(), AuthError> {
    let caller = &signed_in.caller;
    let tx = caller.begin().await?;
    let outcome = unlink_within(caller, &tx, signed_in.user.id, id, None).await;
    tx.end(outcome).await
}

/// An administrator takes an identity off a user.
pub(crate) async fn unlink_by_admin(admin: &Admin, user: Uuid, id: Uuid) -> Result<(), AuthError> {
    let tx = admin.caller.begin().await?;
    let outcome = unlink_within(&admin.caller, &tx, user, id, Some(&admin.claims.role)).await;
    tx.end(outcome).await
}

/// `role`: of the administrator who does it; otherwise the user does.
async fn unlink_within(caller: &Caller, db: &Db, user: Uuid, id: Uuid, role: Option<&str>) -> Result<(), AuthError> {
    let mut user = super::lock(db, user).await?;
    let mut identities = store::identities::of_user(db, user.id).await?;
    if identities.len() < 2 {
        return Err(AuthError::unprocessable(
            ErrorCode::SingleIdentityNotDeletable,
            "User must have at least 1 identity after unlinking",
        ));
    }
    let at = identities.iter().position(|identity| identity.id == id);
    let gone =
        identities.remove(at.ok_or_else(|| AuthError::unprocessable(ErrorCode::IdentityNotFound, "Identity doesn't exist"))?);
    let mut traits = json!({ "identity_id": gone.id, "provider": gone.provider, "provider_id": gone.provider_id });
    match role {
        None => audit::note(caller, db, &user, Action::IdentityUnlinked, traits).await?,
        Some(role) => {
            traits["user_id"] = json!(user.id);
            traits["user_email"] = json!(user.email());
            audit::note_of_admin(caller, db, role, Action::IdentityUnlinked, traits).await?;
        }
    }
    // To the address that was the user's until now.
    notify(caller, db, &user, MailKind::IdentityUnlinked, &gone.provider).await;
    store::identities::delete(db, gone.id).await?;
    if gone.provider == "phone" {
        user.phone = None;
        user.phone_confirmed_at = None;
    } else {
        other_email(caller, db, &mut user, &identities).await?;
    }
    store_providers(db, &mut user).await
}

/// Has the user go by the address of an identity that is left.
async fn other_email(caller: &Caller, db: &Db, user: &mut User, left: &[Identity]) -> Result<(), AuthError> {
    let email = |identity: &Identity| identity.email.clone().unwrap_or_default();
    if left.iter().any(|identity| email(identity) == user.email()) {
        return Ok(());
    }
    for identity in left {
        let email = email(identity);
        if email.is_empty() {
            user.email = None;
            user.email_confirmed_at = None;
            return Ok(());
        }
        if store::users::find_by_email(db, &email, audience(caller)).await?.is_none() {
            user.email = Some(email);
            let vouched = identity.identity_data.get("email_verified") == Some(&json!(true));
            user.email_confirmed_at = vouched.then(OffsetDateTime::now_utc);
            return Ok(());
        }
    }
    Err(AuthError::unprocessable(ErrorCode::EmailConflictIdentityNotDeletable, "Unable to unlink identity due to email conflict"))
}
