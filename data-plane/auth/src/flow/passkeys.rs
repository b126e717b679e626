//! Passkeys: made by a signed-in user, and signed in by.

use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    audit,
    audit::Action,
    factors,
    oauth_server::consent::refuse_clients,
    relying_party, session,
    session::{Grant, Tokens},
};
use crate::{
    caller::{Caller, SignedIn},
    error::{AuthError, ErrorCode},
    model::{Aal, Factor, Method, Passkey, Session, User},
    passkey::{self, AuthenticationState, RegistrationState, authenticator_name},
    store::{
        self, Db,
        passkeys::{Ceremony, UNIQUE_CREDENTIAL},
    },
};

/// What a passkey is called whose authenticator is not known.
const NAMELESS: &str = "Passkey";

/// What a browser is to do, until when.
#[derive(Debug, Serialize)]
pub(crate) struct Begun {
    challenge_id: Uuid,
    options: Value,
    /// Seconds since 1970.
    expires_at: i64,
}

/// A browser's answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) challenge_id: Uuid,
    pub(crate) credential: Value,
}

pub(crate) async fn begin_registration(signed_in: &SignedIn) -> Result<Begun, AuthError> {
    refuse_clients(signed_in)?;
    let caller = &signed_in.caller;
    let relying_party = relying_party::of_passkeys(caller)?;
    let tx = caller.begin().await?;
    let outcome = async {
        let (user, session) = factors::lock(signed_in, &tx).await?;
        let existing = check_may_register(caller, &tx, &user, &session).await?;
        let existing: Vec<_> = existing.into_iter().map(|passkey| passkey.credential).collect();
        let owner = relying_party::user(&user);
        let (options, state) = passkey::begin_registration(&relying_party, &owner, &existing, true).map_err(failed)?;
        keep(caller, &tx, Ceremony::Registration(user.id), options, &state).await
    }
    .await;
    tx.end(outcome).await
}

pub(crate) async fn finish_registration(signed_in: &SignedIn, answer: &Answer) -> Result<Passkey, AuthError> {
    refuse_clients(signed_in)?;
    let caller = &signed_in.caller;
    let state = state(caller, Ceremony::Registration(signed_in.user.id), answer.challenge_id).await?;
    let credential = passkey::finish_registration(&RegistrationState::from_json(&state).map_err(failed)?, &answer.credential)
        .map_err(failed)?;
    let tx = caller.begin().await?;
    let outcome = async {
        let (user, session) = factors::lock(signed_in, &tx).await?;
        check_may_register(caller, &tx, &user, &session).await?;
        let name = credential.aaguid().and_then(authenticator_name).unwrap_or(NAMELESS);
        let passkey = Passkey {
            id: Uuid::new_v4(),
            user_id: user.id,
            credential,
            friendly_name: name.to_owned(),
            created_at: OffsetDateTime::now_utc(),
            last_used_at: None,
        };
        store::passkeys::insert(&tx, &passkey).await.map_err(|error| match error.violated_unique() {
            Some(UNIQUE_CREDENTIAL) => {
                AuthError::unprocessable(ErrorCode::WebauthnCredentialExists, "This passkey is already registered")
            }
            _ => error.into(),
        })?;
        audit::note(caller, &tx, &user, Action::UserModified, json!({ "passkey_id": passkey.id })).await?;
        Ok(passkey)
    }
    .await;
    tx.end(outcome).await
}

/// Who may have one more passkey, and which ones are there.
async fn check_may_register(caller: &Caller, db: &Db, user: &User, session: &Session) -> Result<Vec<Passkey>, AuthError> {
    check_confirmed(user)?;
    check_aal(db, user, session).await?;
    let existing = store::passkeys::of_user(db, user.id).await?;
    if existing.len() >= caller.live.settings.passkeys.max_per_user {
        let message = "Maximum number of passkeys reached, delete one to continue";
        return Err(AuthError::unprocessable(ErrorCode::TooManyPasskeys, message));
    }
    Ok(existing)
}

/// Who has a second factor changes what signs in only after it was used.
async fn check_aal(db: &Db, user: &User, session: &Session) -> Result<(), AuthError> {
    if session.aal < Aal::Aal2 && store::factors::of_user(db, user.id).await?.iter().any(Factor::is_verified) {
        let message = "AAL2 session is required to register or delete a passkey when MFA is enabled.";
        return Err(AuthError::forbidden(ErrorCode::InsufficientAal, message));
    }
    Ok(())
}

fn check_confirmed(user: &User) -> Result<(), AuthError> {
    if user.is_confirmed() {
        Ok(())
    } else if user.email().is_empty() {
        Err(AuthError::bad_request(ErrorCode::PhoneNotConfirmed, "Phone not confirmed"))
    } else {
        Err(AuthError::bad_request(ErrorCode::EmailNotConfirmed, "Email not confirmed"))
    }
}

pub(crate) async fn begin_authentication(caller: &Caller) -> Result<Begun, AuthError> {
    let relying_party = relying_party::of_passkeys(caller)?;
    let (options, state) = passkey::begin_authentication(&relying_party, &[]).map_err(failed)?;
    keep(caller, &caller.db().await?, Ceremony::Authentication, options, &state).await
}

