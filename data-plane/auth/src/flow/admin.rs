//! What administrators do to accounts.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{UserRecord, audience, audit, audit::Action, hash_new, no_such_user, sealed, sign_up};
use crate::{
    caller::{Admin, Caller},
    error::{AuthError, ErrorCode},
    model::{Factor, FactorKind, Identity, User},
    password,
    store::{
        self, Db, StoreError,
        listing::{Listing, Range},
        users::Order,
    },
};

/// What an administrator says of an account.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    pub(crate) role: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) password: Option<NewPassword>,
    pub(crate) email_confirm: bool,
    pub(crate) phone_confirm: bool,
    pub(crate) user_metadata: Map<String, Value>,
    pub(crate) app_metadata: Map<String, Value>,
    /// How long the user is kept out from now on; zero ends that.
    pub(crate) ban: Option<Duration>,
}

/// A password, or what another system has kept of one.
pub(crate) enum NewPassword {
    Plain(String),
    Hash(String),
}

impl std::fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain(…)",
            Self::Hash(_) => "Hash(…)",
        })
    }
}

/// Whom to make.
#[derive(Debug)]
pub(crate) struct NewUser {
    pub(crate) id: Option<Uuid>,
    pub(crate) aud: Option<String>,
    pub(crate) attributes: Attributes,
}

/// One page of users, with what each has.
pub(crate) async fn list(
    caller: &Caller,
    filter: Option<&str>,
    order: Order,
    range: Range,
) -> Result<Listing<UserRecord>, AuthError> {
    let db = caller.db().await?;
    let mut page = store::users::page(&db, filter, order, range).await?;
    let records = records(&db, std::mem::take(&mut page.rows)).await?;
    Ok(page.with(records))
}

/// Users with what each has.
pub(super) async fn records(db: &Db, users: Vec<User>) -> Result<Vec<UserRecord>, StoreError> {
    let ids: Vec<_> = users.iter().map(|user| user.id).collect();
    let identities = store::identities::of_users(db, &ids).await?;
    let factors = store::factors::of_users(db, &ids).await?;
    let record = users.into_iter().map(|user| UserRecord {
        identities: identities.iter().filter(|identity| identity.user_id == user.id).cloned().collect(),
        factors: factors.iter().filter(|factor| factor.user_id == user.id).cloned().collect(),
        user,
    });
    Ok(record.collect())
}

pub(crate) async fn get(caller: &Caller, id: Uuid) -> Result<UserRecord, AuthError> {
    let db = caller.db().await?;
    let user = store::users::find(&db, id).await?.ok_or_else(no_such_user)?;
    Ok(UserRecord::load(&db, user).await?)
}

pub(crate) async fn create(admin: &Admin, wanted: NewUser) -> Result<UserRecord, AuthError> {
    let caller = &admin.caller;
    let hash = match &wanted.attributes.password {
        // How strong it has to be is for users: an administrator may choose another.
        Some(NewPassword::Plain(password)) => Some(caller.context.hasher().hash(password).await?),
        Some(NewPassword::Hash(hash)) => Some(checked(hash)?),
        None => None,
    };
    let tx = caller.begin().await?;
    let outcome = create_within(admin, &tx, wanted, hash).await;
    tx.end(outcome).await
}

async fn create_within(admin: &Admin, db: &Db, wanted: NewUser, hash: Option<String>) -> Result<UserRecord, AuthError> {
    let caller = &admin.caller;
    let NewUser { id, aud, attributes } = wanted;
    let mut user = User::new(aud.as_deref().unwrap_or_else(|| audience(caller)));
    user.id = id.unwrap_or(user.id);
    user.role = attributes.role.unwrap_or_else(|| sign_up::role(&caller.live.settings).to_owned());
    user.encrypted_password = hash.map(|hash| sealed::seal_hash(caller, user.id, &hash)).transpose()?;
    check_free(db, &user, attributes.email.as_deref(), attributes.phone.as_deref()).await?;
    user.email = attributes.email;
    user.phone = attributes.phone;
    user.user_metadata = attributes.user_metadata;
    let providers: Vec<_> = [("email", &user.email), ("phone", &user.phone)]
        .into_iter()
        .filter(|(_, address)| address.is_some())
        .map(|(provider, _)| provider.to_owned())
        .collect();
    user.set_providers(&providers);
    User::merge_metadata(&mut user.app_metadata, attributes.app_metadata);
    ban(&mut user, attributes.ban);
    store::users::insert(db, &user).await.map_err(taken)?;
    for provider in providers {
        let address = if provider == "email" { user.email() } else { user.phone() };
        store::identities::insert(db, &identity(&user, &provider, address, false)).await?;
    }
    audit::note_of_admin(caller, db, &admin.claims.role, Action::UserSignedUp, traits(&user)).await?;
    confirm(db, &mut user, attributes.email_confirm, attributes.phone_confirm).await?;
    Ok(UserRecord::load(db, user).await?)
}

