//! Notes of what somebody did, as GoTrue writes them.

use serde_json::{Value, json};

use crate::{
    caller::Caller,
    model::User,
    store::{self, Db, StoreError},
};

/// What was done, with the group that it belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Action {
    Login,
    Logout,
    InviteAccepted,
    UserSignedUp,
    UserInvited,
    UserDeleted,
    UserModified,
    UserRecoveryRequested,
    UserReauthenticate,
    UserConfirmationRequested,
    UserRepeatedSignup,
    UserUpdatePassword,
    TokenRevoked,
    TokenRefreshed,
    FactorInProgress,
    FactorUnenrolled,
    ChallengeCreated,
    VerificationAttempted,
    FactorDeleted,
    FactorUpdated,
    MfaCodeLogin,
    IdentityUnlinked,
}

impl Action {
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Login => ("login", "account"),
            Self::Logout => ("logout", "account"),
            Self::InviteAccepted => ("invite_accepted", "account"),
            Self::UserSignedUp => ("user_signedup", "team"),
            Self::UserInvited => ("user_invited", "team"),
            Self::UserDeleted => ("user_deleted", "team"),
            Self::UserModified => ("user_modified", "user"),
            Self::UserRecoveryRequested => ("user_recovery_requested", "user"),
            Self::UserReauthenticate => ("user_reauthenticate_requested", "user"),
            Self::UserConfirmationRequested => ("user_confirmation_requested", "user"),
            Self::UserRepeatedSignup => ("user_repeated_signup", "user"),
            Self::UserUpdatePassword => ("user_updated_password", "user"),
            Self::TokenRevoked => ("token_revoked", "token"),
            Self::TokenRefreshed => ("token_refreshed", "token"),
            Self::FactorInProgress => ("factor_in_progress", "factor"),
            Self::FactorUnenrolled => ("factor_unenrolled", "factor"),
            Self::ChallengeCreated => ("challenge_created", "factor"),
            Self::VerificationAttempted => ("verification_attempted", "factor"),
            Self::FactorDeleted => ("factor_deleted", "factor"),
            Self::FactorUpdated => ("factor_updated", "factor"),
            Self::MfaCodeLogin => ("mfa_code_login", "factor"),
            Self::IdentityUnlinked => ("identity_unlinked", "user"),
        }
    }
}

/// By a user.
pub(crate) async fn note(caller: &Caller, db: &Db, actor: &User, action: Action, traits: Value) -> Result<(), StoreError> {
    let username = if actor.email().is_empty() { actor.phone() } else { actor.email() };
    let name = actor.user_metadata.get("full_name").and_then(Value::as_str);
    write(caller, db, json!(actor.id), username, name, action, traits).await
}

/// By an administrator, whose token names the role.
pub(crate) async fn note_of_admin(caller: &Caller, db: &Db, role: &str, action: Action, traits: Value) -> Result<(), StoreError> {
    write(caller, db, json!("00000000-0000-0000-0000-000000000000"), role, None, action, traits).await
}

async fn write(
    caller: &Caller,
    db: &Db,
    actor: Value,
    username: &str,
    name: Option<&str>,
    action: Action,
    traits: Value,
) -> Result<(), StoreError> {
    if caller.live.settings.audit_log.disable_postgres {
        return Ok(());
    }
    let (action, group) = action.names();
    let mut payload = json!({
        "actor_id": actor,
        "actor_username": username,
        "actor_via_sso": false,
        "action": action,
        "log_type": group,
    });
    if let Some(name) = name {
        payload["actor_name"] = json!(name);
    }
    if traits.as_object().is_some_and(|traits| !traits.is_empty()) {
        payload["traits"] = traits;
    }
    store::audit::insert(db, &payload, "").await
}
