//! Flows that end in a code instead of tokens: only who began one can exchange it (RFC 7636).

use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::session::{Grant, Tokens};
use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    mfa::CodeChallenge,
    model::{FlowState, Method, User},
    store::{self, Db},
};

/// What a request for a flow by PKCE has.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Pkce {
    #[serde(default)]
    code_challenge: Option<String>,
    #[serde(default)]
    code_challenge_method: Option<String>,
}

impl Pkce {
    pub(crate) fn of(code_challenge: Option<String>, code_challenge_method: Option<String>) -> Self {
        Self { code_challenge, code_challenge_method }
    }

    /// The challenge, or nothing where the flow is the implicit one.
    pub(crate) fn challenge(&self) -> Result<Option<CodeChallenge>, AuthError> {
        let challenge = self.code_challenge.as_deref().filter(|text| !text.is_empty());
        let method = self.code_challenge_method.as_deref().filter(|text| !text.is_empty());
        match (method, challenge) {
            (None, None) => Ok(None),
            (Some(method), Some(challenge)) => {
                CodeChallenge::new(method, challenge).map(Some).map_err(|error| AuthError::validation(error.to_string()))
            }
            _ => Err(AuthError::validation("PKCE flow requires code_challenge_method and code_challenge")),
        }
    }
}

/// Remembers a flow of a user's that a message goes out for.
pub(crate) async fn begin(db: &Db, user: &User, method: Method, challenge: Option<&CodeChallenge>) -> Result<(), AuthError> {
    let Some(challenge) = challenge else { return Ok(()) };
    let mut flow = FlowState::new(method.as_str(), method);
    flow.user_id = Some(user.id);
    flow.code_challenge_method = Some(challenge.method().to_owned());
    flow.code_challenge = Some(challenge.challenge().to_owned());
    store::flow_states::insert(db, &flow).await?;
    Ok(())
}

/// The code of the flow that a user's message belongs to, now that the user has followed it.
pub(crate) async fn issue_code(db: &Db, user: &User, method: Method) -> Result<String, AuthError> {
    let mut flow = store::flow_states::latest_of_user(db, user.id, method.as_str())
        .await?
        .ok_or_else(|| AuthError::not_found(ErrorCode::FlowStateNotFound, "No valid flow state found for user."))?;
    flow.auth_code_issued_at = Some(OffsetDateTime::now_utc());
    store::flow_states::update(db, &flow).await?;
    Ok(flow.auth_code)
}

/// Exchanges a code for a session.
pub(crate) async fn exchange(caller: &Caller, code: &str, verifier: &str) -> Result<Tokens, AuthError> {
    if code.is_empty() || verifier.is_empty() {
        return Err(AuthError::validation("invalid request: both auth code and code verifier should be non-empty"));
    }
    let tx = caller.begin().await?;
    let outcome = within(caller, &tx, code, verifier).await;
    tx.end(outcome).await
}

async fn within(caller: &Caller, db: &Db, code: &str, verifier: &str) -> Result<Tokens, AuthError> {
    let not_found = || AuthError::not_found(ErrorCode::FlowStateNotFound, "invalid flow state, no valid flow state found");
    let code: Uuid = code.parse().map_err(|_| not_found())?;
    let flow = store::flow_states::find_by_code(db, &code.to_string()).await?.ok_or_else(not_found)?;
    let since = flow.auth_code_issued_at.unwrap_or(flow.created_at);
    if OffsetDateTime::now_utc() - since > caller.live.settings.external.flow_state_expiry {
        return Err(AuthError::forbidden(ErrorCode::FlowStateExpired, "invalid flow state, flow state has expired"));
    }
    let user_id = flow.user_id.filter(|_| flow.auth_code_issued_at.is_some()).ok_or_else(not_found)?;
    let challenge = match (&flow.code_challenge_method, &flow.code_challenge) {
        (Some(method), Some(challenge)) => CodeChallenge::new(method, challenge).ok(),
        _ => None,
    };
    if !challenge.is_some_and(|challenge| challenge.verify(verifier)) {
        let message = "code challenge does not match previously saved code verifier";
        return Err(AuthError::bad_request(ErrorCode::BadCodeVerifier, message));
    }
    let user = super::lock(db, user_id).await?;
    if user.is_banned() {
        return Err(AuthError::bad_request(ErrorCode::UserBanned, "User is banned"));
    }
    super::audit::note(
        caller,
        db,
        &user,
        super::audit::Action::Login,
        serde_json::json!({ "provider_type": flow.provider_type }),
    )
    .await?;
    let method = method_of(&flow.authentication_method);
    let mut tokens = super::session::begin(caller, db, user, method, Grant::default()).await?;
    tokens.provider_token = flow.provider_access_token.clone().filter(|token| !token.is_empty());
    tokens.provider_refresh_token = flow.provider_refresh_token.clone().filter(|token| !token.is_empty());
    store::flow_states::delete(db, flow.id).await?;
    Ok(tokens)
}

fn method_of(text: &str) -> Method {
    [
        Method::OAuth,
        Method::Password,
        Method::Otp,
        Method::Recovery,
        Method::Invite,
        Method::SsoSaml,
        Method::MagicLink,
        Method::EmailSignup,
        Method::EmailChange,
    ]
    .into_iter()
    .find(|method| method.as_str() == text)
    .unwrap_or(Method::OAuth)
}
