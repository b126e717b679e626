//! Sessions: begun by a sign-in, told by an access token, and prolonged by refresh tokens.

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{UserRecord, audience, hooks, rotation};
use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    model::{Aal, AmrClaim, Method, Session, User},
    store::{self, Db, StoreError},
    token::{AccessClaims, Amr, expiry},
};

/// What a client gets at a sign-in and at each refresh.
#[derive(Serialize)]
pub(crate) struct Tokens {
    pub(crate) access_token: String,
    pub(crate) token_type: &'static str,
    /// Seconds.
    pub(crate) expires_in: u64,
    /// Seconds since 1970.
    pub(crate) expires_at: i64,
    pub(crate) refresh_token: String,
    pub(crate) user: UserRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provider_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provider_refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weak_password: Option<Value>,
    /// What a client of the OAuth server has asked for; not told but there.
    #[serde(skip)]
    pub(crate) scope: Option<String>,
}

/// What a session is to be beside its user's.
#[derive(Debug, Default)]
pub(crate) struct Grant {
    /// Where it follows from what it was begun with; a random one otherwise.
    pub(crate) session_id: Option<Uuid>,
    pub(crate) oauth_client_id: Option<Uuid>,
    pub(crate) scopes: Option<String>,
}

/// Begins a session of a user who has shown who it is.
pub(crate) async fn begin(caller: &Caller, db: &Db, mut user: User, method: Method, grant: Grant) -> Result<Tokens, AuthError> {
    // Whatever way in was taken: it may have begun before the account's end.
    if user.deleted_at.is_some() {
        return Err(super::no_such_user());
    }
    if user.is_banned() {
        return Err(AuthError::forbidden(ErrorCode::UserBanned, "User is banned"));
    }
    let settings = &caller.live.settings;
    let now = OffsetDateTime::now_utc();
    user.last_sign_in_at = Some(now);
    user.updated_at = Some(now);
    let mut session = Session {
        id: grant.session_id.unwrap_or_else(Uuid::new_v4),
        user_id: user.id,
        factor_id: None,
        aal: Aal::Aal1,
        // The time that a session has is looked up at each refresh: a shorter one is in force for old sessions, too.
        not_after: None,
        refreshed_at: None,
        created_at: now,
        user_agent: Some(caller.user_agent.clone()),
        ip: Some(caller.ip),
        tag: tag(&settings.sessions.tags, &user),
        oauth_client_id: grant.oauth_client_id,
        scopes: grant.scopes,
        signing: None,
    };
    let first = rotation::first(caller, &mut session)?;
    let (.., known) = futures::try_join!(
        store::users::signed_in(db, user.id, now),
        store::sessions::insert(db, &session),
        store::sessions::add_amr(db, session.id, method),
        first.store(db, &session),
        Known::load(db, user, session.id),
    )?;
    issue(caller, db, known, &session, first.token, false).await
}

/// What a token tells besides its session.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) record: UserRecord,
    /// The latest first.
    pub(crate) amr: Vec<AmrClaim>,
}

impl Known {
    pub(crate) async fn load(db: &Db, user: User, session_id: Uuid) -> Result<Self, StoreError> {
        let (amr, record) = futures::try_join!(store::sessions::amr(db, session_id), UserRecord::load(db, user))?;
        Ok(Self { record, amr })
    }
}

/// An access token of a session whose user has just shown who it is, and what goes with it.
pub(crate) async fn tokens(
    caller: &Caller,
    db: &Db,
    user: User,
    session: &Session,
    refresh_token: String,
) -> Result<Tokens, AuthError> {
    let known = Known::load(db, user, session.id).await?;
    issue(caller, db, known, session, refresh_token, false).await
}

/// As [`tokens`], for a session that goes on.
pub(crate) async fn refreshed_tokens(
    caller: &Caller,
    db: &Db,
    known: Known,
    session: &Session,
    refresh_token: String,
) -> Result<Tokens, AuthError> {
    issue(caller, db, known, session, refresh_token, true).await
}

async fn issue(
    caller: &Caller,
    db: &Db,
    known: Known,
    session: &Session,
    refresh_token: String,
    is_refresh: bool,
) -> Result<Tokens, AuthError> {
    let settings = &caller.live.settings;
    let Known { record, amr } = known;
    let user = &record.user;
    let latest = amr.first().map(|claim| claim.method.clone()).unwrap_or_default();
    let (issued_at, expires_at) = expiry(settings.jwt.exp);
    let claims = AccessClaims {
        iss: settings.jwt.issuer.clone().unwrap_or_else(|| settings.api.external_url.clone()),
        sub: user.id.to_string(),
        aud: Value::String(if user.aud.is_empty() { audience(caller).to_owned() } else { user.aud.clone() }),
        exp: expires_at,
        iat: issued_at,
        email: user.email().to_owned(),
        phone: user.phone().to_owned(),
        app_metadata: user.app_metadata.clone(),
        user_metadata: user.user_metadata.clone(),
        role: user.role.clone(),
        aal: session.aal.as_str().to_owned(),
        amr: amr
            .into_iter()
            .map(|claim| Amr { method: claim.method, timestamp: claim.at.unix_timestamp(), provider: None })
            .collect(),
        session_id: Some(session.id),
        is_anonymous: user.is_anonymous,
        client_id: session.oauth_client_id.map(|id| id.to_string()),
        scope: session.scopes.clone(),
    };
    let access_token = if settings.hooks.custom_access_token.enabled {
        let method = if is_refresh { "token_refresh" } else { &latest };
        caller.live.keys.sign(&hooks::custom_access_token(caller, db, user.id, serde_json::json!(claims), method).await?)?
    } else {
        caller.live.keys.sign(&claims)?
    };
    Ok(Tokens {
        access_token,
        token_type: "bearer",
        expires_in: settings.jwt.exp.as_secs(),
        expires_at,
        refresh_token,
        user: record,
        provider_token: None,
        provider_refresh_token: None,
        weak_password: None,
        scope: session.scopes.clone(),
    })
}

/// Which of the tags that are told apart is the user's: sessions with different ones may be there at once.
fn tag(tags: &[String], user: &User) -> Option<String> {
    if tags.is_empty() {
        return None;
    }
    let own = user.app_metadata.get("tag").and_then(Value::as_str);
    own.filter(|own| tags.iter().any(|tag| tag == own)).or_else(|| tags.first().map(String::as_str)).map(ToOwned::to_owned)
}