pub(crate) async fn finish_authentication(caller: &Caller, answer: &Answer) -> Result<Tokens, AuthError> {
    let state = state(caller, Ceremony::Authentication, answer.challenge_id).await?;
    let state = AuthenticationState::from_json(&state).map_err(failed)?;
    let assertion = passkey::read_assertion(&answer.credential).map_err(failed)?;
    let unknown = || AuthError::bad_request(ErrorCode::WebauthnCredentialNotFound, "Passkey not found");
    let tx = caller.begin().await?;
    let outcome = async {
        let found = store::passkeys::find_by_credential(&tx, &assertion.credential_id).await?.ok_or_else(unknown)?;
        let user = super::lock(&tx, found.user_id).await?;
        // As it is now: two answers by one key are taken one after the other, and its counter grows.
        let mut passkey = store::passkeys::find_for_update(&tx, user.id, found.id).await?.ok_or_else(unknown)?;
        let owner = relying_party::user(&user).handle;
        let proven = passkey::finish_authentication(&state, &assertion, &passkey.credential, &owner).map_err(failed)?;
        if user.deleted_at.is_some() {
            return Err(unknown());
        }
        if user.is_banned() {
            return Err(AuthError::bad_request(ErrorCode::UserBanned, "User is banned"));
        }
        check_confirmed(&user)?;
        passkey.credential = proven.credential;
        store::passkeys::used(&tx, &passkey).await?;
        audit::note(caller, &tx, &user, Action::Login, json!({ "provider": "passkey" })).await?;
        session::begin(caller, &tx, user, Method::Passkey, Grant::default()).await
    }
    .await;
    tx.end(outcome).await
}

pub(crate) async fn list(caller: &Caller, user_id: Uuid) -> Result<Vec<Passkey>, AuthError> {
    Ok(store::passkeys::of_user(&caller.db().await?, user_id).await?)
}

/// The name is for its user's eyes alone; so it needs no second factor.
pub(crate) async fn rename(signed_in: &SignedIn, id: Uuid, name: &str) -> Result<Passkey, AuthError> {
    let db = signed_in.caller.db().await?;
    store::passkeys::rename(&db, signed_in.user.id, id, name).await?.ok_or_else(no_such_passkey)
}

pub(crate) async fn delete(signed_in: &SignedIn, id: Uuid) -> Result<(), AuthError> {
    refuse_clients(signed_in)?;
    let caller = &signed_in.caller;
    let tx = caller.begin().await?;
    let outcome = async {
        let (user, session) = factors::lock(signed_in, &tx).await?;
        check_aal(&tx, &user, &session).await?;
        if !store::passkeys::delete(&tx, user.id, id).await? {
            return Err(no_such_passkey());
        }
        audit::note(caller, &tx, &user, Action::UserModified, json!({ "passkey_id": id })).await?;
        Ok(())
    }
    .await;
    tx.end(outcome).await
}

/// By an administrator, whose token names the role.
pub(crate) async fn delete_of(caller: &Caller, role: &str, user_id: Uuid, id: Uuid) -> Result<(), AuthError> {
    let tx = caller.begin().await?;
    let outcome = async {
        if !store::passkeys::delete(&tx, user_id, id).await? {
            return Err(no_such_passkey());
        }
        let traits = json!({ "user_id": user_id, "passkey_id": id });
        audit::note_of_admin(caller, &tx, role, Action::UserModified, traits).await?;
        Ok(())
    }
    .await;
    tx.end(outcome).await
}

fn no_such_passkey() -> AuthError {
    AuthError::not_found(ErrorCode::WebauthnCredentialNotFound, "Passkey not found")
}

async fn keep(caller: &Caller, db: &Db, ceremony: Ceremony, options: Value, state: &Value) -> Result<Begun, AuthError> {
    let until = OffsetDateTime::now_utc() + caller.live.settings.web_authn.challenge_expiry;
    let challenge_id = store::passkeys::begin_ceremony(db, ceremony, state, until).await?;
    Ok(Begun { challenge_id, options, expires_at: until.unix_timestamp() })
}

/// Used up by the attempt, whether it is right or not: this is no part of the transaction that follows.
async fn state(caller: &Caller, ceremony: Ceremony, id: Uuid) -> Result<Value, AuthError> {
    let kept = store::passkeys::end_ceremony(&caller.db().await?, ceremony, id).await?;
    let (state, until) =
        kept.ok_or_else(|| AuthError::bad_request(ErrorCode::WebauthnChallengeNotFound, "Challenge not found"))?;
    if OffsetDateTime::now_utc() > until {
        return Err(AuthError::bad_request(ErrorCode::WebauthnChallengeExpired, "Challenge has expired"));
    }
    Ok(state)
}

/// Why a ceremony failed: the browser's answer, unless it is what is stored.
fn failed(error: passkey::Error) -> AuthError {
    match error {
        passkey::Error::Stored(_) | passkey::Error::Settings(_) => {
            AuthError::internal("Error reading a passkey's ceremony", format!("{error:?}"))
        }
        error => AuthError::bad_request(ErrorCode::WebauthnVerificationFailed, format!("Passkey verification failed: {error}")),
    }
}
