//! Somebody new.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::{
    UserRecord, audience, audit,
    audit::Action,
    hash_new, hooks, mail,
    one_time::{Pretended, evenly, pretend_to_mail, pretend_to_text, used_up},
    phone,
    phone::{Channel, Purpose},
    pkce, sealed, session,
    session::{Grant, Tokens},
};
use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    mfa::CodeChallenge,
    model::{Identity, Method, TokenKind, User},
    settings::Settings,
    store::{self, Db},
};

/// Who signs up, and by what.
#[derive(Debug)]
pub(crate) enum Way {
    Email(String),
    Phone(String, Channel),
}

/// What somebody new wants.
pub(crate) struct SignUp {
    pub(crate) way: Way,
    pub(crate) password: String,
    pub(crate) data: Map<String, Value>,
    pub(crate) challenge: Option<CodeChallenge>,
}

/// What becomes of it.
pub(crate) enum SignedUp {
    In(Box<Tokens>),
    /// A confirmation is asked for; or the account is there already, which nobody is told.
    ToConfirm(Box<UserRecord>),
}

pub(crate) async fn sign_up(caller: &Caller, wanted: SignUp) -> Result<SignedUp, AuthError> {
    check_way(&caller.live.settings, &wanted.way)?;
    let hash = hash_new(caller, &wanted.password).await?;
    let work = Box::pin(sign_up_unevenly(caller, &wanted, hash));
    if tells_who_is_there(&caller.live.settings) { work.await } else { evenly(work).await }
}

fn autoconfirms(settings: &Settings, way: &Way) -> bool {
    match way {
        Way::Email(_) => settings.mailer.autoconfirm,
        Way::Phone(..) => settings.sms.autoconfirm,
    }
}

/// Where either way is confirmed at once, whoever signs up learns by that who is there: upstream's documentation of signUp.
const fn tells_who_is_there(settings: &Settings) -> bool {
    settings.mailer.autoconfirm || settings.sms.autoconfirm
}

async fn sign_up_unevenly(caller: &Caller, wanted: &SignUp, hash: String) -> Result<SignedUp, AuthError> {
    let tx = caller.begin().await?;
    let outcome = within(caller, &tx, wanted, hash).await;
    or_pretended(tx.end(outcome).await, tells_who_is_there(&caller.live.settings), || {
        SignedUp::ToConfirm(Box::new(pretended(caller, wanted)))
    })
}

/// What somebody is told whose address or number a user of another audience has, or took just now: as if it were free, unless whoever
/// signs up is in at once.
pub(crate) fn or_pretended<T>(
    outcome: Result<T, AuthError>,
    may_tell: bool,
    pretended: impl FnOnce() -> T,
) -> Result<T, AuthError> {
    match outcome {
        Err(error) if !may_tell && error.code() == Some(ErrorCode::UserAlreadyExists) => Ok(pretended()),
        outcome => outcome,
    }
}

/// Refuses where nobody can sign up.
pub(crate) fn check_open(settings: &Settings) -> Result<(), AuthError> {
    if settings.signup.disabled {
        return Err(AuthError::unprocessable(ErrorCode::SignupDisabled, "Signups not allowed for this instance"));
    }
    Ok(())
}

/// Refuses where nobody can in this way.
fn check_way(settings: &Settings, way: &Way) -> Result<(), AuthError> {
    match way {
        Way::Email(_) if !settings.signup.email => {
            Err(AuthError::bad_request(ErrorCode::EmailProviderDisabled, "Email signups are disabled"))
        }
        Way::Phone(..) if !settings.signup.phone => {
            Err(AuthError::bad_request(ErrorCode::PhoneProviderDisabled, "Phone signups are disabled"))
        }
        _ => Ok(()),
    }
}

