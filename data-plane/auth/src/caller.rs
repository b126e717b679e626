//! Who asks: address, program, and, where there is one, the user of its token.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Query},
    http::{
        HeaderMap,
        header::{AUTHORIZATION, REFERER, USER_AGENT},
        request::Parts,
    },
};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    context::{AuthContext, Live},
    error::{AuthError, ErrorCode},
    limits::{self, Limited},
    model::{Session, User},
    settings::Rate,
    store::{self, Db, StoreError},
    token::AccessClaims,
};

/// Longest user agent that is kept, in bytes.
const USER_AGENT_KEPT: usize = 512;

/// Longest value that is counted by, in bytes.
const COUNTED: usize = 128;

/// Names the audience that a request is about.
const AUDIENCE: &str = "x-jwt-aud";

/// One request: what it came with, and the settings that are in force for it.
#[derive(Debug, Clone)]
pub struct Caller {
    pub context: Arc<AuthContext>,
    pub live: Arc<Live>,
    /// The client's; or whom it says it asks for, where it may.
    pub ip: IpAddr,
    /// By what requests are limited, where they are: the address, or whatever the header of the settings says.
    pub counted: Option<String>,
    pub user_agent: String,
    /// Where to go afterwards, if that is allowed; the site otherwise.
    pub redirect_to: String,
    /// Whose users are meant, where the request says so (`X-JWT-AUD`).
    pub audience: Option<String>,
    /// The client must not see whether a message is sent: it neither waits for it nor learns that it could not be.
    pub is_told_nothing: bool,
}

#[derive(Debug, Deserialize)]
struct RedirectTo {
    redirect_to: Option<String>,
}

impl FromRequestParts<Arc<AuthContext>> for Caller {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, context: &Arc<AuthContext>) -> Result<Self, AuthError> {
        let live = context.live();
        let wanted = Query::<RedirectTo>::try_from_uri(&parts.uri).ok().and_then(|query| query.0.redirect_to);
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let asked_for = Some(&parts.headers).filter(|_| live.settings.security.sb_forwarded_for_enabled).and_then(asked_for);
        let ip = asked_for.or_else(|| forwarded_for(&parts.headers)).or(peer).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let mut user_agent = header(USER_AGENT.as_str()).unwrap_or_default();
        user_agent.truncate(user_agent.floor_char_boundary(USER_AGENT_KEPT));
        let audience = header(AUDIENCE).filter(|audience| !audience.is_empty());
        let counted = match (asked_for, &live.settings.rate_limits.header) {
            // Whomever a server asks for is limited, whether others are or not.
            (Some(ip), _) => Some(limits::whose(ip).to_string()),
            (None, Some(name)) => counted(&parts.headers, name, ip),
            (None, None) => None,
        };
        let mut caller = Self {
            context: Arc::clone(context),
            live,
            ip,
            counted,
            user_agent,
            redirect_to: String::new(),
            audience,
            is_told_nothing: false,
        };
        caller.redirect_to = caller.allowed_redirect([wanted, header("redirect_to"), header(REFERER.as_str())]);
        Ok(caller)
    }
}

impl Caller {
    /// The first that is allowed; the site where none is.
    fn allowed_redirect(&self, wanted: [Option<String>; 3]) -> String {
        let settings = &self.live.settings;
        let allowed = |url: &String| !url.is_empty() && settings.allows_redirect(url);
        wanted.into_iter().flatten().find(allowed).unwrap_or_else(|| settings.api.site_url.clone())
    }

    /// As [`Caller::redirect_to`], for a request that says so in its body.
    #[must_use]
    pub fn redirecting_to(mut self, wanted: Option<&str>) -> Self {
        if let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) {
            self.redirect_to = self.allowed_redirect([Some(wanted.to_owned()), None, None]);
        }
        self
    }

    /// As it is, for a request whose answer must not tell whether there is an account.
    pub(crate) fn told_nothing(&self) -> Self {
        Self { is_told_nothing: true, ..self.clone() }
    }

    /// A connection on which each statement is by itself.
    ///
    /// # Errors
    /// There is none.
    pub async fn db(&self) -> Result<Db, AuthError> {
        Ok(self.context.db().await?)
    }

    /// A transaction. Where somebody outside may be asked within one, so many are open at once that connections are left for
    /// what asks nobody.
    ///
    /// # Errors
    /// There is no connection.
    pub async fn begin(&self) -> Result<store::Transaction, AuthError> {
        let turn = if self.live.asks_within { Some(self.context.turn().await?) } else { None };
        Ok(self.context.begin().await?.taking(turn))
    }

    /// Counts the request where requests are limited by address.
    ///
    /// # Errors
    /// There were too many; or there is no connection to count them.
    pub async fn limit_by_address(&self, limited: Limited, rate: Rate) -> Result<(), AuthError> {
        match &self.counted {
            Some(counted) => self.context.count(limited, rate, counted).await,
            None => Ok(()),
        }
    }
}

/// The first address of the chain, as GoTrue takes it. Who serves Auth to the world sees that the header is true.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    headers.get("x-forwarded-for")?.to_str().ok()?.split(',').find_map(|address| address.trim().parse().ok())
}

/// Whom a server of the project's says it asks for: the first address, or nobody where that is none. Who serves Auth to the world lets
/// nobody else say so (the gateway: only who has a secret key).
fn asked_for(headers: &HeaderMap) -> Option<IpAddr> {
    let first = headers.get("sb-forwarded-for")?.to_str().ok()?.split(',').next()?;
    Some(first.trim().parse::<IpAddr>().ok()?.to_canonical())
}

