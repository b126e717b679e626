//! Where the project is asked before Auth acts: a function of its database, or an address by HTTPS.
//!
//! Events and answers are GoTrue's (Supabase's documentation, "Auth Hooks").

use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use super::{
    UserRecord,
    mail::Content,
    undo::{Undo, send_afterwards},
};
use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    model::{Factor, User},
    outgoing::webhook::{self, HookError, HookSecrets, HookUri},
    settings::{Hook, MailKind},
    store::{self, Db, StoreError},
};

/// The claims that the hook has given a token, in the place of ours.
pub(crate) async fn custom_access_token(
    caller: &Caller,
    db: &Db,
    user_id: Uuid,
    claims: Value,
    method: &str,
) -> Result<Map<String, Value>, AuthError> {
    let event = json!({ "user_id": user_id, "claims": claims, "authentication_method": method });
    let mut answer = ask_within(caller, db, &caller.live.settings.hooks.custom_access_token, &event).await?;
    conforming(answer.get_mut("claims").map(Value::take).unwrap_or_default()).map_err(|violations| {
        let message = format!("output claims do not conform to the expected schema: \n{violations}");
        AuthError::internal(message, "custom_access_token")
    })
}

/// Asks whether somebody new may come in.
pub(crate) async fn before_user_created(caller: &Caller, db: &Db, user: &User) -> Result<(), AuthError> {
    let hook = &caller.live.settings.hooks.before_user_created;
    if !hook.enabled {
        return Ok(());
    }
    let record = UserRecord { user: user.clone(), identities: Vec::new(), factors: Vec::new() };
    ask_within(caller, db, hook, &about_user(caller, "before-user-created", &record)).await.map(drop)
}

/// Has the hook be told of somebody new, once that is committed and its messages are sent: an account whose message could not be
/// sent is gone again. As upstream, the client waits for it and is told its error; the account stays.
pub(crate) fn after_user_created(caller: &Caller, db: &Db, user_id: Uuid) {
    if !caller.live.settings.hooks.after_user_created.enabled {
        return;
    }
    let caller = caller.clone();
    db.at_last(async move {
        let db = caller.db().await?;
        let Some(user) = store::users::find(&db, user_id).await? else { return Ok(()) };
        let record = UserRecord::load(&db, user).await?;
        // No connection waits for the hook.
        drop(db);
        let event = about_user(&caller, "after-user-created", &record);
        ask(&caller, &caller.live.settings.hooks.after_user_created, &event).await.map(drop)
    });
}

fn about_user(caller: &Caller, name: &str, record: &UserRecord) -> Value {
    json!({
        "metadata": {
            "uuid": Uuid::new_v4(),
            "time": OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
            "name": name,
            "ip_address": caller.ip,
        },
        "user": record,
    })
}

/// Tells that a password was compared. Call it outside of a transaction: what the hook notes is to stay.
pub(crate) async fn password_verification_attempt(caller: &Caller, user_id: Uuid, valid: bool) -> Result<(), AuthError> {
    let hook = &caller.live.settings.hooks.password_verification_attempt;
    if !hook.enabled {
        return Ok(());
    }
    let answer = ask(caller, hook, &json!({ "user_id": user_id, "valid": valid })).await?;
    let Some(message) = rejection(&answer, "Further password verification attempts will be rejected.") else { return Ok(()) };
    if answer.get("should_logout_user").and_then(Value::as_bool) == Some(true) {
        super::end_sessions(&caller.db().await?, user_id, None).await?;
    }
    Err(AuthError::bad_request(ErrorCode::InvalidCredentials, message))
}

/// Tells that a second factor was shown, within the transaction that notes it. Where the hook refuses, the user is out, and this
/// is what it is told; the transaction is to be committed.
pub(crate) async fn mfa_verification_attempt(
    caller: &Caller,
    db: &Db,
    factor: &Factor,
    valid: bool,
) -> Result<Option<AuthError>, AuthError> {
    let hook = &caller.live.settings.hooks.mfa_verification_attempt;
    if !hook.enabled {
        return Ok(None);
    }
    let event = json!({
        "user_id": factor.user_id,
        "factor_id": factor.id,
        "factor_type": factor.kind.as_str(),
        "valid": valid,
    });
    let answer = ask_within(caller, db, hook, &event).await?;
    let Some(message) = rejection(&answer, "Further MFA verification attempts will be rejected.") else { return Ok(None) };
    super::end_sessions(db, factor.user_id, None).await?;
    Ok(Some(AuthError::forbidden(ErrorCode::MfaVerificationRejected, message)))
}

