//! A refresh: the token is used up, and another takes its place. One that is tried again ends the whole session, unless it is
//! the one just replaced: then its client may not have got the answer.

use std::time::Duration;

use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    UserRecord, audit,
    audit::Action,
    session,
    session::{Known, Tokens},
};
use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    mfa,
    model::{Aal, Factor, RefreshToken, Session},
    store::{self, Db},
};

fn refuse(code: ErrorCode, why: &str) -> AuthError {
    AuthError::bad_request(code, format!("Invalid Refresh Token: {why}"))
}

/// What a refresh comes to. That a token was tried twice is to be remembered, whatever its client is told.
enum Outcome {
    Refreshed(Box<Tokens>),
    TriedTwice,
}

/// Of a session of the user's own.
pub(crate) async fn refresh(caller: &Caller, token: &str) -> Result<Tokens, AuthError> {
    refresh_of(caller, token, None).await
}

/// Of a session that a client of the OAuth server has, which has shown that it is itself.
pub(crate) async fn refresh_of_client(caller: &Caller, token: &str, client_id: Uuid) -> Result<Tokens, AuthError> {
    refresh_of(caller, token, Some(client_id)).await
}

async fn refresh_of(caller: &Caller, token: &str, client_id: Option<Uuid>) -> Result<Tokens, AuthError> {
    if token.is_empty() {
        return Err(AuthError::validation("refresh_token required"));
    }
    let tx = caller.begin().await?;
    let outcome = within(caller, &tx, token, client_id).await;
    match tx.end(outcome).await? {
        Outcome::Refreshed(tokens) => Ok(*tokens),
        Outcome::TriedTwice => Err(refuse(ErrorCode::RefreshTokenAlreadyUsed, "Already Used")),
    }
}

async fn within(caller: &Caller, db: &Db, token: &str, client_id: Option<Uuid>) -> Result<Outcome, AuthError> {
    let settings = &caller.live.settings;
    let not_found = || refuse(ErrorCode::RefreshTokenNotFound, "Refresh Token Not Found");
    // The session first: two refreshes of one session come one after the other.
    let mut session = store::sessions::find_by_token_for_update(db, token)
        .await?
        // Another's token is none: a client's is no good without the client.
        .filter(|session| session.oauth_client_id == client_id)
        .ok_or_else(not_found)?;
    // Looked at only now, when nobody else changes them.
    let (found, active, user, amr, (identities, factors)) = futures::try_join!(
        store::refresh_tokens::find_for_update(db, token),
        store::refresh_tokens::active_of_session(db, session.id),
        store::users::find(db, session.user_id),
        store::sessions::amr(db, session.id),
        UserRecord::beside(db, session.user_id),
    )?;
    let found = found.ok_or_else(not_found)?;
    let user = user.filter(|user| user.deleted_at.is_none()).ok_or_else(not_found)?;
    if user.is_banned() {
        return Err(refuse(ErrorCode::UserBanned, "User Banned"));
    }
    check_session(caller, db, &session, &factors).await?;
    session.user_agent = Some(caller.user_agent.clone());
    session.ip = Some(caller.ip);
    let refresh_token = match reuse(caller, &found, active.as_ref()) {
        Reuse::First => {
            let next = mfa::refresh_token();
            futures::try_join!(
                audit::note(caller, db, &user, Action::TokenRefreshed, json!({})),
                store::refresh_tokens::revoke(db, found.id),
                store::refresh_tokens::insert(db, &next, user.id, session.id, Some(&found.token)),
                audit::note(caller, db, &user, Action::TokenRevoked, json!({})),
                store::sessions::refreshed(db, &session),
            )?;
            next
        }
        Reuse::Same(token) => {
            store::sessions::refreshed(db, &session).await?;
            token
        }
        Reuse::Refused => {
            if settings.security.refresh_token_rotation_enabled {
                store::refresh_tokens::revoke_of_session(db, session.id).await?;
            }
            return Ok(Outcome::TriedTwice);
        }
    };
    let known = Known { record: UserRecord { user, identities, factors }, amr };
    Ok(Outcome::Refreshed(Box::new(session::refreshed_tokens(caller, db, known, &session, refresh_token).await?)))
}

enum Reuse {
    First,
    /// The one that its client should have.
    Same(String),
    Refused,
}

fn reuse(caller: &Caller, found: &RefreshToken, active: Option<&RefreshToken>) -> Reuse {
    let security = &caller.live.settings.security;
    if !found.revoked {
        return Reuse::First;
    }
    let Some(active) = active else { return Reuse::Refused };
    let is_parent = active.parent.as_deref() == Some(found.token.as_str());
    let age = OffsetDateTime::now_utc() - found.updated_at;
    if is_parent || security.refresh_token_allow_reuse || age <= security.refresh_token_reuse_interval {
        return Reuse::Same(active.token.clone());
    }
    Reuse::Refused
}

/// Whether the session's time is over, by any of its limits.
async fn check_session(caller: &Caller, db: &Db, session: &Session, factors: &[Factor]) -> Result<(), AuthError> {
    let sessions = &caller.live.settings.sessions;
    let expired = |why: &str| Err(refuse(ErrorCode::SessionExpired, &format!("Session Expired{why}")));
    let now = OffsetDateTime::now_utc();
    let older = |limit: Option<Duration>, since: OffsetDateTime| limit.is_some_and(|limit| now - since > limit);
    if session.not_after.is_some_and(|until| until < now) || older(sessions.timebox, session.created_at) {
        return expired("");
    }
    let used_at = session.refreshed_at.unwrap_or(session.created_at);
    if older(sessions.inactivity_timeout, used_at) {
        return expired(" (Inactivity)");
    }
    if let Some(limit) = sessions.allow_low_aal
        && session.aal < Aal::Aal2
        && now - session.created_at > limit
        && factors.iter().any(Factor::is_verified)
    {
        return expired(" (Low AAL: User Needs MFA Verification)");
    }
    if sessions.single_per_user {
        let newer = store::sessions::of_user(db, session.user_id).await?.into_iter().any(|other| {
            other.id != session.id
                && other.tag == session.tag
                && other.oauth_client_id == session.oauth_client_id
                && other.refreshed_at.unwrap_or(other.created_at) > used_at
        });
        if newer {
            return expired(" (Revoked by Newer Login)");
        }
    }
    Ok(())
}