/// As upstream: another header than `X-Forwarded-For` is taken as it is, up to a comma, and who has none is not limited.
fn counted(headers: &HeaderMap, name: &str, ip: IpAddr) -> Option<String> {
    if name.eq_ignore_ascii_case("x-forwarded-for") {
        return Some(limits::whose(ip).to_string());
    }
    let said = headers.get(name)?.to_str().ok()?;
    let first = said.split(',').next().unwrap_or_default().trim();
    let first = first.get(..first.floor_char_boundary(COUNTED)).unwrap_or_default();
    (!first.is_empty()).then(|| first.to_owned())
}

/// A request with a token of a user's.
#[derive(Debug)]
pub struct SignedIn {
    pub caller: Caller,
    pub claims: AccessClaims,
    pub user: User,
    pub session: Option<Session>,
}

impl FromRequestParts<Arc<AuthContext>> for SignedIn {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, context: &Arc<AuthContext>) -> Result<Self, AuthError> {
        let bearer = Bearer::from_request_parts(parts, context).await?;
        let db = bearer.caller.db().await?;
        let (user, session) = futures::try_join!(bearer.user(&db), bearer.session(&db))?;
        bearer.signed_in(user, session)
    }
}

/// A request with a token whose user and session are still to be looked up: whoever needs more of the user than that looks it up
/// at the same time.
#[derive(Debug)]
pub(crate) struct Bearer {
    pub(crate) caller: Caller,
    claims: AccessClaims,
    pub(crate) user_id: Uuid,
}

impl FromRequestParts<Arc<AuthContext>> for Bearer {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, context: &Arc<AuthContext>) -> Result<Self, AuthError> {
        let caller = Caller::from_request_parts(parts, context).await?;
        let claims = claims(&caller, &parts.headers)?;
        if claims.sub.is_empty() {
            return Err(AuthError::forbidden(ErrorCode::BadJwt, "invalid claim: missing sub claim"));
        }
        if caller.audience.as_ref().is_some_and(|audience| claims.aud != **audience) {
            let message = "Token audience doesn't match request audience";
            return Err(AuthError::bad_request(ErrorCode::UnexpectedAudience, message));
        }
        let user_id = claims
            .sub
            .parse()
            .map_err(|_| AuthError::bad_request(ErrorCode::BadJwt, "invalid claim: sub claim must be a UUID"))?;
        Ok(Self { caller, claims, user_id })
    }
}

impl Bearer {
    pub(crate) async fn user(&self, db: &Db) -> Result<Option<User>, StoreError> {
        store::users::find(db, self.user_id).await
    }

    pub(crate) async fn session(&self, db: &Db) -> Result<Option<Session>, StoreError> {
        match self.session_id() {
            Some(id) => store::sessions::find(db, id).await,
            None => Ok(None),
        }
    }

    fn session_id(&self) -> Option<Uuid> {
        self.claims.session_id.filter(|id| !id.is_nil())
    }

    /// With what was looked up, if the user may still come in.
    pub(crate) fn signed_in(self, user: Option<User>, session: Option<Session>) -> Result<SignedIn, AuthError> {
        let user = user
            .filter(|user| user.deleted_at.is_none())
            .ok_or_else(|| AuthError::forbidden(ErrorCode::UserNotFound, "User from sub claim in JWT does not exist"))?;
        let session = session.filter(|session| session.user_id == user.id);
        if self.session_id().is_some() && session.is_none() {
            return Err(no_session());
        }
        if user.is_banned() {
            return Err(AuthError::forbidden(ErrorCode::UserBanned, "User is banned"));
        }
        Ok(SignedIn { caller: self.caller, claims: self.claims, user, session })
    }
}

pub(crate) fn no_session() -> AuthError {
    AuthError::forbidden(ErrorCode::SessionNotFound, "Session from session_id claim in JWT does not exist")
}

impl SignedIn {
    /// The session.
    ///
    /// # Errors
    /// The token is of none: it was made by hand.
    pub fn session(&self) -> Result<&Session, AuthError> {
        self.session.as_ref().ok_or_else(no_session)
    }
}

/// A request with a token of an administrator's role.
#[derive(Debug)]
pub struct Admin {
    pub caller: Caller,
    pub claims: AccessClaims,
}

impl FromRequestParts<Arc<AuthContext>> for Admin {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, context: &Arc<AuthContext>) -> Result<Self, AuthError> {
        let caller = Caller::from_request_parts(parts, context).await?;
        let claims = claims(&caller, &parts.headers)?;
        if caller.live.settings.jwt.admin_roles.contains(&claims.role) {
            Ok(Self { caller, claims })
        } else {
            Err(AuthError::forbidden(ErrorCode::NotAdmin, "User not allowed"))
        }
    }
}

fn claims(caller: &Caller, headers: &HeaderMap) -> Result<AccessClaims, AuthError> {
    let missing = || AuthError::unauthorized(ErrorCode::NoAuthorization, "This endpoint requires a valid Bearer token");
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(missing)?;
    let (scheme, token) = value.split_once(' ').ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") || token.trim().is_empty() {
        return Err(missing());
    }
    let claims = caller.live.keys.verify(token.trim())?;
    if claims.is_id_token() {
        return Err(AuthError::forbidden(ErrorCode::BadJwt, "invalid claim: an ID token is no access token"));
    }
    Ok(claims)
}