/// Has the hook send a mail.
pub(crate) async fn send_email(
    caller: &Caller,
    db: &Db,
    user: &User,
    kind: MailKind,
    content: &Content<'_>,
    undo: Undo,
) -> Result<(), AuthError> {
    let settings = &caller.live.settings;
    let digits = |code: Option<&super::one_time::Code>| code.map(|code| code.digits.clone()).unwrap_or_default();
    let hash = |code: Option<&super::one_time::Code>| code.map(|code| code.link.clone()).unwrap_or_default();
    // The names are crossed, as upstream has them: `token` goes to the old address with `token_hash_new`.
    let (token, token_new) = match content.current_code {
        Some(current) => (current.digits.clone(), digits(content.code)),
        None => (digits(content.code), String::new()),
    };
    let event = json!({
        "user": UserRecord::load(db, user.clone()).await?,
        "email_data": {
            "token": token,
            "token_hash": hash(content.code),
            "redirect_to": caller.redirect_to,
            "email_action_type": action(kind),
            "site_url": settings.api.external_url,
            "token_new": token_new,
            "token_hash_new": hash(content.current_code),
            "old_email": content.old_email,
            "old_phone": content.old_phone,
            "provider": content.provider,
            "factor_type": content.factor_type,
        },
    });
    tell(caller, db, &settings.hooks.send_email, event, undo).await
}

/// Has the hook send a code.
pub(crate) async fn send_sms(caller: &Caller, db: &Db, user: &User, sms: Value, undo: Undo) -> Result<(), AuthError> {
    let event = json!({ "user": UserRecord::load(db, user.clone()).await?, "sms": sms });
    tell(caller, db, &caller.live.settings.hooks.send_sms, event, undo).await
}

fn action(kind: MailKind) -> &'static str {
    match kind {
        MailKind::Confirmation => "signup",
        MailKind::MagicLink => "magiclink",
        kind => kind.name(),
    }
}

/// What to tell a user whom the hook turns away.
fn rejection(answer: &Value, usual: &'static str) -> Option<String> {
    if answer.get("decision").and_then(Value::as_str) != Some("reject") {
        return None;
    }
    let message = answer.get("message").and_then(Value::as_str).filter(|message| !message.is_empty());
    Some(message.unwrap_or(usual).to_owned())
}

/// Asks in a transaction of its own, if one is needed at all.
async fn ask(caller: &Caller, hook: &Hook, event: &Value) -> Result<Value, AuthError> {
    match uri(hook)? {
        HookUri::Http(url) => by_http(caller, hook, &url, event).await,
        HookUri::Function { schema, function } => {
            let tx = caller.begin().await?;
            let outcome = by_function(&tx, hook, &schema, &function, event).await;
            tx.end(outcome).await
        }
    }
}

/// Has a hook do something: a function in the flow's transaction, an address once it is committed.
async fn tell(caller: &Caller, db: &Db, hook: &Hook, event: Value, undo: Undo) -> Result<(), AuthError> {
    match uri(hook)? {
        HookUri::Http(url) => {
            let (sender, hook) = (caller.clone(), hook.clone());
            send_afterwards(caller, db, undo, async move { by_http(&sender, &hook, &url, &event).await.map(drop) });
            Ok(())
        }
        HookUri::Function { schema, function } => by_function(db, hook, &schema, &function, &event).await.map(drop),
    }
}

/// Asks in the flow's transaction. Where that is by an address, transactions take turns (`Caller::begin`).
async fn ask_within(caller: &Caller, db: &Db, hook: &Hook, event: &Value) -> Result<Value, AuthError> {
    match uri(hook)? {
        HookUri::Http(url) => by_http(caller, hook, &url, event).await,
        HookUri::Function { schema, function } => by_function(db, hook, &schema, &function, event).await,
    }
}

fn uri(hook: &Hook) -> Result<HookUri, AuthError> {
    hook.uri.parse().map_err(|error| AuthError::internal("The hook's address is wrong", error))
}

async fn by_http(caller: &Caller, hook: &Hook, url: &str, event: &Value) -> Result<Value, AuthError> {
    let secrets = hook.secrets.iter().map(secrecy::ExposeSecret::expose_secret).collect::<Vec<_>>().join("|");
    let secrets = HookSecrets::parse(&secrets).map_err(|error| AuthError::internal("The hook's secret is wrong", error))?;
    Ok(webhook::call(caller.context.http(), url, &secrets, event).await?)
}

