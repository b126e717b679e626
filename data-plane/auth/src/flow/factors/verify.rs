//! The answer to a challenge. A right one makes the session sure of its user, and ends the user's other sessions that are not.

use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Use, check_enabled, find, lock, note, tell, too_many};
use crate::{
    caller::{Caller, SignedIn, no_session},
    error::{AuthError, ErrorCode},
    flow::{
        audit::{self, Action},
        hooks, relying_party, rotation, sealed,
        session::{self, Tokens},
    },
    mfa::TotpKey,
    model::{Aal, Challenge, Factor, FactorKind, FactorStatus, Method, Session, User},
    passkey::{self, AuthenticationState, Credential, RegistrationState},
    settings::MailKind,
    store::{self, Db},
};

/// So many wrong answers may a user give one after the other; then one more each [`WEIGHT`].
const FAILURES: u32 = 10;
/// So long a wrong answer counts. At this pace somebody who only knows the password guesses a code in ten years or so.
const WEIGHT: Duration = Duration::from_secs(180);

/// An answer to a challenge.
pub(crate) struct Attempt {
    pub(crate) challenge_id: Uuid,
    pub(crate) proof: Proof,
}

pub(crate) enum Proof {
    Code(String),
    /// A browser's credential.
    WebAuthn(Value),
}

/// What an attempt comes to. That it failed is to be remembered.
enum Outcome {
    Verified(Box<Tokens>),
    Refused(AuthError),
}

/// What a right answer leaves.
struct Proven {
    method: Method,
    /// Of a time-based code.
    step: Option<i64>,
    /// As it is after its use.
    credential: Option<Credential>,
}

pub(crate) async fn verify(signed_in: &SignedIn, factor_id: Uuid, attempt: &Attempt) -> Result<Tokens, AuthError> {
    let tx = signed_in.caller.begin().await?;
    let outcome = within(signed_in, &tx, factor_id, attempt).await;
    match tx.end(outcome).await? {
        Outcome::Verified(tokens) => Ok(*tokens),
        Outcome::Refused(error) => Err(error),
    }
}

async fn within(signed_in: &SignedIn, db: &Db, factor_id: Uuid, attempt: &Attempt) -> Result<Outcome, AuthError> {
    let caller = &signed_in.caller;
    let (user, session) = lock(signed_in, db).await?;
    let factor = find(db, &user, factor_id).await?;
    check_enabled(caller, factor.kind, Use::Verify)?;
    check_failures(db, &user).await?;
    let challenge = store::factors::find_challenge(db, factor.id, attempt.challenge_id).await?.ok_or_else(|| {
        AuthError::unprocessable(ErrorCode::MfaFactorNotFound, "MFA factor with the provided challenge ID not found")
    })?;
    if challenge.verified_at.is_some() || challenge.ip_address != caller.ip {
        let message = "Challenge and verify IP addresses mismatch.";
        return Err(AuthError::unprocessable(ErrorCode::MfaIpAddressMismatch, message));
    }
    if OffsetDateTime::now_utc() > challenge.created_at + caller.live.settings.mfa.challenge_expiry {
        store::factors::delete_challenge(db, challenge.id).await?;
        let message =
            format!("MFA challenge {} has expired, verify against another challenge or create a new challenge.", challenge.id);
        return Ok(Outcome::Refused(AuthError::unprocessable(ErrorCode::MfaChallengeExpired, message)));
    }
    if !factor.is_verified() {
        check_first(caller, db, &user, &session).await?;
    }
    note(caller, db, &user, Action::VerificationAttempted, &factor).await?;
    let proven = match prove(caller, db, &user, &factor, &challenge, &attempt.proof).await {
        Ok(proven) => Ok(proven),
        Err(Failure::Wrong(message)) => Err(AuthError::unprocessable(ErrorCode::MfaVerificationFailed, message)),
        Err(Failure::Error(error)) => return Err(error),
    };
    if proven.is_err() {
        store::factors::failed(db, user.id, WEIGHT).await?;
    }
    // Asked of every attempt, right or wrong, before anything follows from it.
    if let Some(rejection) = hooks::mfa_verification_attempt(caller, db, &factor, proven.is_ok()).await? {
        return Ok(Outcome::Refused(rejection));
    }
    match proven {
        Ok(proven) => {
            let tokens = raise(caller, db, user, session, factor, &challenge, proven).await?;
            Ok(Outcome::Verified(Box::new(tokens)))
        }
        Err(refusal) => Ok(Outcome::Refused(refusal)),
    }
}

/// That the user has not just given too many wrong answers.
async fn check_failures(db: &Db, user: &User) -> Result<(), AuthError> {
    let Some(until) = store::factors::failures_weigh_until(db, user.id).await? else { return Ok(()) };
    let wait = until - OffsetDateTime::now_utc() - WEIGHT * (FAILURES - 1);
    if wait.is_positive() {
        let seconds = wait.whole_seconds().unsigned_abs() + 1;
        let message = "Too many failed attempts to verify a factor, try again later";
        return Err(AuthError::too_many(ErrorCode::OverRequestRateLimit, message).with_retry_after(seconds));
    }
    Ok(())
}

/// A factor that was never used proves nothing of who enrolled it. Where others are there, one of them has to be used before.
async fn check_first(caller: &Caller, db: &Db, user: &User, session: &Session) -> Result<(), AuthError> {
    let verified = store::factors::of_user(db, user.id).await?.iter().filter(|factor| factor.is_verified()).count();
    if verified >= caller.live.settings.mfa.max_verified_factors {
        return Err(too_many());
    }
    if verified > 0 && session.aal < Aal::Aal2 {
        return Err(AuthError::forbidden(ErrorCode::InsufficientAal, "AAL2 required to verify a new factor"));
    }
    Ok(())
}

