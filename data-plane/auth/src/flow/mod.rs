//! What the endpoints mean. Each flow is one transaction; handlers parse, call one, and answer.

pub(crate) mod address;
pub(crate) mod admin;
pub(crate) mod attempts;
pub(crate) mod audit;
pub(crate) mod captcha;
pub(crate) mod change;
pub(crate) mod custom_providers;
pub(crate) mod directory;
pub(crate) mod example;
pub(crate) mod external;
pub(crate) mod factors;
pub(crate) mod generate_link;
pub(crate) mod hooks;
pub(crate) mod id_token;
pub(crate) mod invite;
pub(crate) mod linking;
pub(crate) mod mail;
pub(crate) mod oauth_server;
pub(crate) mod one_time;
pub(crate) mod otp;
pub(crate) mod passkeys;
pub(crate) mod phone;
pub(crate) mod pkce;
pub(crate) mod refresh;
pub(crate) mod relying_party;
pub(crate) mod rotation;
pub(crate) mod sealed;
pub(crate) mod session;
pub(crate) mod sign_in;
pub(crate) mod sign_up;
pub(crate) mod undo;
pub(crate) mod verify;
pub(crate) mod web3;

use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    model::{Factor, Identity, User},
    password,
    store::{self, Db, StoreError},
};

/// A user with its identities and factors: what clients see as `user`.
#[derive(Debug)]
pub(crate) struct UserRecord {
    pub(crate) user: User,
    pub(crate) identities: Vec<Identity>,
    pub(crate) factors: Vec<Factor>,
}

impl UserRecord {
    pub(crate) async fn load(db: &Db, user: User) -> Result<Self, StoreError> {
        let (identities, factors) = Self::beside(db, user.id).await?;
        Ok(Self { user, identities, factors })
    }

    /// What there is of it besides the user.
    pub(crate) async fn beside(db: &Db, user_id: Uuid) -> Result<(Vec<Identity>, Vec<Factor>), StoreError> {
        futures::try_join!(store::identities::of_user(db, user_id), store::factors::of_user(db, user_id))
    }
}

impl Serialize for UserRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.user.view(&self.identities, &self.factors).serialize(serializer)
    }
}

impl From<password::Error> for AuthError {
    fn from(error: password::Error) -> Self {
        match error {
            password::Error::TooLong => Self::validation(error.to_string()),
            password::Error::Weak(weak) => {
                let reasons: Vec<_> = weak.reasons.iter().map(|reason| reason.as_str()).collect();
                Self::weak_password(weak.to_string(), &reasons)
            }
            password::Error::Busy { retry_after } => Self::busy(retry_after.as_secs().max(1)),
            other => Self::internal("Error hashing or comparing a password", format!("{other:?}")),
        }
    }
}

/// Somebody whose account was found in the meantime to be gone.
pub(crate) fn no_such_user() -> AuthError {
    AuthError::not_found(ErrorCode::UserNotFound, "User not found")
}

/// The user as it is now, which nobody else changes until the transaction's end.
pub(crate) async fn lock(db: &Db, id: Uuid) -> Result<User, AuthError> {
    store::users::find_for_update(db, id).await?.ok_or_else(no_such_user)
}

/// Ends a user's sessions, but one or none, and what could still become one: codes that nobody has exchanged yet.
pub(crate) async fn end_sessions(db: &Db, user_id: Uuid, but: Option<Uuid>) -> Result<(), StoreError> {
    futures::try_join!(
        store::sessions::delete_of_user(db, user_id, but),
        store::flow_states::delete_issued_of_user(db, user_id),
        store::oauth_authorizations::delete_of_user(db, user_id),
    )?;
    Ok(())
}

/// The audience that a request is about: its own, or else the settings'.
pub(crate) fn audience(caller: &Caller) -> &str {
    if let Some(audience) = &caller.audience {
        return audience;
    }
    match caller.live.settings.jwt.aud.as_str() {
        "" => "authenticated",
        audience => audience,
    }
}

/// Hash of a password that was just chosen, once it was found strong enough.
pub(crate) async fn hash_new(caller: &Caller, chosen: &str) -> Result<String, AuthError> {
    caller.live.passwords.check(chosen).await?;
    Ok(caller.context.hasher().hash(chosen).await?)
}