async fn by_function(db: &Db, hook: &Hook, schema: &str, function: &str, event: &Value) -> Result<Value, AuthError> {
    let answer = store::hooks::call(db, schema, function, event).await.map_err(|error| {
        let code = error.database_error().map(|error| error.code().clone());
        match (code, error) {
            (Some(code), _) if code == SqlState::QUERY_CANCELED => {
                AuthError::unprocessable(ErrorCode::HookTimeout, "Failed to reach hook within maximum time of 2.000000 seconds")
            }
            (Some(_), error) => AuthError::internal(format!("Error running hook URI: {}", hook.uri), format!("{error:?}")),
            (None, error) => StoreError::into(error),
        }
    })?;
    let answer = if answer.is_empty() { Value::Null } else { serde_json::from_str(&answer).map_err(HookError::InvalidJson)? };
    Ok(webhook::accepted(answer)?)
}

impl From<HookError> for AuthError {
    fn from(error: HookError) -> Self {
        let message = error.to_string();
        match error {
            HookError::Rejected { http_code, message } => {
                let status = http::StatusCode::from_u16(http_code).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
                let code = if status.is_server_error() { ErrorCode::UnexpectedFailure } else { ErrorCode::Unknown };
                Self::new(status, code, message)
            }
            HookError::Timeout => Self::unprocessable(ErrorCode::HookTimeout, message),
            HookError::TimeoutAfterRetry => Self::unprocessable(ErrorCode::HookTimeoutAfterRetry, message),
            HookError::PayloadOverSizeLimit => Self::unprocessable(ErrorCode::HookPayloadOverSizeLimit, message),
            HookError::InvalidContentType(_) => Self::bad_request(ErrorCode::HookPayloadInvalidContentType, message),
            HookError::InvalidJson(_)
            | HookError::InvalidPayload
            | HookError::Unauthorized
            | HookError::Status(_)
            | HookError::Http(_)
            | HookError::Signature => Self::internal(message, format!("{error:?}")),
        }
    }
}

/// Claims of a token: their name, what they may be, and whether one has to be there.
const CLAIMS: [(&str, &str, bool); 13] = [
    ("aud", "string/array", true),
    ("exp", "integer", true),
    ("iat", "integer", true),
    ("sub", "string", true),
    ("email", "string", true),
    ("phone", "string", true),
    ("role", "string", true),
    ("aal", "string", true),
    ("session_id", "string", true),
    ("is_anonymous", "boolean", true),
    ("app_metadata", "object", false),
    ("user_metadata", "object", false),
    ("amr", "array", false),
];

/// The claims, if a token can have them; otherwise what is wrong, a line each, in the words of upstream's validator.
fn conforming(claims: Value) -> Result<Map<String, Value>, String> {
    let Value::Object(claims) = claims else {
        return Err(format!("- (root): Invalid type. Expected: object, given: {}\n", kind(&claims)));
    };
    let violations: String = CLAIMS
        .iter()
        .filter_map(|(name, expected, required)| match claims.get(*name) {
            None if *required => Some(format!("- (root): {name} is required\n")),
            Some(value) if expected.split('/').all(|expected| expected != kind(value)) => {
                Some(format!("- {name}: Invalid type. Expected: {expected}, given: {}\n", kind(value)))
            }
            _ => None,
        })
        .collect();
    if violations.is_empty() { Ok(claims) } else { Err(violations) }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_those_of_a_token() {
        let whole = json!({
            "aud": "authenticated", "exp": 2, "iat": 1, "sub": "1", "email": "", "phone": "", "role": "authenticated",
            "aal": "aal1", "session_id": "1", "is_anonymous": false, "own": { "plan": "pro" },
        });
        assert_eq!(conforming(whole.clone()).unwrap()["own"]["plan"], "pro");
        let mut wrong = whole;
        wrong["exp"] = json!("soon");
        wrong["app_metadata"] = json!(null);
        wrong.as_object_mut().unwrap().remove("role");
        let expected = "- exp: Invalid type. Expected: integer, given: string\n- (root): role is required\n\
                        - app_metadata: Invalid type. Expected: object, given: null\n";
        assert_eq!(conforming(wrong).unwrap_err(), expected);
        assert_eq!(conforming(Value::Null).unwrap_err(), "- (root): Invalid type. Expected: object, given: null\n");
    }

    #[test]
    fn a_rejection_has_words() {
        assert_eq!(rejection(&json!({ "decision": "continue", "message": "x" }), "usual"), None);
        assert_eq!(rejection(&json!({ "decision": "reject" }), "usual").unwrap(), "usual");
        assert_eq!(rejection(&json!({ "decision": "reject", "message": "no" }), "usual").unwrap(), "no");
    }
}