pub(crate) async fn update(admin: &Admin, id: Uuid, wanted: Attributes) -> Result<UserRecord, AuthError> {
    let caller = &admin.caller;
    let hash = match &wanted.password {
        Some(NewPassword::Plain(password)) => Some(hash_new(caller, password).await?),
        Some(NewPassword::Hash(hash)) => Some(checked(hash)?),
        None => None,
    };
    let tx = caller.begin().await?;
    let outcome = update_within(admin, &tx, id, wanted, hash).await;
    tx.end(outcome).await
}

async fn update_within(
    admin: &Admin,
    db: &Db,
    id: Uuid,
    wanted: Attributes,
    hash: Option<String>,
) -> Result<UserRecord, AuthError> {
    let mut user = super::lock(db, id).await?;
    check_free(db, &user, wanted.email.as_deref(), wanted.phone.as_deref()).await?;
    if let Some(role) = wanted.role {
        user.role = role;
    }
    if let Some(hash) = hash {
        set_password(db, &mut user, sealed::seal_hash(&admin.caller, id, &hash)?).await?;
    }
    if let Some(email) = wanted.email {
        set_identity(db, &mut user, "email", &email, wanted.email_confirm).await?;
        user.email = Some(email);
        user.is_anonymous = false;
    }
    if let Some(phone) = wanted.phone {
        set_identity(db, &mut user, "phone", &phone, wanted.phone_confirm).await?;
        user.phone = Some(phone);
        user.is_anonymous = false;
    }
    User::merge_metadata(&mut user.app_metadata, wanted.app_metadata);
    User::merge_metadata(&mut user.user_metadata, wanted.user_metadata);
    ban(&mut user, wanted.ban);
    store::users::update(db, &mut user).await.map_err(taken)?;
    confirm(db, &mut user, wanted.email_confirm, wanted.phone_confirm).await?;
    audit::note_of_admin(&admin.caller, db, &admin.claims.role, Action::UserModified, traits(&user)).await?;
    Ok(UserRecord::load(db, user).await?)
}

/// A hash that sign-ins can be checked against.
fn checked(hash: &str) -> Result<String, AuthError> {
    password::check_format(hash).map_err(|error| AuthError::validation(error.to_string()))?;
    Ok(hash.to_owned())
}

pub(super) fn traits(user: &User) -> Value {
    json!({ "user_id": user.id, "user_email": user.email(), "user_phone": user.phone() })
}

pub(crate) fn email_exists() -> AuthError {
    AuthError::unprocessable(ErrorCode::EmailExists, "A user with this email address has already been registered")
}

fn phone_exists() -> AuthError {
    AuthError::unprocessable(ErrorCode::PhoneExists, "Phone number already registered by another user")
}

/// Refuses what another user has.
async fn check_free(db: &Db, user: &User, email: Option<&str>, phone: Option<&str>) -> Result<(), AuthError> {
    let is_other = |found: Option<User>| found.is_some_and(|found| found.id != user.id);
    if let Some(email) = email
        && is_other(store::users::find_by_email(db, email, &user.aud).await?)
    {
        return Err(email_exists());
    }
    if let Some(phone) = phone
        && is_other(store::users::find_by_phone(db, phone, &user.aud).await?)
    {
        return Err(phone_exists());
    }
    Ok(())
}