async fn within(caller: &Caller, db: &Db, wanted: &SignUp, hash: String) -> Result<SignedUp, AuthError> {
    let settings = &caller.live.settings;
    let found = match &wanted.way {
        Way::Email(email) => store::users::find_by_email(db, email, audience(caller)).await?,
        Way::Phone(number, _) => store::users::find_by_phone(db, number, audience(caller)).await?,
    };
    let autoconfirm = autoconfirms(settings, &wanted.way);
    let is_confirmed = found.as_ref().is_some_and(|user| match &wanted.way {
        Way::Email(_) => user.email_confirmed_at.is_some(),
        Way::Phone(..) => user.phone_confirmed_at.is_some(),
    });
    let mut user = match found {
        Some(user) if is_confirmed => {
            audit::note(caller, db, &user, Action::UserRepeatedSignup, json!({})).await?;
            if tells_who_is_there(settings) {
                return Err(AuthError::unprocessable(ErrorCode::UserAlreadyExists, "User already registered"));
            }
            pretend_to_confirm(caller, db, &wanted.way).await?;
            return Ok(SignedUp::ToConfirm(Box::new(pretended(caller, wanted))));
        }
        // Not shown to be the same person: nothing of what is wanted now is taken over.
        Some(user) => user,
        None => create(caller, db, wanted, Some(hash)).await?,
    };
    match &wanted.way {
        Way::Email(_) if autoconfirm => {
            audit::note(caller, db, &user, Action::UserSignedUp, json!({ "provider": "email" })).await?;
            confirm_email(db, &mut user).await?;
        }
        Way::Email(_) => {
            audit::note(caller, db, &user, Action::UserConfirmationRequested, json!({ "provider": "email" })).await?;
            pkce::begin(db, &user, Method::EmailSignup, wanted.challenge.as_ref()).await?;
            mail::confirmation(caller, db, &mut user, wanted.challenge.as_ref()).await?;
        }
        Way::Phone(..) if autoconfirm => {
            audit::note(caller, db, &user, Action::UserSignedUp, json!({ "provider": "phone" })).await?;
            confirm_phone(db, &mut user).await?;
        }
        Way::Phone(number, channel) => {
            audit::note(caller, db, &user, Action::UserConfirmationRequested, json!({ "provider": "phone" })).await?;
            phone::send_code(caller, db, &mut user, number, Purpose::Confirmation, *channel).await?;
        }
    }
    if autoconfirm {
        audit::note(caller, db, &user, Action::Login, json!({ "provider": provider(&wanted.way) })).await?;
        let tokens = session::begin(caller, db, user, Method::Password, Grant::default()).await?;
        return Ok(SignedUp::In(Box::new(tokens)));
    }
    Ok(SignedUp::ToConfirm(Box::new(UserRecord::load(db, user).await?)))
}

fn provider(way: &Way) -> &'static str {
    match way {
        Way::Email(_) => "email",
        Way::Phone(..) => "phone",
    }
}

/// A new account with its identity, not confirmed.
pub(crate) async fn create(caller: &Caller, db: &Db, wanted: &SignUp, hash: Option<String>) -> Result<User, AuthError> {
    let mut user = unstored(caller, wanted);
    user.encrypted_password = hash.map(|hash| sealed::seal_hash(caller, user.id, &hash)).transpose()?;
    insert(caller, db, &user).await?;
    let identity = Identity::new(user.id, provider(&wanted.way), identity_data(&user, &wanted.way));
    store::identities::insert(db, &identity).await?;
    Ok(user)
}

/// Stores somebody new; two at once with one address are one.
pub(crate) async fn insert(caller: &Caller, db: &Db, user: &User) -> Result<(), AuthError> {
    hooks::before_user_created(caller, db, user).await?;
    store::users::insert(db, user).await.map_err(|error| match error.violated_unique() {
        Some(_) => AuthError::unprocessable(ErrorCode::UserAlreadyExists, "User already registered"),
        None => error.unfit().unwrap_or_else(|| AuthError::internal("Database error saving new user", format!("{error:?}"))),
    })?;
    hooks::after_user_created(caller, db, user.id);
    Ok(())
}

