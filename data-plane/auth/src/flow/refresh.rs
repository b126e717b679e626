//! A refresh: the token is used up, and another takes its place. One that is tried again ends the whole session, unless it is
//! the one just replaced: then its client may not have got the answer.

use std::time::Duration;

use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    UserRecord, audit,
    audit::Action,
    rotation::{self, Worth},
    session,
    session::{Known, Tokens},
};
use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    model::{Aal, Factor, Session},
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
    let mut came = rotation::find(caller, db, token)
        .await?
        // Another's token is none: a client's is no good without the client.
        .filter(|came| came.session.oauth_client_id == client_id)
        .ok_or_else(not_found)?;
    let (session_id, user_id) = (came.session.id, came.session.user_id);
    // Looked at only now, when nobody else changes them.
    let (worth, user, amr, (identities, factors)) = futures::try_join!(
        came.worth(caller, db),
        store::users::find(db, user_id),
        store::sessions::amr(db, session_id),
        UserRecord::beside(db, user_id),
    )?;
    let worth = worth.ok_or_else(not_found)?;
    let user = user.filter(|user| user.deleted_at.is_none()).ok_or_else(not_found)?;
    if user.is_banned() {
        return Err(refuse(ErrorCode::UserBanned, "User Banned"));
    }
    check_session(caller, db, &came.session, &factors).await?;
    came.session.user_agent = Some(caller.user_agent.clone());
    came.session.ip = Some(caller.ip);
    let refresh_token = match worth {
        Worth::Unused(row) => {
            let next = came.next(caller, row)?;
            futures::try_join!(
                audit::note(caller, db, &user, Action::TokenRefreshed, json!({})),
                next.store(db, &came.session),
                audit::note(caller, db, &user, Action::TokenRevoked, json!({})),
                store::sessions::refreshed(db, &came.session),
            )?;
            next.token
        }
        Worth::Replaced { by, was_last } => {
            // Within the interval after a use, which this is none of.
            if was_last {
                store::sessions::refreshed(db, &came.session).await?;
            }
            by
        }
        Worth::Reused => {
            if settings.security.refresh_token_rotation_enabled {
                rotation::end(db, &came.session).await?;
            }
            return Ok(Outcome::TriedTwice);
        }
    };
    let known = Known { record: UserRecord { user, identities, factors }, amr };
    Ok(Outcome::Refreshed(Box::new(session::refreshed_tokens(caller, db, known, &came.session, refresh_token).await?)))
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