/// What somebody else has taken in the meantime, or for another audience.
fn taken(error: StoreError) -> AuthError {
    match error.violated_unique() {
        Some("users_pkey") => {
            AuthError::new(http::StatusCode::CONFLICT, ErrorCode::Conflict, "A user with this id is already there")
        }
        Some("users_phone_key") => phone_exists(),
        Some("users_email_partial_key") => email_exists(),
        Some(_) | None => error.into(),
    }
}

fn identity(user: &User, provider: &str, address: &str, is_verified: bool) -> Identity {
    let mut data = Map::new();
    data.insert("sub".to_owned(), json!(user.id));
    data.insert("email_verified".to_owned(), json!(false));
    data.insert("phone_verified".to_owned(), json!(false));
    data.insert(provider.to_owned(), json!(address));
    data.insert(format!("{provider}_verified"), json!(is_verified));
    Identity::new(user.id, provider, data)
}

/// Has the user's identity be of this address or number; makes it where there is none.
async fn set_identity(db: &Db, user: &mut User, provider: &str, address: &str, is_verified: bool) -> Result<(), AuthError> {
    let mut identities = store::identities::of_user(db, user.id).await?;
    if let Some(identity) = identities.iter_mut().find(|identity| identity.provider == provider) {
        identity.identity_data.insert(provider.to_owned(), json!(address));
        identity.identity_data.insert(format!("{provider}_verified"), json!(is_verified));
        store::identities::update(db, identity).await?;
        return Ok(());
    }
    store::identities::insert(db, &identity(user, provider, address, is_verified)).await?;
    let mut providers: Vec<_> = identities.into_iter().map(|identity| identity.provider).collect();
    providers.push(provider.to_owned());
    user.set_providers(&providers);
    Ok(())
}

/// Confirms what the user has.
async fn confirm(db: &Db, user: &mut User, email: bool, phone: bool) -> Result<(), AuthError> {
    if email && user.email.is_some() {
        sign_up::confirm_email(db, user).await?;
    }
    if phone && user.phone.is_some() {
        sign_up::confirm_phone(db, user).await?;
    }
    Ok(())
}

fn ban(user: &mut User, duration: Option<Duration>) {
    if let Some(duration) = duration {
        user.banned_until = Some(OffsetDateTime::now_utc() + duration).filter(|_| !duration.is_zero());
    }
}

/// A password that somebody else knows from now on: nothing of what was begun with the old one goes on.
async fn set_password(db: &Db, user: &mut User, stored: String) -> Result<(), AuthError> {
    user.encrypted_password = Some(stored);
    forget_tokens(user);
    user.confirmation_sent_at = None;
    user.recovery_sent_at = None;
    user.email_change_sent_at = None;
    user.phone_change_sent_at = None;
    user.reauthentication_sent_at = None;
    store::one_time_tokens::clear_all(db, user.id).await?;
    Ok(super::end_sessions(db, user.id, None).await?)
}

fn forget_tokens(user: &mut User) {
    for token in [
        &mut user.confirmation_token,
        &mut user.recovery_token,
        &mut user.email_change_token_new,
        &mut user.email_change_token_current,
        &mut user.phone_change_token,
        &mut user.reauthentication_token,
    ] {
        token.clear();
    }
}

/// `softly`: the row stays for whatever refers to it, without anything that tells whose it was.
pub(crate) async fn delete(admin: &Admin, id: Uuid, softly: bool) -> Result<(), AuthError> {
    let tx = admin.caller.begin().await?;
    let outcome = async {
        let user = super::lock(&tx, id).await?;
        audit::note_of_admin(&admin.caller, &tx, &admin.claims.role, Action::UserDeleted, traits(&user)).await?;
        match (softly, user.deleted_at) {
            (false, _) => Ok(store::users::delete(&tx, user.id).await?),
            (true, None) => delete_softly(&tx, user).await,
            (true, Some(_)) => Ok(()),
        }
    }
    .await;
    tx.end(outcome).await
}