fn unstored(caller: &Caller, wanted: &SignUp) -> User {
    let mut user = User::new(audience(caller));
    user.role = role(&caller.live.settings).to_owned();
    user.user_metadata = wanted.data.clone();
    match &wanted.way {
        Way::Email(email) => user.email = Some(email.clone()),
        Way::Phone(number, _) => user.phone = Some(number.clone()),
    }
    let own = identity_data(&user, &wanted.way);
    user.user_metadata.extend(own);
    user.set_providers(&[provider(&wanted.way).to_owned()]);
    user
}

/// The role of new users.
pub(crate) fn role(settings: &Settings) -> &str {
    match settings.jwt.default_group_name.as_str() {
        "" => "authenticated",
        name => name,
    }
}

fn identity_data(user: &User, way: &Way) -> Map<String, Value> {
    let mut data = user.user_metadata.clone();
    data.insert("sub".to_owned(), json!(user.id));
    match way {
        Way::Email(email) => data.insert("email".to_owned(), json!(email)),
        Way::Phone(number, _) => data.insert("phone".to_owned(), json!(number)),
    };
    data.insert("email_verified".to_owned(), json!(false));
    data.insert("phone_verified".to_owned(), json!(false));
    data
}

/// Refuses, and takes, what a confirmation would.
async fn pretend_to_confirm(caller: &Caller, db: &Db, way: &Way) -> Result<(), AuthError> {
    let pretended = |address| Pretended { kind: TokenKind::Confirmation, address };
    match way {
        Way::Email(email) => {
            pretend_to_mail(caller, db, pretended(email)).await?;
            mail::rehearse(caller, db);
            Ok(())
        }
        Way::Phone(number, _) => pretend_to_text(caller, db, pretended(number)).await,
    }
}

/// What somebody sees who signs up with another's address: as if it were new.
fn pretended(caller: &Caller, wanted: &SignUp) -> UserRecord {
    let mut user = unstored(caller, wanted);
    user.role = String::new();
    user.confirmation_sent_at = Some(OffsetDateTime::now_utc());
    UserRecord { user, identities: Vec::new(), factors: Vec::new() }
}

/// The address was shown to be the user's.
pub(crate) async fn confirm_email(db: &Db, user: &mut User) -> Result<(), AuthError> {
    user.confirmation_token.clear();
    user.email_confirmed_at = Some(OffsetDateTime::now_utc());
    user.user_metadata.insert("email_verified".to_owned(), json!(true));
    Ok(used_up(db, user).await?)
}

/// The number was shown to be the user's.
pub(crate) async fn confirm_phone(db: &Db, user: &mut User) -> Result<(), AuthError> {
    user.confirmation_token.clear();
    user.phone_confirmed_at = Some(OffsetDateTime::now_utc());
    user.user_metadata.insert("phone_verified".to_owned(), json!(true));
    Ok(used_up(db, user).await?)
}

/// Somebody who gives no name.
pub(crate) async fn anonymous(caller: &Caller, data: Map<String, Value>) -> Result<Tokens, AuthError> {
    let settings = &caller.live.settings;
    if !settings.signup.anonymous_users {
        return Err(AuthError::unprocessable(ErrorCode::AnonymousProviderDisabled, "Anonymous sign-ins are disabled"));
    }
    check_open(settings)?;
    caller.limit_by_address(crate::limits::Limited::AnonymousUsers, settings.rate_limits.anonymous_users).await?;
    let tx = caller.begin().await?;
    let outcome = async {
        let mut user = User::new(audience(caller));
        role(settings).clone_into(&mut user.role);
        user.user_metadata = data;
        user.is_anonymous = true;
        insert(caller, &tx, &user).await?;
        session::begin(caller, &tx, user, Method::Anonymous, Grant::default()).await
    }
    .await;
    tx.end(outcome).await
}