/// Why an answer proves nothing.
enum Failure {
    /// It is not the right answer.
    Wrong(String),
    /// Nobody knows whether it is.
    Error(AuthError),
}

impl<E: Into<AuthError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

async fn prove(
    caller: &Caller,
    db: &Db,
    user: &User,
    factor: &Factor,
    challenge: &Challenge,
    proof: &Proof,
) -> Result<Proven, Failure> {
    match (factor.kind, proof) {
        (FactorKind::Totp | FactorKind::Phone, Proof::Code(code)) if code.is_empty() => {
            Err(AuthError::validation("Code needs to be non-empty").into())
        }
        (FactorKind::Totp, Proof::Code(code)) => {
            let wrong = || Failure::Wrong("Invalid TOTP code entered".to_owned());
            let secret = sealed::open(caller, factor.id, factor.secret.as_deref().unwrap_or_default())?;
            let key = TotpKey::from_base32(&secret.value)
                .map_err(|error| AuthError::internal("Error reading the factor's secret", error))?;
            let last = store::factors::last_step(db, factor.id).await?.and_then(|step| u64::try_from(step).ok());
            let now = OffsetDateTime::now_utc().unix_timestamp().unsigned_abs();
            let step = key.verify(code, now, last).ok_or_else(wrong)?;
            let step = i64::try_from(step).map_err(|_| wrong())?;
            if secret.is_stale {
                store::factors::set_secret(db, factor.id, &sealed::seal(caller, factor.id, &secret.value)?).await?;
            }
            Ok(Proven { method: Method::Totp, step: Some(step), credential: None })
        }
        (FactorKind::Phone, Proof::Code(code)) => {
            let stored = challenge.otp_code.as_deref().unwrap_or_default();
            if caller.live.links.is_of_code(stored, factor.phone.as_deref().unwrap_or_default(), code) {
                Ok(Proven { method: Method::PhoneFactor, step: None, credential: None })
            } else {
                Err(Failure::Wrong("Invalid MFA Phone code entered".to_owned()))
            }
        }
        (FactorKind::WebAuthn, Proof::WebAuthn(answer)) => {
            let credential = prove_credential(user, factor, challenge, answer).map_err(|error| match error {
                passkey::Error::Stored(_) | passkey::Error::Settings(_) => {
                    Failure::Error(AuthError::internal("Error reading the factor's credential", format!("{error:?}")))
                }
                error => Failure::Wrong(format!("Invalid WebAuthn credential: {error}")),
            })?;
            Ok(Proven { method: Method::WebAuthnFactor, step: None, credential: Some(credential) })
        }
        (FactorKind::WebAuthn, Proof::Code(_)) => Err(AuthError::validation("WebAuthn config is required").into()),
        (FactorKind::Totp | FactorKind::Phone, Proof::WebAuthn(_)) => {
            Err(AuthError::validation("Code needs to be non-empty").into())
        }
    }
}

fn prove_credential(user: &User, factor: &Factor, challenge: &Challenge, answer: &Value) -> Result<Credential, passkey::Error> {
    let state = challenge.web_authn_session_data.as_ref().unwrap_or(&Value::Null);
    if !factor.is_verified() {
        return passkey::finish_registration(&RegistrationState::from_json(state)?, answer);
    }
    let stored = Credential::from_json(factor.web_authn_credential.as_ref().unwrap_or(&Value::Null))?;
    let assertion = passkey::read_assertion(answer)?;
    let owner = relying_party::user(user).handle;
    Ok(passkey::finish_authentication(&AuthenticationState::from_json(state)?, &assertion, &stored, &owner)?.credential)
}

async fn raise(
    caller: &Caller,
    db: &Db,
    user: User,
    mut session: Session,
    mut factor: Factor,
    challenge: &Challenge,
    proven: Proven,
) -> Result<Tokens, AuthError> {
    store::factors::forget_failures(db, user.id).await?;
    store::factors::challenge_met(db, challenge.id, proven.step).await?;
    let is_new = !factor.is_verified();
    factor.status = FactorStatus::Verified;
    if let Some(credential) = &proven.credential {
        let json = credential.to_json().map_err(|error| AuthError::internal("Error storing the factor's credential", error))?;
        factor.web_authn_credential = Some(json);
        factor.web_authn_aaguid = credential.aaguid();
    }
    store::factors::update(db, &mut factor).await?;
    // Whoever enrolled one and never used it had only the password.
    store::factors::delete_unverified(db, user.id, factor.id).await?;
    session.aal = session.aal.max(Aal::Aal2);
    session.factor_id = Some(factor.id);
    store::sessions::set_aal(db, session.id, session.aal, session.factor_id).await?;
    store::sessions::add_amr(db, session.id, proven.method).await?;
    store::sessions::delete_below(db, user.id, Aal::Aal2, session.id).await?;
    let refresh_token = rotation::replace(caller, db, &mut session).await?.ok_or_else(no_session)?;
    audit::note(caller, db, &user, Action::MfaCodeLogin, json!({ "factor_id": factor.id })).await?;
    if is_new {
        tell(caller, db, &user, MailKind::MfaFactorEnrolled, &factor).await;
    }
    session::tokens(caller, db, user, &session, refresh_token).await
}