async fn delete_softly(db: &Db, mut user: User) -> Result<(), AuthError> {
    let id = user.id;
    user.email = user.email.map(|email| obscured(id, &email));
    user.phone = user.phone.map(|phone| obscured_number(id, &phone));
    if !user.email_change.is_empty() {
        user.email_change = obscured(id, &user.email_change);
    }
    if !user.phone_change.is_empty() {
        user.phone_change = obscured_number(id, &user.phone_change);
    }
    user.encrypted_password = None;
    user.user_metadata.clear();
    user.app_metadata.clear();
    user.deleted_at = Some(OffsetDateTime::now_utc());
    forget_tokens(&mut user);
    store::users::update(db, &mut user).await?;
    store::one_time_tokens::clear_all(db, id).await?;
    for mut identity in store::identities::of_user(db, id).await? {
        identity.provider_id = obscured(id, &format!("{}:{}", identity.provider, identity.provider_id));
        identity.identity_data.clear();
        store::identities::update(db, &mut identity).await?;
    }
    store::factors::delete_of_user(db, id).await?;
    store::passkeys::delete_of_user(db, id).await?;
    store::flow_states::delete_of_user(db, id).await?;
    Ok(super::end_sessions(db, id, None).await?)
}

/// The same for the same text of the same user, as GoTrue makes it.
fn obscured(id: Uuid, text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{id}{text}")))
}

/// As long as a number may be.
fn obscured_number(id: Uuid, text: &str) -> String {
    obscured(id, text).chars().take(15).collect()
}

pub(crate) async fn factors(caller: &Caller, user_id: Uuid) -> Result<Vec<Factor>, AuthError> {
    Ok(get(caller, user_id).await?.factors)
}

fn no_such_factor() -> AuthError {
    AuthError::not_found(ErrorCode::MfaFactorNotFound, "Factor not found")
}

pub(crate) async fn update_factor(
    caller: &Caller,
    user_id: Uuid,
    id: Uuid,
    name: Option<String>,
    phone: Option<String>,
) -> Result<Factor, AuthError> {
    let tx = caller.begin().await?;
    let outcome = async {
        let user = super::lock(&tx, user_id).await?;
        let mut factor = store::factors::find(&tx, user_id, id).await?.ok_or_else(no_such_factor)?;
        factor.friendly_name = name.or(factor.friendly_name);
        if factor.kind == FactorKind::Phone {
            factor.phone = phone.or(factor.phone);
        }
        store::factors::update(&tx, &mut factor).await.map_err(|error| match error.violated_unique() {
            Some("mfa_factors_user_friendly_name_unique") => {
                let message = "A factor with this friendly name for this user already exists";
                AuthError::unprocessable(ErrorCode::MfaFactorNameConflict, message)
            }
            Some(_) | None => error.into(),
        })?;
        let traits = json!({ "user_id": user_id, "factor_id": id, "factor_type": factor.kind.as_str() });
        audit::note(caller, &tx, &user, Action::FactorUpdated, traits).await?;
        Ok(factor)
    }
    .await;
    tx.end(outcome).await
}

/// Sessions that the factor had made sure are no longer so.
pub(crate) async fn delete_factor(caller: &Caller, user_id: Uuid, id: Uuid) -> Result<Factor, AuthError> {
    let tx = caller.begin().await?;
    let outcome = async {
        let user = super::lock(&tx, user_id).await?;
        let factor = store::factors::find(&tx, user_id, id).await?.ok_or_else(no_such_factor)?;
        store::sessions::downgrade_of_factor(&tx, id).await?;
        store::factors::delete(&tx, id).await?;
        audit::note(caller, &tx, &user, Action::FactorDeleted, json!({ "user_id": user_id, "factor_id": id })).await?;
        Ok(factor)
    }
    .await;
    tx.end(outcome).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_obscured_tells_nothing_and_stays_the_same() {
        let id = Uuid::from_u128(1);
        let once = obscured(id, "ann@example.com");
        assert_eq!(once.len(), 43);
        assert_eq!(once, obscured(id, "ann@example.com"));
        assert_ne!(once, obscured(Uuid::from_u128(2), "ann@example.com"));
        assert_eq!(obscured_number(id, "12345678900").len(), 15);
    }
}
